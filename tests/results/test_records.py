from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from scalearn import versions
from scalearn.errors import UserError
from scalearn.files import read_json, sha256, write_json
from scalearn.results.layout import Layout
from scalearn.results.records import MadeFrom, RunRecord, ScoreRecord, read_current, score_path
from tests.results.made import layout_of, make_score, part_of, run_json, run_of

RUN = run_of("scalearn", "rte", 3)


def test_the_path_follows_from_the_identity(tmp_path: Path) -> None:
    assert make_score(tmp_path, RUN, 0.5) == score_path(tmp_path, part_of(RUN))
    assert score_path(Path("runs"), part_of(RUN)) == Path("runs") / RUN.path / "score.json"
    record = read(score_path(tmp_path, part_of(RUN)))
    assert record is not None and (record.identity.run, record.identity.task) == (RUN.path, "rte")


def read(path: Path) -> ScoreRecord | None:
    """Read a record as one that is made from what the record of RUN in the same folder is made from."""
    made_from = MadeFrom(
        run=sha256(path.parent / "run.json"), metrics=("accuracy", "f1"), positive=None, scoring=versions.SCORING
    )
    return read_current(path, made_from)


def test_a_record_survives_writing_and_reading(tmp_path: Path) -> None:
    path = make_score(tmp_path, RUN, 0.1 + 0.2)
    record = read(path)
    assert record is not None and record.score == 0.1 + 0.2
    content = read_json(path)
    record.write(path)
    assert read_json(path) == content
    assert read(path) == record


def test_no_record_is_none(tmp_path: Path) -> None:
    make_score(tmp_path, RUN, 0.5).unlink()
    assert read(score_path(tmp_path, part_of(RUN))) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"headline": "bleu"},
        {"scores": {"accuracy": "high"}},
        {"baseline": {}},
        {"cost": {"trainable_parameters": -1}},
        {"identity": {"model": "tiny"}},
    ],
)
def test_a_record_that_is_wrong_in_itself_is_none(tmp_path: Path, changes: dict[str, object]) -> None:
    assert read(make_score(tmp_path, RUN, 0.5)) is not None
    assert read(make_score(tmp_path, RUN, 0.5, **changes)) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:100],
        lambda text: text.replace("0.5", "0.9"),
        lambda text: "".join(line for line in text.splitlines(keepends=True) if '"checksum"' not in line),
        lambda text: "{}",
        lambda text: "",
    ],
    ids=["half", "edited", "without a checksum", "foreign", "empty"],
)
def test_a_record_that_is_not_as_it_was_written_is_none(tmp_path: Path, damage: Callable[[str], str]) -> None:
    path = make_score(tmp_path, RUN, 0.5)
    assert read(path) is not None
    path.write_text(damage(path.read_text()))
    assert read(path) is None


@pytest.mark.parametrize(
    "change",
    [{"run": "other"}, {"metrics": ["f1", "accuracy"]}, {"positive": "yes"}, {"scoring": versions.SCORING + 1}],
)
def test_a_record_made_from_anything_else_is_none(tmp_path: Path, change: dict[str, object]) -> None:
    made_from = read_json(make_score(tmp_path, RUN, 0.5))["made_from"]
    assert read(make_score(tmp_path, RUN, 0.5, made_from={**made_from, **change})) is None


def test_a_joint_run_has_predictions_of_each_task() -> None:
    run = run_of("adapter_m", ("rte", "sts"), 3)
    assert part_of(run, "rte").folder == Path(run.path, "tasks/rte")
    assert part_of(RUN).folder == Path(RUN.path)


def test_the_identity_follows_from_the_specification(tmp_path: Path) -> None:
    for run, task in ((RUN, "rte"), (run_of("adapter_m", ("rte", "sts"), 4), "sts")):
        write_json(tmp_path / "run.json", run_json(run, task, "p"))
        found = RunRecord.read(tmp_path / "run.json").identity
        assert (found.run, found.task, found.method, found.seed) == (run.path, task, run.method, run.seed)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"method": "scalarn"}, "spec: method: unknown method 'scalarn', did you mean 'scalearn'?"),
        ({"tasks": []}, "spec: tasks: "),
        ({"sede": 1}, "spec: sede: unknown key"),
    ],
)
def test_a_run_without_a_good_specification_is_one_sentence(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    content = run_json(RUN, "rte", "p")
    write_json(tmp_path / "run.json", {**content, "spec": {**content["spec"], **change}})
    with pytest.raises(UserError) as caught:
        RunRecord.read(tmp_path / "run.json")
    assert str(caught.value).startswith(f"{tmp_path}/run.json: {sentence}") and "\n" not in str(caught.value)
    assert str(caught.value).endswith("; delete it and run again")


@pytest.mark.parametrize("changes", [{"rows": []}, {"tasks": []}, {"taks": ["rte"]}])
def test_a_layout_is_checked(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(changes))):
        Layout.model_validate({**layout_of(["scalearn"], {"rte": [0]}).model_dump(), **changes})
