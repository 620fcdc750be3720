"""Cells whose runs were computed in several precisions or on several devices, or otherwise than most cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scalearn.results.cells import Cell, Table, make_table
from scalearn.results.grid import grid
from scalearn.results.layout import Layout
from scalearn.results.render import latex, markdown
from scalearn.results.scored import current_scores
from tests.results.made import PROVENANCE, layout_of, make_score, run_of

CPU = {"device": "cpu", "precision": "float32", "tf32": False}
GPU = {"device": "cuda", "precision": "bf16", "tf32": False}
TF32 = {"device": "cuda", "precision": "float32", "tf32": True}
SEEDS = {"rte": [0, 1], "nli": [0, 1]}
LAYOUT_2 = layout_of(["adapter", "scalearn"], SEEDS)


def table_of(runs: Path, ways: dict[tuple[str, str, int], list[dict[str, Any]]], layout: Layout = LAYOUT_2) -> Table:
    """Return the table of runs that were computed on a CPU, but for those in `ways` (by method, task and seed)."""
    for method in ("adapter", "scalearn"):
        for task, seeds in SEEDS.items():
            for seed in seeds:
                computed = ways.get((method, task, seed), [CPU])
                make_score(runs, run_of(method, task, seed), 0.7, provenance={**PROVENANCE, "computed": computed})
    return make_table(layout, current_scores([layout], runs), runs)


def marked(table: Table) -> list[str]:
    """Return the Markdown cells with the mark."""
    text = markdown(grid(table))
    return [word.strip() for line in text.splitlines() if "|" in line for word in line.split("|") if "‡" in word]


def note(table: Table) -> str:
    return "\n".join(line for line in markdown(grid(table)).splitlines() if line.startswith("Marked ‡"))


def cell(table: Table, row: str, task: str) -> Cell:
    return next(cell for entry in table.rows if entry.name == row for cell in entry.cells if cell.task == task)


def test_runs_that_are_all_alike_are_not_marked(tmp_path: Path) -> None:
    for ways in ({}, {(m, t, s): [GPU] for m in ("adapter", "scalearn") for t in SEEDS for s in (0, 1)}):
        table = table_of(tmp_path, ways)
        assert marked(table) == [] and note(table) == ""
    assert cell(table, "adapter", "rte").computed == ("bf16 on cuda",)


@pytest.mark.parametrize(
    ("ways", "explanation"),
    [
        ({("adapter", "rte", 1): [GPU]}, "Adapter, rte: bf16 on cuda and float32 on cpu."),  # two seeds
        ({("adapter", "rte", 1): [CPU, GPU]}, "Adapter, rte: bf16 on cuda and float32 on cpu."),  # an interrupted run
        ({("adapter", "rte", seed): [TF32] for seed in (0, 1)}, "Adapter, rte: float32 with tf32 on cuda."),  # a cell
    ],
)
def test_a_cell_that_differs_is_marked_and_explained(
    tmp_path: Path, ways: dict[tuple[str, str, int], list[dict[str, Any]]], explanation: str
) -> None:
    table = table_of(tmp_path, ways)
    assert [text.strip("*‡") for text in marked(table)] == ["70.00 ± 0.00"]
    assert "than most cells (float32 on cpu)" in note(table) and note(table).endswith(explanation)
    assert latex(grid(table)).count(r"$^\ddagger$ &") == 1


def test_cells_that_all_have_runs_of_two_kinds_are_all_marked(tmp_path: Path) -> None:
    table = table_of(tmp_path, {(method, task, 1): [GPU] for method in ("adapter", "scalearn") for task in SEEDS})
    assert len(marked(table)) == 4 and "most cells (" not in note(table)


def test_records_that_say_nothing_are_not_marked_unless_others_say_it(tmp_path: Path) -> None:
    silent = {(m, t, s): list[dict[str, Any]]() for m in ("adapter", "scalearn") for t in SEEDS for s in (0, 1)}
    assert marked(table_of(tmp_path, silent)) == []
    known = {key: ways for key, ways in silent.items() if key[0] == "adapter"}
    assert note(table_of(tmp_path, known)).endswith("Adapter, rte: not known; Adapter, nli: not known.")
