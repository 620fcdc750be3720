"""A row of several settings shows the one with the best mean validation score; test scores have no part in that."""

from __future__ import annotations

import csv
import hashlib
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.campaign.plan import Campaign
from scalearn.results.explain import explanation
from scalearn.results.layout import Layout
from scalearn.results.selection import chosen
from scalearn.results.tables import write_table
from scalearn.storage.files import read_json, sha256, write_json
from tests.results.made import TASKS, make_run

TASKS_HERE = ("rte", "nli")
CONFIG: dict[str, Any] = {
    "model": "tiny",
    "models": {"tiny": {"kind": "folder", "path": "model"}},
    "tasks": {name: {"source": {"kind": "rule"}} for name in TASKS_HERE},
    "benchmarks": {"pair": list(TASKS_HERE)},
    "seeds": [0, 1],
}
SWEEP = {"method": "adapter", "learning_rate": [0.1, 0.2, 0.3], "select": "validation"}
JOINT = {"method": "adapter_m", "learning_rate": [0.1, 0.2], "select": "validation"}
# task -> setting -> seed -> validation accuracy of the kept epoch, the second of three.
VALIDATION = {"rte": [(0.5, 0.6), (0.9, 0.8), (0.7, 0.7)], "nli": [(0.5, 0.5), (0.4, 0.4), (0.3, 0.7)]}
LABELS, LOGITS = [0, 1, 0, 1], [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]


def layout(*methods: Any, **more: Any) -> Layout:
    """Return the layout of these rows; more: what it says of tasks, as `metrics`."""
    content = Campaign.parse({**CONFIG, "methods": list(methods)}).layout("pair")
    return Layout.model_validate({**content, **more})


def write_history(folder: Path, values: dict[str, list[float]], unit: str = "epoch") -> None:
    steps = {unit: [1, 2, 3], "train_loss": [0.5] * 3, "eval_loss": [0.5, 0.4, 0.6]}
    record = folder / "run.json"
    content = read_json(record) if record.is_file() else {"sha256": {}}
    pq.write_table(pa.table({**steps, **values}), folder / "history.parquet")
    content["sha256"]["history.parquet"] = sha256(folder / "history.parquet")
    write_json(record, content)


def make(runs: Path, of: Layout, validation: dict[str, list[tuple[float, ...]]] = VALIDATION, worse: int = 0) -> None:
    """Make the runs of a layout; `worse`: how many test predictions the second setting has wrong."""
    for row in of.rows:
        for index, setting in enumerate(row.settings):
            for task in of.tasks:
                for seed, part in row.parts(task, setting).items():
                    logits = [*LOGITS[worse:], *([[0.0, 1.0]] * worse)] if index == 1 else LOGITS
                    logits = [[*line, -9.0][: len(TASKS[task]["labels"])] for line in logits]
                    make_run(runs / part.folder, part, LABELS, logits, spec=row_spec(of, part.run))
                    value = validation[task][index][seed]
                    key = f"eval_{task}_accuracy" if part.joint else "eval_accuracy"
                    others: dict[str, list[float]] = {}
                    if part.joint:
                        (runs / part.run).mkdir(parents=True, exist_ok=True)
                    if part.joint and (runs / part.run / "history.parquet").exists():
                        found = pq.read_table(runs / part.run / "history.parquet").to_pydict()
                        others = {name: found[name] for name in found if name.endswith("_accuracy")}
                    write_history(
                        runs / part.run, {**others, key: [0.99, value, 0.01]}, "round" if part.joint else "epoch"
                    )


def row_spec(of: Layout, path: str) -> Any:
    methods = [SWEEP if of.rows[0].method == "adapter" else JOINT]
    return Campaign.parse({**CONFIG, "methods": methods}).trainings[path]


def choice(runs: Path, of: Layout) -> dict[str, str | None]:
    (row,) = of.rows
    there = {part for part in of.parts() if (runs / part.folder / "run.json").is_file()}
    found = chosen(row, of, runs, there)
    return {task: choice.setting and choice.setting.description for task, choice in found.items()}


def test_each_task_has_the_setting_with_the_best_mean_over_seeds(tmp_path: Path) -> None:
    make(tmp_path, layout(SWEEP))
    # rte: 0.55, 0.85, 0.7; nli: 0.5, 0.4, 0.5, of which the first is taken.
    assert choice(tmp_path, layout(SWEEP)) == {"rte": "learning_rate 0.2", "nli": "learning_rate 0.1"}


def test_an_explanation_names_the_setting(tmp_path: Path) -> None:
    of = layout(SWEEP)
    make(tmp_path, of)
    text = explanation(of, tmp_path, of.rows[0].name, "rte")
    assert "Setting: learning_rate 0.2, the best mean accuracy on validation." in text
    for part in of.rows[0].parts("rte", of.rows[0].settings[1]).values():
        assert str(tmp_path / part.folder / "predictions.parquet") in text
        shutil.rmtree(tmp_path / part.folder)
    text = explanation(of, tmp_path, of.rows[0].name, "rte")
    assert "Setting: learning_rate 0.3" in text and "learning_rate 0.2 could not be chosen, for" in text


def test_the_test_split_has_no_part_in_it(tmp_path: Path) -> None:
    make(tmp_path / "a", layout(SWEEP))
    make(tmp_path / "b", layout(SWEEP), worse=2)
    for name in ("a", "b"):
        write_table(layout(SWEEP), tmp_path / name, tmp_path / f"{name}_table")
    shown = [list(csv.DictReader((tmp_path / f"{name}_table.csv").open())) for name in ("a", "b")]
    assert [row["chosen"] for row in shown[0]] == [row["chosen"] for row in shown[1]]
    assert shown[0][0]["mean"] > shown[1][0]["mean"]  # of the chosen setting, which tests worse now
    better = {**VALIDATION, "rte": [(0.5, 0.6), (0.1, 0.1), (0.7, 0.7)]}
    make(tmp_path / "c", layout(SWEEP), better)
    assert choice(tmp_path / "c", layout(SWEEP))["rte"] == "learning_rate 0.3"


def test_predictions_of_test_are_not_even_read(tmp_path: Path) -> None:
    make(tmp_path, layout(SWEEP))
    before = choice(tmp_path, layout(SWEEP))
    for path in tmp_path.rglob("predictions.parquet"):
        path.unlink()
    assert choice(tmp_path, layout(SWEEP)) == before


def test_a_setting_that_lacks_a_run_is_never_chosen(tmp_path: Path) -> None:
    of = layout(SWEEP)
    make(tmp_path, of)
    shutil.rmtree(tmp_path / of.rows[0].parts("rte", of.rows[0].settings[1])[1].run)
    assert choice(tmp_path, of)["rte"] == "learning_rate 0.3"
    for setting in of.rows[0].settings:
        shutil.rmtree(tmp_path / of.rows[0].parts("rte", setting)[0].run)
    assert choice(tmp_path, of) == {"rte": None, "nli": "learning_rate 0.1"}
    write_table(of, tmp_path, tmp_path / "table")
    assert "- Adapter, best learning_rate, rte: seeds 0, 1\n" in (tmp_path / "table.md").read_text()


def test_the_table_says_which_settings_could_not_be_chosen(tmp_path: Path) -> None:
    of = layout(SWEEP)
    make(tmp_path, of)
    write_table(of, tmp_path, tmp_path / "table")
    assert "could not be chosen" not in (tmp_path / "table.md").read_text()
    shutil.rmtree(tmp_path / of.rows[0].parts("rte", of.rows[0].settings[1])[1].run)
    write_table(of, tmp_path, tmp_path / "table")
    said = "- Adapter, best learning_rate, rte: learning_rate 0.2 could not be chosen, for it lacks runs\n"
    assert said in (tmp_path / "table.md").read_text()


def test_a_joint_row_has_one_setting_for_all_its_tasks(tmp_path: Path) -> None:
    make(tmp_path, layout(JOINT))
    # 0.1: the mean of 0.55 and 0.5; 0.2: of 0.85 and 0.4, which is more.
    assert choice(tmp_path, layout(JOINT)) == {"rte": "learning_rate 0.2", "nli": "learning_rate 0.2"}


def test_the_test_scores_of_a_joint_row_have_no_part_in_it(tmp_path: Path) -> None:
    for name, worse in (("a", 0), ("b", 2)):
        make(tmp_path / name, layout(JOINT), worse=worse)
        write_table(layout(JOINT), tmp_path / name, tmp_path / f"{name}_table")
    shown = [list(csv.DictReader((tmp_path / f"{name}_table.csv").open())) for name in ("a", "b")]
    assert {row["chosen"] for rows in shown for row in rows} == {"learning_rate 0.2"}
    assert all(one["mean"] > other["mean"] for one, other in zip(*shown, strict=True))
    said = (
        "Adapter-m, best learning_rate: by the mean validation score over seeds (accuracy: rte, nli), "
        "all tasks: learning_rate 0.2."
    )
    assert said in (tmp_path / "a_table.md").read_text()


def test_turning_all_test_labels_round_leaves_the_choice(tmp_path: Path) -> None:
    """The setting that tests best by far is not taken, whichever it is."""
    for worst in range(3):
        of, runs = layout(SWEEP), tmp_path / str(worst)
        make(runs, of)
        for index, setting in enumerate(of.rows[0].settings):
            for part in of.rows[0].parts("rte", setting).values():
                labels = [1 - label for label in LABELS] if index == worst else LABELS
                folder, history = runs / part.folder, (runs / part.folder / "history.parquet").read_bytes()
                make_run(folder, part, labels, LOGITS, spec=row_spec(of, part.run))
                content = read_json(folder / "run.json")
                content["sha256"]["history.parquet"] = hashlib.sha256(history).hexdigest()
                write_json(folder / "run.json", content)
        write_table(of, runs, tmp_path / "table")
        rows = list(csv.DictReader((tmp_path / "table.csv").open()))
        assert [row["chosen"] for row in rows] == ["learning_rate 0.2", "learning_rate 0.1"]
        assert (float(rows[0]["mean"]) < 0.5) == (worst == 1)


def test_a_score_that_is_no_number_is_the_worst(tmp_path: Path) -> None:
    nan = float("nan")
    made = {**VALIDATION, "rte": [(nan, 0.9), (0.1, 0.1), (0.9, nan)], "nli": [(nan, nan)] * 3}
    make(tmp_path, layout(SWEEP), made)
    assert choice(tmp_path, layout(SWEEP)) == {"rte": "learning_rate 0.2", "nli": "learning_rate 0.1"}


def test_the_table_names_what_was_chosen(tmp_path: Path) -> None:
    make(tmp_path, layout(SWEEP))
    write_table(layout(SWEEP), tmp_path, tmp_path / "table")
    said = (
        "Adapter, best learning_rate: by the mean validation score over seeds (accuracy: rte, nli), "
        "rte: learning_rate 0.2; nli: learning_rate 0.1."
    )
    assert said in (tmp_path / "table.md").read_text()


# task -> setting -> validation F1 of the kept epoch, of both seeds: the other way round than accuracy.
F1 = {"rte": (0.9, 0.1, 0.2), "nli": (0.1, 0.2, 0.3)}


def add_f1(runs: Path, of: Layout, tasks: tuple[str, ...] = TASKS_HERE, settings: int = 3) -> None:
    """Add F1 to the histories of these tasks and the first settings; a joint run's has both tasks'."""
    for index, setting in enumerate(of.rows[0].settings[:settings]):
        for task in tasks:
            for part in of.rows[0].parts(task, setting).values():
                path = runs / part.run / "history.parquet"
                found = pq.read_table(path).to_pydict()
                name = f"eval_{task}_f1" if part.joint else "eval_f1"
                values = {key: found[key] for key in found if key.startswith("eval_") and key != "eval_loss"}
                write_history(
                    runs / part.run, {**values, name: [0.0, F1[task][index], 0.0]}, "round" if part.joint else "epoch"
                )


def made_table(runs: Path, of: Layout) -> str:
    write_table(of, runs, runs.parent / "table")
    return (runs.parent / "table.md").read_text()


BY = "Adapter, best learning_rate: by the mean validation score over seeds"


def test_the_metric_that_the_table_shows_chooses(tmp_path: Path) -> None:
    of = layout(SWEEP, metrics={"rte": ("f1", "accuracy")})
    make(tmp_path / "runs", of)
    add_f1(tmp_path / "runs", of, ("rte",))
    shown = made_table(tmp_path / "runs", of)
    assert f"{BY} (F1 of 'no': rte; accuracy: nli), rte: learning_rate 0.1; nli: learning_rate 0.1.\n" in shown


def test_a_metric_that_some_runs_did_not_record_chooses_nothing(tmp_path: Path) -> None:
    """Two settings are compared by one metric, and the table says by which."""
    of = layout(SWEEP, metrics={"rte": ("f1",), "nli": ("f1",)})
    make(tmp_path / "runs", layout(SWEEP))
    add_f1(tmp_path / "runs", of, ("rte",), settings=2)
    said = f"{BY} (accuracy: rte, nli), rte: learning_rate 0.2; nli: learning_rate 0.1.\n"
    assert said in made_table(tmp_path / "runs", of)


def test_an_f1_of_the_other_class_is_another_metric(tmp_path: Path) -> None:
    """The run recorded the F1 of 'no'; that of 'yes' may have another best setting."""
    of = layout(SWEEP, metrics={"rte": ("f1", "accuracy")}, positive={"rte": "yes"})
    make(tmp_path / "runs", of)
    add_f1(tmp_path / "runs", of, ("rte",))
    shown = made_table(tmp_path / "runs", of)
    assert "times 100; F1 of 'yes': rte; accuracy: nli." in shown  # of the test split
    assert f"{BY} (accuracy: rte, nli), rte: learning_rate 0.2; " in shown


def test_a_joint_row_goes_by_the_mean_over_the_metrics_that_the_table_shows(tmp_path: Path) -> None:
    of = layout(JOINT, metrics={"rte": ("f1", "accuracy")})
    make(tmp_path / "runs", of)
    add_f1(tmp_path / "runs", of, ("rte",))
    # 0.1: the mean of F1 0.9 and accuracy 0.5; 0.2: of 0.1 and 0.4.
    said = "validation score over seeds (F1 of 'no': rte; accuracy: nli), all tasks: learning_rate 0.1.\n"
    assert said in made_table(tmp_path / "runs", of)


@pytest.mark.parametrize("damage", ["altered", "without the kept epoch", "without the metric", "lost"])
def test_a_setting_with_a_damaged_history_is_not_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    of = layout(SWEEP)
    make(tmp_path / "runs", of)
    folder = tmp_path / "runs" / of.rows[0].parts("rte", of.rows[0].settings[1])[0].run
    if damage == "altered":
        (folder / "history.parquet").write_text("")
    elif damage == "without the kept epoch":
        write_history(folder, {"eval_accuracy": [0.9, 0.9, 0.9], "epoch": [3, 4, 5]})
    elif damage == "without the metric":
        write_history(folder, {"eval_f1": [0.9, 0.9, 0.9]})
    else:
        (folder / "history.parquet").unlink()
    reasons = {"altered": "it is not as the run wrote it", "lost": "no such file"}
    mends = dict.fromkeys(reasons, "remove it with `scalearn verify --mend` and run again")
    assert choice(tmp_path / "runs", of) == {"rte": "learning_rate 0.3", "nli": "learning_rate 0.1"}
    (said,) = capsys.readouterr().out.splitlines()
    why = reasons.get(damage, "no accuracy of the kept epoch")
    assert said.startswith(f"counts as missing: {folder}/history.parquet: {why}")
    assert said.endswith(f"; {mends.get(damage, 'delete the folder and run again')}")
    shown = made_table(tmp_path / "runs", of)
    said = "rte: learning_rate 0.2 could not be chosen, for the history of a run is not usable\n"
    assert f"- Adapter, best learning_rate, {said}" in shown


def test_without_any_usable_history_the_table_says_why_nothing_is_chosen(tmp_path: Path) -> None:
    of = layout(SWEEP)
    make(tmp_path / "runs", of)
    for path in (tmp_path / "runs").rglob("rte*/**/history.parquet"):
        path.write_text("")
    shown = made_table(tmp_path / "runs", of)
    assert f"{BY} (accuracy: nli), nli: learning_rate 0.1.\n" in shown
    for value in ("0.1", "0.2", "0.3"):
        assert f"rte: learning_rate {value} could not be chosen, for the history of a run is not usable\n" in shown
