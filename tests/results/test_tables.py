"""Tables against files written by hand: tests/results/golden/. Comments in pair_table.py work out the numbers."""

# ruff: noqa: RUF001 (tables have en dashes)

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from scalearn.errors import UserError
from scalearn.results.grid import LONG, SHORT
from scalearn.results.tables import write_table
from scalearn.tasks.definition import METRICS
from tests.places import ROOT
from tests.results.made import PROVENANCE, layout_of, make_score, run_of
from tests.results.pair_table import COMPLETE, INCOMPLETE, LAYOUT, SEEDS, write_scores

GOLDEN = Path(__file__).parent / "golden"
ENDINGS = (".md", ".csv", ".tex")
OTHERWISE = "was trained on other rows, on another encoder or by another version"


def made(tmp_path: Path, scores: dict[str, dict[str, dict[int, float]]]) -> dict[str, str]:
    """Return the table's three files as text."""
    write_scores(tmp_path / "runs", scores)
    write_table(LAYOUT, tmp_path / "runs", tmp_path / "results/pair_table")
    return {ending: (tmp_path / f"results/pair_table{ending}").read_text() for ending in ENDINGS}


def cells(markdown: str) -> dict[str, list[str]]:
    """Return the Markdown table's lines: first cell -> the others."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines() if line[:1] == "|"]
    return {first: others for first, *others in lines}


@pytest.mark.parametrize(("name", "scores"), [("complete", COMPLETE), ("incomplete", INCOMPLETE), ("empty", {})])
def test_tables_equal_the_golden_files(
    tmp_path: Path, name: str, scores: dict[str, dict[str, dict[int, float]]]
) -> None:
    for ending, text in made(tmp_path, scores).items():
        assert text == (GOLDEN / f"{name}{ending}").read_text(), f"{name}{ending}"


def test_means_deviations_and_averages_by_hand(tmp_path: Path) -> None:
    table = cells(made(tmp_path, COMPLETE)[".md"])
    assert table["Method"] == ["rte (acc)", "sts (Pearson)", "Avg.", "Parameters", "Seeds"]
    assert table["Majority baseline"] == ["60.00", "0.00", "30.00", "–", "–"]
    assert table["ScaLearn"] == ["80.00 ± 10.00", "90.00", "85.00", "1,536", "1–3"]
    assert table["Adapter"] == ["60.00 ± 5.00†", "90.00", "75.00", "894,528–894,529", "1–3"]
    assert table["AdapterFusion"] == ["71.00 ± 0.00", "50.00", "60.50", "21,252,096", "1–3"]


def test_missing_runs_are_shown_and_listed_and_never_averaged_over(tmp_path: Path) -> None:
    text = made(tmp_path, INCOMPLETE)[".md"]
    table = cells(text)
    assert table["ScaLearn"] == ["75.00 ± 7.07 (2 of 3 seeds)*", "90.00", "–", "1,536", "1–2"]
    assert table["Adapter"] == ["60.00 ± 5.00†", "missing", "–", "894,528", "3"]
    assert table["AdapterFusion"] == ["missing", "missing", "–", "–", "–"]
    missing = ["Adapter, sts: seed 0", "ScaLearn, rte: seed 2"]
    missing += ["AdapterFusion, rte: seeds 0, 1, 2", "AdapterFusion, sts: seed 0"]
    assert sorted(re.findall(r"^- (.*)$", text, re.MULTILINE)) == sorted(missing)


def test_csv_numbers_are_tidy(tmp_path: Path) -> None:
    rows = list(csv.DictReader(made(tmp_path, INCOMPLETE)[".csv"].splitlines()))
    assert [(row["method"], row["task"], row["n"], row["missing"]) for row in rows] == [
        ("adapter", "rte", "3", ""),
        ("adapter", "sts", "0", "0"),
        ("scalearn", "rte", "2", "2"),
        ("scalearn", "sts", "1", ""),
        ("adapter_fusion", "rte", "0", "0 1 2"),
        ("adapter_fusion", "sts", "0", "0"),
    ]
    partial = rows[2]
    assert (float(partial["mean"]), float(partial["baseline"])) == (0.75, 0.6)
    assert float(partial["std"]) == pytest.approx(0.005**0.5)
    assert rows[3]["std"] == rows[5]["mean"] == rows[5]["trainable_parameters"] == ""


def test_families_stand_together_in_their_order(tmp_path: Path) -> None:
    layout = layout_of(["scalearn_pp", "adapter_m", "scalearn", "adapter"], {"rte": [0]}, joint=[3, 4])
    write_table(layout, tmp_path, tmp_path / "table")
    order = ["Majority baseline", "*Single-task*", "Adapter", "*Joint*", "Adapter-m", "*Two-stage*"]
    text = (tmp_path / "table.md").read_text()
    assert list(cells(text))[2:] == [*order, "ScaLearn++", "ScaLearn"]
    assert "- Adapter-m, rte: seeds 3, 4" in text


def test_lines_are_aligned(tmp_path: Path) -> None:
    for scores in (COMPLETE, INCOMPLETE):
        lines = [line for line in made(tmp_path, scores)[".md"].splitlines() if line.startswith("|")]
        assert len({tuple(i for i, character in enumerate(line) if character == "|") for line in lines}) == 1


def test_latex_names_are_escaped_and_rows_have_all_cells(tmp_path: Path) -> None:
    layout = layout_of(["scalearn_uniform_pp"], {"my_task": [0]}).model_copy(update={"model": "m_1"})
    write_table(layout, tmp_path, tmp_path / "table")
    text = (tmp_path / "table.tex").read_text()
    body = [line for line in text.splitlines() if not line.startswith("%")]
    assert not re.search(r"(?<!\\)_", "\n".join(body))
    assert {line.count("&") for line in body if "&" in line} == {4}
    assert text.count(r"\begin{tabular}{lrrrr}") == text.count(r"\end{tabular}") == 1


def test_equal_scores_are_equal_bytes_whatever_the_order_of_writing(tmp_path: Path) -> None:
    backwards = {
        method: {task: dict(reversed(seeds.items())) for task, seeds in reversed(tasks.items())}
        for method, tasks in reversed(COMPLETE.items())
    }
    assert made(tmp_path / "one", COMPLETE) == made(tmp_path / "two", backwards)


def test_a_run_of_another_campaign_does_not_enter(tmp_path: Path) -> None:
    before = made(tmp_path, COMPLETE)
    make_score(tmp_path / "runs", run_of("scalearn", "rte", 9), 0.1)
    make_score(tmp_path / "runs", run_of("scalearn", "rte", 0, "other"), 0.1)
    write_table(LAYOUT, tmp_path / "runs", tmp_path / "table")
    assert (tmp_path / "table.md").read_text() == before[".md"]


def test_a_value_that_looks_like_the_baseline_is_flagged(tmp_path: Path) -> None:
    """62.504 is shown as 62.50, as is the baseline: a reader must not take it for better."""
    for seed, value in enumerate([0.625, 0.62508]):
        make_score(tmp_path, run_of("adapter", "rte", seed), value, 0.62502)
    write_table(layout_of(["adapter"], {"rte": [0, 1]}), tmp_path, tmp_path / "table")
    assert cells((tmp_path / "table.md").read_text())["Adapter"][0] == "62.50 ± 0.01†"


def test_the_foot_says_of_which_class_an_f1_is(tmp_path: Path) -> None:
    for seed in (0, 1):
        make_score(tmp_path, run_of("adapter", "rte", seed), 0.7, headline="f1", positive="dup_licate")
    write_table(layout_of(["adapter"], {"rte": [0, 1]}), tmp_path, tmp_path / "table")
    said = (tmp_path / "table.md").read_text()
    assert "rte (F1)" in said and "metrics times 100; F1 of 'dup_licate': rte." in said
    make_score(tmp_path, run_of("adapter", "rte", 1), 0.7, headline="f1", positive="other")
    with pytest.raises(UserError, match="was tested on other rows or by another metric"):
        write_table(layout_of(["adapter"], {"rte": [0, 1]}), tmp_path, tmp_path / "table")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"provenance": {**PROVENANCE, "method_version": 2}}, "was trained by another version of its method"),
        ({"provenance": {**PROVENANCE, "training_version": 2}}, OTHERWISE),
        ({"provenance": {**PROVENANCE, "inputs": {"model": ["another"]}}}, OTHERWISE),
        ({"provenance": {**PROVENANCE, "inputs": {"data": {"rte": {"train": "another"}}}}}, OTHERWISE),
        ({"rows": {"": 99}}, "was tested on other rows or by another metric"),
        ({"headline": "f1"}, "was tested on other rows or by another metric"),
        ({"headline": "f1", "positive": "yes"}, "was tested on other rows or by another metric"),
    ],
)
def test_records_of_two_campaigns_are_not_averaged(tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    make_score(tmp_path, run_of("scalearn", "rte", 0), 0.7)
    path = make_score(tmp_path, run_of("scalearn", "rte", 1), 0.7, **changes)
    with pytest.raises(UserError) as caught:
        write_table(layout_of(["scalearn"], {"rte": [0, 1]}), tmp_path, tmp_path / "table")
    assert str(caught.value).startswith(f"{path}: it {sentence}")
    assert not list(tmp_path.glob("table*"))


def test_rows_of_two_encoders_are_not_compared(tmp_path: Path) -> None:
    make_score(tmp_path, run_of("adapter", "rte", 0), 0.7)
    other = {**PROVENANCE, "inputs": {"model": ["another"]}}
    path = make_score(tmp_path, run_of("scalearn", "rte", 0), 0.7, provenance=other)
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: it {OTHERWISE} than "):
        write_table(layout_of(["adapter", "scalearn"], {"rte": [0]}), tmp_path, tmp_path / "table")


def test_runs_whose_other_tasks_differ_are_compared(tmp_path: Path) -> None:
    for method, data in (("adapter", {"rte": {"train": "d"}}), ("scalearn", {"rte": {"train": "d"}, "sts": {}})):
        inputs = {"model": ["m"] * len(data), "data": data}
        make_score(tmp_path, run_of(method, "rte", 0), 0.7, provenance={**PROVENANCE, "inputs": inputs})
    write_table(layout_of(["adapter", "scalearn"], {"rte": [0]}), tmp_path, tmp_path / "table")
    assert "Missing" not in (tmp_path / "table.md").read_text()


def test_a_run_that_cannot_be_scored_stops_the_table_by_name_but_for_one_of_what_there_is(tmp_path: Path) -> None:
    write_scores(tmp_path, COMPLETE)
    path = tmp_path / run_of("adapter", "rte", 1).run
    (path / "score.json").write_text("{}")
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}/predictions\.parquet: no such file; delete"):
        write_table(LAYOUT, tmp_path, tmp_path / "table")
    assert not list(tmp_path.glob("table*"))
    write_table(LAYOUT, tmp_path, tmp_path / "table", due=[])
    assert "- Adapter, rte: seed 1\n" in (tmp_path / "table.md").read_text()


def test_a_run_that_is_due_again_counts_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_scores(tmp_path / "runs", COMPLETE)
    make_score(tmp_path / "runs", run_of("adapter_m", "rte", 4), 0.7, 0.6)
    monkeypatch.chdir(tmp_path)
    layout = layout_of(["adapter", "adapter_m"], {"rte": SEEDS["rte"]}, joint=[4])
    due = [Path("runs", run_of("adapter", "rte", 1).run), Path("runs", run_of("adapter_m", "joint", 4).run)]
    write_table(layout, Path("runs"), Path("table"))
    assert "seed" not in cells((tmp_path / "table.md").read_text())["Adapter"][0]
    write_table(layout, Path("runs"), Path("table"), due=due)
    text = (tmp_path / "table.md").read_text()
    assert re.findall(r"^- (.*)$", text, re.MULTILINE) == ["Adapter, rte: seed 1", "Adapter-m, rte: seed 4"]


def test_the_table_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path, COMPLETE)
    assert capsys.readouterr().out.endswith(f"{tmp_path}/results/pair_table.md\n")
    shutil.rmtree(tmp_path / "runs/tiny/adapter")
    write_table(LAYOUT, tmp_path / "runs", tmp_path / "results/pair_table")  # one of its own is replaced
    assert capsys.readouterr().out.endswith(f"{tmp_path}/results/pair_table.md; 4 runs are missing\n")


def test_every_metric_has_its_words_in_tables_and_docs() -> None:
    names = {metric for metrics in METRICS.values() for metric in metrics}
    rows = re.findall(r"^[|] `(\w+)` [|].*[|] (.*) [|]$", (ROOT / "docs/tasks.md").read_text(), re.MULTILINE)
    shown = {kind: tuple(re.findall(r"\w+", re.sub(r"[(].*?[)]", "", cell))) for kind, cell in rows}
    assert SHORT.keys() == LONG.keys() == names
    assert shown == METRICS
