from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from scalearn.campaign import versions
from scalearn.results.layout import Layout
from scalearn.results.records import MadeFrom, ScoreRecord, read_current, score_path
from scalearn.storage.files import read_json, sha256
from tests.results.made import layout_of, make_score, run_of

RUN = run_of("scalearn", "rte", 3)


def test_a_record_lies_beside_its_run(tmp_path: Path) -> None:
    assert make_score(tmp_path, RUN, 0.5) == score_path(tmp_path, RUN) == tmp_path / RUN.run / "score.json"


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
    assert read(score_path(tmp_path, RUN)) is None


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


def test_a_joint_run_has_a_record_for_each_task(tmp_path: Path) -> None:
    run = run_of("adapter_m", "rte", 3)
    assert "/joint/full/3" in run.run
    assert make_score(tmp_path, run, 0.5) == tmp_path / run.run / "tasks/rte/score.json"


@pytest.mark.parametrize(
    "change",
    [{"rows": []}, {"tasks": []}, {"taks": ["rte"]}, {"rows": [{"name": "a", "title": "A", "method": "adapter"}]}],
)
def test_a_layout_is_checked(change: dict[str, object]) -> None:
    good = layout_of(["scalearn"], {"rte": [0]}).model_dump()
    assert Layout.model_validate(good)
    with pytest.raises(ValidationError):
        Layout.model_validate({**good, **change})
