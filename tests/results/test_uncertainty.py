"""Intervals and comparisons of tables, from predictions that are made by hand."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.results.cells import Table
from scalearn.results.companions import write_comparisons
from scalearn.results.explain import explanation
from scalearn.results.layout import Layout
from scalearn.results.records import Part, ScoreRecord, score_path
from scalearn.results.tables import scored_table, write_table
from scalearn.statistics.crossed import Runs, Term, estimate
from scalearn.storage.files import sha256, write_json
from tests.results.made import layout_of, make_run, run_json, run_of

ROWS = 200
RIGHT = {"adapter": 0.6, "scalearn": 0.9, "adapter_fusion": 0.62}  # the share of rows that a method has right


def right_rows(method: str, seed: int) -> np.ndarray:
    """Return which rows a run has right: hard rows are hard for all of them."""
    hard = np.random.default_rng(0).random(ROWS)
    noise = np.random.default_rng([seed, *map(ord, method)]).normal(size=ROWS) * 0.1
    return np.asarray(hard + noise < RIGHT[method])


def make(runs: Path, part: Part, method: str, seed: int, right: np.ndarray | None = None) -> Path:
    right = right_rows(method, seed) if right is None else right
    labels = np.arange(len(right)) % 2
    predicted = np.where(right, labels, 1 - labels)
    return make_run(runs / part.folder, part, labels.tolist(), np.eye(2)[predicted].tolist())


def made(
    tmp_path: Path, seeds: int = 3, methods: tuple[str, ...] = ("adapter", "scalearn", "adapter_fusion"), **more: Any
) -> tuple[Layout, Path]:
    """Return the layout of a table of one task, and the folder of its runs, which are made."""
    layout = layout_of(methods, {"rte": list(range(seeds))}, **{"baseline": "adapter", **more})
    runs = tmp_path / "runs"
    for method in methods:
        for seed in range(seeds):
            make(runs, run_of(method, "rte", seed), method, seed)
    return layout, runs


def test_intervals_are_those_of_the_predictions(tmp_path: Path) -> None:
    table = scored_table(*made(tmp_path))
    values = np.stack([right_rows("scalearn", seed) for seed in range(3)]).astype(float)
    expected = estimate([Term(1.0, Runs("rte", values, (0, 1, 2)))])
    assert expected is not None
    assert expected.interval is not None
    (cell,) = next(row for row in table.rows if row.name == "scalearn").cells
    assert cell.interval is not None
    assert (cell.interval.low, cell.interval.high) == pytest.approx((expected.interval.low, expected.interval.high))
    assert (cell.interval.covers, cell.interval.by) == ("seeds and rows", "t")


def test_rows_are_compared_with_the_baseline_row_on_the_same_test_rows(tmp_path: Path) -> None:
    table = scored_table(*made(tmp_path))
    values = {method: np.stack([right_rows(method, seed) for seed in range(3)]) for method in RIGHT}
    clear, unclear = table.comparison("scalearn", "rte"), table.comparison("adapter_fusion", "rte")
    assert clear is not None
    assert unclear is not None
    assert clear.difference == pytest.approx(values["scalearn"].mean() - values["adapter"].mean())
    terms = [
        Term(weight, Runs("rte", values[method].astype(float), tuple((method, seed) for seed in range(3))))
        for weight, method in ((1.0, "scalearn"), (-1.0, "adapter"))
    ]
    expected = estimate(terms)
    assert expected is not None
    assert clear.p == pytest.approx(expected.p)
    assert clear.adjusted == pytest.approx(2 * (clear.p or 0))
    assert (clear.trend, unclear.trend) == ("up", "")
    assert table.better_on == {"scalearn": 1, "adapter_fusion": 0}
    assert table.columns[0].detectable is not None
    assert 0.01 < table.columns[0].detectable < 0.1


def written(layout: Layout, runs: Path, tmp_path: Path) -> dict[str, str]:
    """Return the Markdown and CSV files of a table and its comparisons."""
    write_table(layout, runs, tmp_path / "results/pair_table")
    names = ["pair_table.md", "pair_table.csv", "pair_comparisons.md", "pair_comparisons.csv", "pair_comparisons.tex"]
    write_comparisons(layout, runs, tmp_path / "results/pair_comparisons")
    return {name: (tmp_path / "results" / name).read_text() for name in names}


def test_files_mark_what_is_beyond_the_noise_and_say_by_which_rule(tmp_path: Path) -> None:
    files = written(*made(tmp_path), tmp_path)
    (line,) = [line for line in files["pair_table.md"].splitlines() if line.startswith("| ScaLearn ")]
    assert line.count("**") == 4  # the cell and the average
    assert line.count("↑") == 2
    assert "Marked ↑ ↓: better or worse than Adapter" in files["pair_table.md"]
    assert files["pair_table.md"].count("**") == 4
    assert "differences from Adapter" in files["pair_comparisons.md"]
    assert "| Detectable " in files["pair_comparisons.md"]
    assert "1 of 1" in files["pair_comparisons.md"]
    assert "$\\uparrow$" in files["pair_comparisons.tex"]
    rows = list(csv.DictReader(files["pair_comparisons.csv"].splitlines()))
    assert [(row["method"], row["against"], row["task"]) for row in rows] == [
        ("scalearn", "adapter", "rte"),
        ("adapter_fusion", "adapter", "rte"),
        ("scalearn", "adapter", ""),
        ("adapter_fusion", "adapter", ""),
    ]
    assert float(rows[0]["low"]) < float(rows[0]["difference"]) < float(rows[0]["high"])


def test_the_same_predictions_make_the_same_bytes(tmp_path: Path) -> None:
    layout, runs = made(tmp_path, seeds=10)
    assert written(layout, runs, tmp_path) == written(layout, runs, tmp_path)


@pytest.mark.parametrize(("seeds", "intervals", "by"), [(10, "auto", "bootstrap"), (9, "auto", "t"), (10, "t", "t")])
def test_ten_seeds_are_bootstrapped_unless_the_campaign_says_t(
    tmp_path: Path, seeds: int, intervals: str, by: str
) -> None:
    layout, runs = made(tmp_path, seeds, ("adapter", "scalearn"), intervals=intervals)
    table = scored_table(layout, runs)
    comparison = table.comparison("scalearn", "rte")
    assert comparison is not None
    assert comparison.interval is not None
    assert comparison.interval.by == by
    assert comparison.trend == "up"


def test_a_single_seed_has_an_interval_for_new_rows_and_no_test(tmp_path: Path) -> None:
    layout, runs = made(tmp_path, seeds=1)
    files = written(layout, runs, tmp_path)
    assert "(rows): one seed" in files["pair_comparisons.md"]
    assert "Nothing is bold: a test needs two seeds of a row and two of Adapter." in files["pair_table.md"]
    assert scored_table(layout, runs).comparisons[0].p is None


def test_without_a_baseline_row_there_are_intervals_alone(tmp_path: Path) -> None:
    files = written(*made(tmp_path, baseline=None), tmp_path)
    assert "95 % intervals" in files["pair_comparisons.md"]
    assert "differences" not in files["pair_comparisons.md"]
    assert "Nothing is bold: the campaign has no row to compare with" in files["pair_table.md"]


def test_a_missing_prediction_leaves_the_scores_and_says_why_there_is_no_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout, runs = made(tmp_path)
    scored_table(layout, runs)
    (runs / run_of("scalearn", "rte", 1).folder / "predictions.parquet").unlink()
    table = scored_table(layout, runs)
    assert "no intervals for rte: " in capsys.readouterr().out
    assert [cell.interval for row in table.rows for cell in row.cells] == [None] * 3
    assert all(row.average is not None for row in table.rows)
    assert table.comparisons == ()


def test_an_unfinished_row_is_not_compared(tmp_path: Path) -> None:
    layout = layout_of(("adapter", "scalearn"), {"rte": [0, 1]}, baseline="adapter")
    for seed in (0, 1):
        make(tmp_path / "runs", run_of("adapter", "rte", seed), "adapter", seed)
    make(tmp_path / "runs", run_of("scalearn", "rte", 1), "scalearn", 1)
    table = scored_table(layout, tmp_path / "runs")
    assert table.comparison("scalearn", None) is None  # the average needs all seeds
    comparison = table.comparison("scalearn", "rte")
    assert comparison is not None
    assert comparison.p is None


def variance_of(table: Table) -> float:
    """Return the width of the interval of ScaLearn's difference."""
    comparison = table.comparison("scalearn", "rte")
    assert comparison is not None
    assert comparison.interval is not None
    return comparison.interval.high - comparison.interval.low


def test_seeds_are_paired_only_where_they_share_source_adapters(tmp_path: Path) -> None:
    shift = {0: 0, 1: 20, 2: 40, 3: 60}  # rows that a seed's source adapters cost each method
    layouts = {
        source: layout_of(
            ("adapter_fusion", "scalearn"), {"rte": list(shift)}, baseline="adapter_fusion", source_seed=source
        )
        for source in (0, "paired")
    }
    for method in ("adapter_fusion", "scalearn"):
        for seed, cost in shift.items():
            right = right_rows(method, seed)
            right[:cost] = False
            make(tmp_path / "runs", run_of(method, "rte", seed), method, seed, right)
    widths = {source: variance_of(scored_table(layout, tmp_path / "runs")) for source, layout in layouts.items()}
    assert widths["paired"] < 0.5 * widths[0]


def test_a_cell_is_explained_with_its_interval_and_its_test(tmp_path: Path) -> None:
    layout, runs = made(tmp_path)
    table = scored_table(layout, runs)
    comparison = table.comparison("scalearn", "rte")
    assert comparison is not None
    text = explanation(layout, runs, "scalearn", "rte")
    assert "95 % interval of the value for new seeds and new test rows: " in text
    assert f"Difference from Adapter, on the same test rows: {comparison.difference * 100:+.2f}" in text
    assert "better beyond the noise" in text
    assert "within the noise" in explanation(layout, runs, "adapter_fusion", "rte")
    assert "Difference from" not in explanation(layout, runs, "adapter", "rte")
    for row, conditional in (("scalearn", True), ("adapter", False)):
        assert ("one set of source adapters" in explanation(layout, runs, row, "rte")) == conditional


def test_a_record_that_its_predictions_contradict_has_no_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout, runs = made(tmp_path)
    scored_table(layout, runs)
    path = score_path(runs, run_of("scalearn", "rte", 1))
    record = ScoreRecord.read(path)
    record.model_copy(update={"scores": dict.fromkeys(record.scores, 0.123)}).write(path)
    assert scored_table(layout, runs).comparisons == ()
    assert "its predictions give another score than its record says" in capsys.readouterr().out


def test_rows_in_another_order_are_put_in_order_and_other_rows_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout, runs = made(tmp_path)
    expected = scored_table(layout, runs).comparisons
    part = run_of("scalearn", "rte", 1)
    path = runs / part.folder / "predictions.parquet"
    whole = pq.read_table(path)

    def rewrite(table: pa.Table) -> None:
        pq.write_table(table, path)
        write_json(runs / part.folder / "run.json", run_json(part, sha256(path)))

    rewrite(whole.take(np.random.default_rng(0).permutation(ROWS)))
    assert scored_table(layout, runs).comparisons == expected
    mixed = whole.take(np.random.default_rng(0).permutation(ROWS))
    rewrite(mixed.set_column(mixed.column_names.index("row"), "row", whole["row"]))  # as if these were their numbers
    assert scored_table(layout, runs).comparisons == ()
    assert "it was tested on other rows" in capsys.readouterr().out
