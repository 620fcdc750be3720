from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scalearn.campaign.plan import Campaign
from scalearn.errors import UserError
from scalearn.results.collect import collect
from scalearn.results.layout import Layout
from scalearn.results.scores import score_run
from tests.results.made import layout_of, make_run, make_score, run_of

# Labels 1 1 0 0 1; predicted 1 1 0 1 0: three of five right; two true positives, one false, one missed.
LABELS = [1, 1, 0, 0, 1]
LOGITS = [[0, 1], [0, 1], [1, 0], [0, 1], [1, 0]]


def test_scores_of_a_classification_by_hand(tmp_path: Path) -> None:
    record = score_run(make_run(tmp_path, run_of("scalearn", "rte", 0), LABELS, LOGITS))
    assert record.headline == "accuracy"
    assert record.scores == pytest.approx({"accuracy": 0.6, "f1": 2 / 3})
    # Always class 1: right for three of five; precision 3/5, recall 1.
    assert record.baseline == pytest.approx({"accuracy": 0.6, "f1": 0.75})
    assert record.rows == {"": 5}


def test_other_metrics_than_the_runs_own(tmp_path: Path) -> None:
    run = make_run(tmp_path, run_of("scalearn", "rte", 0), LABELS, LOGITS)
    for _ in range(2):  # one of its own is replaced
        record = score_run(run, ["matthews", "accuracy"], tmp_path / "other.json")
    assert record.headline == "matthews" and record.baseline["matthews"] == 0
    # (2 * 1 - 1 * 1) / sqrt(3 * 3 * 2 * 2)
    assert record.scores == pytest.approx({"matthews": 1 / 6, "accuracy": 0.6})
    with pytest.raises(UserError, match="no metric 'acuracy' for a classification, did you mean 'accuracy'"):
        score_run(run, ["acuracy"])


def test_the_class_that_f1_is_of(tmp_path: Path) -> None:
    run = make_run(tmp_path, run_of("scalearn", "rte", 0), LABELS, LOGITS)
    assert score_run(run).positive == "no"  # the second label
    record = score_run(run, ["f1"], positive="yes")
    # One true negative, one false, one missed; always class 1 finds none of class 0.
    assert (record.positive, record.scores, record.baseline) == ("yes", {"f1": 0.5}, {"f1": 0.0})
    assert json.loads((run / "score.json").read_text())["positive"] == "yes"
    assert score_run(run, ["accuracy"], positive="yes").positive is None
    with pytest.raises(UserError, match="positive: 'maybe' is not a label; write 'yes' or 'no'"):
        score_run(run, ["f1"], positive="maybe")


def test_f1_over_more_classes_is_of_none(tmp_path: Path) -> None:
    run = make_run(tmp_path, run_of("scalearn", "nli", 0), [0, 1, 2], [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert score_run(run, ["f1"]).positive is None
    assert "positive" not in json.loads((run / "score.json").read_text())
    with pytest.raises(UserError, match="positive: this key needs exactly two labels, found 3; remove it"):
        score_run(run, ["f1"], positive="a")


def test_parts_are_scored_apart(tmp_path: Path) -> None:
    parts = ["", "mm", "", "mm", "mm"]
    run = make_run(tmp_path, run_of("scalearn", "rte", 0), LABELS, LOGITS, parts)
    record = score_run(run)
    assert record.scores["accuracy"] == 1.0
    assert record.scores["accuracy_mm"] == pytest.approx(1 / 3)
    assert record.baseline["accuracy"] == 0.5
    assert record.baseline["accuracy_mm"] == pytest.approx(2 / 3)
    assert record.rows == {"": 2, "mm": 3}


def test_scores_of_a_regression_by_hand(tmp_path: Path) -> None:
    logits = [[2.0], [4.0], [6.0], [9.0]]
    record = score_run(make_run(tmp_path, run_of("scalearn", "sts", 0), [1, 2, 3, 4], logits, prediction=2.5))
    # Deviations (-1.5 -0.5 0.5 1.5) and (-3.25 -1.25 0.75 3.75): 11.5 / sqrt(5 * 26.75).
    assert record.scores == pytest.approx({"pearson": 11.5 / (5 * 26.75) ** 0.5, "spearman": 1.0})
    assert record.baseline == {"pearson": 0.0, "spearman": 0.0}


def test_the_record_holds_what_the_run_says(tmp_path: Path) -> None:
    score_run(make_run(tmp_path, run_of("scalearn", "rte", 7), LABELS, LOGITS))
    record, run = (json.loads((tmp_path / name).read_text()) for name in ("score.json", "run.json"))
    assert record["identity"]["run"] == run_of("scalearn", "rte", 7).run
    assert record["hyperparameters"] == run["spec"]["hyperparameters"]
    assert record["cost"] == {
        "trainable_parameters": 96,
        "head_parameters": 10,
        "steps": 30,
        "epochs": 3,
        "best_epoch": 2,
        "examples": 480,
    }
    assert record["provenance"]["sha256"]["predictions.parquet"] == run["sha256"]["predictions.parquet"]
    assert record["provenance"]["sha256"]["task/test"] == "b"
    assert (record["provenance"]["compute"], record["provenance"]["computed"]) == ({}, run["computed"])
    assert record["provenance"]["method_version"] == run["spec"]["versions"]["method"]
    assert (record["provenance"]["training_version"], record["provenance"]["task_version"]) == (1, 2)


def test_equal_runs_make_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        score_run(make_run(tmp_path / name, run_of("scalearn", "rte", 0), LABELS, LOGITS))
    assert (tmp_path / "one/score.json").read_bytes() == (tmp_path / "two/score.json").read_bytes()


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    run = run_of("scalearn", "rte", 0)
    one = score_run(make_run(tmp_path / "one", run, LABELS, LOGITS))
    two = score_run(make_run(tmp_path / "two", run, LABELS[::-1], LOGITS[::-1]))
    assert (one.scores, one.baseline) == (two.scores, two.baseline)


def test_predictions_of_another_run_are_refused(tmp_path: Path) -> None:
    make_run(tmp_path, run_of("scalearn", "rte", 0), LABELS, LOGITS)
    content = (tmp_path / "predictions.parquet").read_bytes()
    (tmp_path / "predictions.parquet").write_bytes(content[:-1])
    with pytest.raises(UserError, match=r"predictions\.parquet: these are not.*delete the folder .* and run again"):
        score_run(tmp_path)
    (tmp_path / "predictions.parquet").unlink()
    with pytest.raises(UserError, match=r"predictions\.parquet: no such file"):
        score_run(tmp_path)
    assert not (tmp_path / "score.json").exists()


def test_logits_of_another_width_are_refused(tmp_path: Path) -> None:
    make_run(tmp_path, run_of("scalearn", "nli", 0), LABELS, LOGITS)
    with pytest.raises(UserError, match="10 logits for 5 rows of 3 each"):
        score_run(tmp_path)


def test_a_test_split_without_main_rows_is_refused(tmp_path: Path) -> None:
    make_run(tmp_path, run_of("scalearn", "rte", 0), LABELS, LOGITS, ["mm"] * 5)
    with pytest.raises(UserError, match="no main test rows"):
        score_run(tmp_path)


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"spec": {"model": "m"}}'])
def test_a_damaged_run_json_is_one_sentence(tmp_path: Path, damage: str) -> None:
    make_run(tmp_path, run_of("scalearn", "rte", 0), LABELS, LOGITS)
    (tmp_path / "run.json").write_text(damage)
    with pytest.raises(UserError, match=r"run\.json: ") as caught:
        score_run(tmp_path)
    assert "\n" not in str(caught.value)


def test_scoring_loads_no_heavy_library() -> None:
    heavy = {"pandas", "torch", "transformers", "sklearn", "scipy"}
    code = f"import sys, scalearn.results.tables, scalearn.results.collect; print(*({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == ""


# ---------------------------------------------------------------------- collect


def rows_of(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def test_shared_runs_stand_once_and_missing_ones_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, output = tmp_path / "runs", tmp_path / "scores.parquet"
    layouts = [
        layout_of(["adapter", "scalearn"], {"rte": [0, 1]}, "first"),
        layout_of(["adapter", "scalearn"], {"rte": [0], "sts": [0]}, "second"),
    ]
    make_score(runs, run_of("adapter", "rte", 1), 0.7)
    make_score(runs, run_of("adapter", "rte", 0), 0.6)
    make_score(runs, run_of("scalearn", "rte", 0, "first"), 0.8)
    make_score(runs, run_of("scalearn", "rte", 0, "second"), 0.9)
    make_score(runs, run_of("scalearn", "rte", 5, "second"), 0.9)  # in no layout
    collect(layouts, runs, output)
    assert capsys.readouterr().out == f"{output}: 8 rows of 4 runs; 3 runs are missing\n"
    found = [(r["method"], r["benchmark"], r["seed"], r["metric"], r["value"], r["headline"]) for r in rows_of(output)]
    assert found == [
        ("adapter", "single", 0, "accuracy", 0.6, True),
        ("adapter", "single", 0, "f1", 0.6, False),
        ("adapter", "single", 1, "accuracy", 0.7, True),
        ("adapter", "single", 1, "f1", 0.7, False),
        ("scalearn", "first", 0, "accuracy", 0.8, True),
        ("scalearn", "first", 0, "f1", 0.8, False),
        ("scalearn", "second", 0, "accuracy", 0.9, True),
        ("scalearn", "second", 0, "f1", 0.9, False),
    ]
    assert {row["trainable_parameters"] for row in rows_of(output)} == {96}
    before = output.read_bytes()
    collect(layouts[::-1], runs, output)
    assert output.read_bytes() == before


def test_nothing_to_collect_is_an_empty_table(tmp_path: Path) -> None:
    collect([layout_of(["adapter"], {"rte": [0]})], tmp_path, tmp_path / "scores.parquet")
    assert rows_of(tmp_path / "scores.parquet") == []
    assert "metric" in pq.read_schema(tmp_path / "scores.parquet").names


def test_the_runs_collected_are_the_campaigns() -> None:
    """The layout says the same runs as the campaign that it came from."""
    campaign = Campaign.parse(
        {
            "model": "m",
            "models": {"m": {"kind": "folder", "path": "m"}},
            "benchmarks": {"two": ["rte", "cola"]},
            "methods": ["adapter", "adapter_m", "adapter_fusion", "scalearn", {"method": "scalearn", "epochs": [1, 2]}],
            "seeds": [3, 1],
            "task_seeds": {"cola": [1]},
        }
    )
    parts = list(Layout.model_validate(campaign.layout("two")).parts())
    assert {part.run for part in parts} == {run.path for run in campaign.runs("two")}
    assert {part.task for part in parts if part.joint} == {"rte", "cola"}
