"""Scores beside the paper's published ones."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from statistics import mean

import pytest
import yaml

from scalearn.__main__ import run
from scalearn.campaign.shipped import BENCHMARKS as SHIPPED
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.results.cells import Cell
from scalearn.results.companions import write_published
from scalearn.results.grid import DASH
from scalearn.results.layout import Layout
from scalearn.results.published import (
    AVERAGE,
    BENCHMARKS,
    SMALL_TESTS,
    Against,
    against_published,
    published_csv,
    published_grid,
    published_scores,
)
from scalearn.results.render import latex, markdown
from scalearn.statistics.interval import Interval
from scalearn.tasks import TASKS
from tests.places import ROOT
from tests.results.latex import set_by_pdflatex
from tests.results.made import layout_of, make_score, run_of
from tests.results.paper_table import cell_of, glue_table

RTE = 72.89  # of the adapter


def of(entries: list[Against], row: str, task: str | None) -> Against:
    (entry,) = [entry for entry in entries if (entry.row, entry.task) == (row, task)]
    return entry


def rte(ours: float, half: float | None = 0.01, planned: int = 2, seeds: int = 2) -> Against:
    """Return the comparison of the adapter's score on RTE."""
    table = glue_table(cells={("adapter", "rte"): cell_of("rte", ours / 100, half, planned, seeds)})
    return of(against_published(table), "adapter", "rte")


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_the_published_scores_are_of_the_papers_tasks_and_average_to_theirs(benchmark: str) -> None:
    scores = published_scores(benchmark)
    assert len(scores) == 14 and scores.keys() <= METHODS.keys()
    for of_method in scores.values():
        assert of_method.keys() == {*SHIPPED[benchmark], AVERAGE}
        # Two averages are not rounded as the others (method-facts: ProPETL on SuperGLUE is off by 0.034).
        assert mean(of_method[task] for task in SHIPPED[benchmark]) == pytest.approx(of_method[AVERAGE], abs=0.04)


def test_some_published_scores_by_hand() -> None:
    assert published_scores("glue")["scalearn"]["rte"] == 82.06
    assert published_scores("superglue")["scalearn_pp"]["cb"] == 93.04
    assert published_scores("humset")["hyperformer_pp"][AVERAGE] == 30.46
    assert set(SMALL_TESTS) <= TASKS.keys()


@pytest.mark.parametrize(
    ("ours", "half", "inside", "verdict"),
    [
        (RTE + 0.5, 0.01, True, "OK"),
        (RTE + 0.5, 0.001, False, "near"),
        (RTE - 2, 0.001, False, "near"),  # RTE has 277 test rows: 2 points are near
        (RTE - 2.01, 0.001, False, "off"),
        (RTE + 30, 0.5, True, "OK"),
        (RTE + 0.5, None, None, "near"),
        (RTE + 5, None, None, "off"),
        (RTE + 0.004, 0.0, True, "OK"),  # equal to the two decimals that were published
        (RTE + 0.006, 0.0, False, "near"),
    ],
)
def test_the_verdict(ours: float, half: float | None, inside: bool | None, verdict: str) -> None:
    entry = rte(ours, half)
    assert (entry.inside, entry.verdict) == (inside, verdict)
    assert entry.difference == pytest.approx(ours - RTE)


def test_a_large_task_is_near_within_one_point() -> None:
    for ours, verdict in ((87.4, "near"), (87.6, "off")):
        table = glue_table(cells={("adapter", "mnli"): cell_of("mnli", ours / 100, 0.001)})
        assert of(against_published(table), "adapter", "mnli").verdict == verdict


def test_what_is_incomplete_has_no_verdict_and_neither_has_its_average() -> None:
    table = glue_table(
        cells={("adapter", "rte"): cell_of("rte", 0.7, planned=3), ("scalearn", "rte"): Cell("rte", (0,), {}, None)}
    )
    entries = against_published(table)
    for row in ("adapter", "scalearn"):
        for task in ("rte", None):
            entry = of(entries, row, task)
            assert (entry.ours, entry.difference, entry.inside, entry.verdict) == (None,) * 4
        assert of(entries, row, "cola").verdict == "OK"


def test_the_average_is_compared_with_the_published_average() -> None:
    entry = of(against_published(glue_table()), "scalearn", None)
    assert (entry.published, entry.verdict) == (85.36, "OK")
    assert entry.ours == pytest.approx(85.365)


def test_only_the_papers_benchmarks_and_rows_are_compared() -> None:
    assert against_published(glue_table(benchmark="mine")) == []
    assert against_published(glue_table(tasks=["rte", "cola"])) == []
    assert against_published(glue_table(benchmark="superglue")) == []
    table = glue_table(["adapter", "ia3", "scalearn"], names={"scalearn": "ScaLearn, mine"})
    assert {entry.row for entry in against_published(table)} == {"adapter"}
    note = "or settings of their own: (IA)³, ScaLearn, mine."
    assert note in markdown(published_grid(table, against_published(table), ()))


def test_only_joint_rows_and_only_one_row() -> None:
    table = glue_table(["adapter_m"])
    text = markdown(published_grid(table, against_published(table), ()))
    assert "*Joint*" in text and "*Single-task*" not in text
    assert text.count("| difference |") == 1


def test_the_page_shows_all_three_numbers_the_verdict_and_what_differs() -> None:
    cells = {("adapter", "rte"): cell_of("rte", 0.75, None), ("adapter", "cola"): cell_of("cola", 0.5, planned=3)}
    table = glue_table(["adapter"], cells)
    text = markdown(published_grid(table, against_published(table), ["Encoder: another.", "Seeds: 2."]))
    lines = [[word.strip() for word in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    head, _, _, ours, published, difference = lines
    place = head.index("rte (acc)")
    assert (ours[0], ours[1], ours[place], published[place]) == ("Adapter", "ours", "75.00", "72.89")
    assert difference[place] == "+2.11 [off]°" and difference[head.index("cola (Matthews)")] == DASH
    assert "Marked °: no interval" in text and "- Adapter, cola: 2 of 3 seeds" in text
    assert "What differs from the paper's conditions:\nProtocol: corrected.\nEncoder: another.\nSeeds: 2.\n" in text
    assert "1 point, or 2 on tasks with fewer than 500 test rows (mrpc, rte)" in text


def test_the_numbers_are_a_tidy_csv() -> None:
    cells = {("adapter", "rte"): cell_of("rte", 0.75, None), ("adapter", "cola"): cell_of("cola", 0.5, planned=3)}
    table = glue_table(["adapter"], cells)
    rows = {row["task"]: row for row in csv.DictReader(published_csv(table, against_published(table)).splitlines())}
    assert list(rows) == [column.task for column in table.columns] + [AVERAGE]
    assert (rows["rte"]["inside"], rows["rte"]["mark"], rows["rte"]["low"]) == ("no interval", "off", "")
    assert (rows["cola"]["ours"], rows["cola"]["inside"], rows["cola"]["mark"]) == ("", "", "")
    mnli = rows["mnli"]
    assert (mnli["inside"], mnli["mark"], mnli["published"], mnli["tolerance"]) == ("yes", "OK", "86.5", "1.0")
    assert [float(mnli[key]) for key in ("ours", "difference", "low", "high")] == pytest.approx([86.5, 0, 85.5, 87.5])


@pytest.mark.latex
def test_the_comparison_compiles(tmp_path: Path) -> None:
    table = glue_table(["adapter", "adapter_m", "ia3"], {("adapter", "rte"): cell_of("rte", 0.7, None)})
    (tmp_path / "published.tex").write_text(latex(published_grid(table, against_published(table), ["Encoder: a_b."])))
    set_by_pdflatex([tmp_path / "published.tex"])


def test_files_are_written_from_runs_and_no_other_file_is_replaced(tmp_path: Path) -> None:
    make_score(tmp_path, run_of("adapter", "rte", 0), 0.7289)
    layout: Layout = layout_of(["adapter"], {"rte": [0]}).model_copy(update={"benchmark": "glue"})
    write_published(layout, ["Seeds: 1."], tmp_path, tmp_path / "glue_published")
    written = {path.suffix: path.read_bytes() for path in tmp_path.glob("glue_published.*")}
    assert written.keys() == {".md", ".csv", ".tex"}
    write_published(layout, ["Seeds: 1."], tmp_path, tmp_path / "glue_published")
    assert written == {path.suffix: path.read_bytes() for path in tmp_path.glob("glue_published.*")}
    (tmp_path / "notes.md").write_text("mine")
    with pytest.raises(UserError, match=r"notes\.md: it exists already and is no comparison with published scores"):
        write_published(layout, [], tmp_path, tmp_path / "notes")
    assert not (tmp_path / "notes.csv").exists()


def test_an_interval_is_compared_at_the_published_precision() -> None:
    """WSC: all published seeds equal the majority class, 66 of 104 rows, printed as 63.46."""
    entry = Against("adapter", "wsc", 63.46, 66 / 104 * 100, Interval(66 / 104, 66 / 104))
    assert entry.inside and entry.verdict == "OK"


def test_the_command_compares_the_papers_benchmarks_and_refuses_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = yaml.safe_load((ROOT / "config.yaml").read_text())
    campaign |= {"methods": ["adapter"], "seeds": [0], "benchmarks": {"glue": [*SHIPPED["glue"]], "mine": ["rte"]}}
    output = tmp_path / "glue_published"
    line = ["--campaign", json.dumps(campaign), "--runs", str(tmp_path / "runs"), "--output", str(output)]
    assert run(["published", "--benchmark", "glue", *line]) == 0
    text = (tmp_path / "glue_published.md").read_text()
    assert "- Adapter, rte: 0 of 1 seeds\n" in text and "Seeds: 1 instead of the paper's 10 (stsb, " in text
    assert set(re.findall(r"difference \|(.*)\|$", text, re.MULTILINE)[0].split()) == {DASH, "|"}
    assert run(["published", "--benchmark", "mine", *line]) == 1
    assert "it is not compared with the paper: the paper has no published scores of a benchmark 'mine'" in (
        capsys.readouterr().err
    )
    assert run(["cost", "--benchmark", "mine", *line]) == 1  # the output is another kind of table
    assert "glue_published.csv: it exists already and is no table of costs" in capsys.readouterr().err
