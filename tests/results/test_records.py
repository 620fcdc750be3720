from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scalearn.errors import UserError
from scalearn.files import read_json
from scalearn.results.layout import Layout
from scalearn.results.records import read_score, score_path
from tests.results.made import layout_of, make_score, run_of

RUN = run_of("scalearn", "rte", 3)


def test_the_path_follows_from_the_identity(tmp_path: Path) -> None:
    assert make_score(tmp_path, RUN, 0.5) == score_path(tmp_path, RUN)
    assert score_path(Path("runs"), RUN) == Path("runs/tiny/scalearn/pair/rte/full/3/score.json")


def test_a_record_survives_writing_and_reading(tmp_path: Path) -> None:
    path = make_score(tmp_path, RUN, 0.1 + 0.2)
    record = read_score(tmp_path, RUN)
    assert record is not None and record.score == 0.1 + 0.2
    content = read_json(path)
    record.write(path)
    assert read_json(path) == content
    assert read_score(tmp_path, RUN) == record


def test_no_record_is_none(tmp_path: Path) -> None:
    assert read_score(tmp_path, RUN) is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"headline": "bleu"}, "scores: no entry for the headline metric 'bleu'"),
        ({"scores": {"accuracy": float("nan")}}, "scores.accuracy: "),
        ({"scores": {"accuracy": "high"}}, "scores.accuracy: "),
        ({"baseline": {}}, "baseline: it must have the metrics of scores"),
        ({"cost": {"trainable_parameters": -1}}, "cost.trainable_parameters: "),
        ({"identity": {"model": "tiny"}}, "identity: `method` is missing"),
    ],
)
def test_a_damaged_record_is_named(tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    path = make_score(tmp_path, RUN, 0.5, **changes)
    with pytest.raises(UserError) as caught:
        read_score(tmp_path, RUN)
    assert str(caught.value).startswith(f"{path}: {sentence}")
    assert str(caught.value).endswith("delete it and run again") and "\n" not in str(caught.value)


def test_half_a_record_is_named(tmp_path: Path) -> None:
    path = make_score(tmp_path, RUN, 0.5)
    path.write_text(path.read_text()[:100])
    with pytest.raises(UserError, match=r"score\.json: not readable as JSON"):
        read_score(tmp_path, RUN)


def test_a_record_in_another_runs_folder_is_refused(tmp_path: Path) -> None:
    other = make_score(tmp_path, run_of("scalearn", "rte", 4), 0.5)
    score_path(tmp_path, RUN).parent.mkdir(parents=True)
    shutil.copy(other, score_path(tmp_path, RUN))
    with pytest.raises(UserError, match="it is the record of tiny/scalearn/pair/rte/full/4"):
        read_score(tmp_path, RUN)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"methods": ["scalarn"]}, "methods: unknown method 'scalarn', did you mean 'scalearn'?"),
        ({"seeds": {}}, "seeds: none for task 'rte'"),
        ({"tasks": []}, "tasks: "),
        ({"taks": ["rte"]}, "taks: "),
    ],
)
def test_a_bad_layout_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        Layout.parse({**layout_of(["scalearn"], {"rte": [0]}), **changes})
    assert str(caught.value).startswith(f"--layout: {sentence}")
