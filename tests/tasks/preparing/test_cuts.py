"""What is cut from train: the paper's rows, groups whole, a sample before any cut; every row in its source's order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from sklearn.model_selection import GroupShuffleSplit

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.cuts import cut, draw
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from scalearn.tasks.preparing.survey import Survey
from tests.tasks.making import column, files_task

SOURCE = {"kind": "files", "train": "train.csv"}


def rows(count: int, groups: int = 7) -> list[dict[str, Any]]:
    return [{"text": f"t{n}", "label": "abc"[n * n % 3], "topic": f"g{n % groups}"} for n in range(count)]


def texts(folder: Path, split: str) -> list[int]:
    return [int(text.removeprefix("t")) for text in column(folder, split, "text1")]


@pytest.mark.parametrize("seed", [42, 0, 7])
@pytest.mark.parametrize("shares", [None, [0.5, 0.5], [0.07, 0.9, 0.03], [0.25] * 4])
def test_the_rows_are_those_of_the_datasets_library(seed: int, shares: list[float] | None) -> None:
    count = 1237
    columns, features = {"row": np.arange(count)}, {"row": Value("int64")}
    classes = None
    if shares:
        classes = columns["label"] = np.random.default_rng(1).choice(len(shares), count, p=shares)
        features["label"] = ClassLabel(num_classes=len(shares))
    halves = Dataset.from_dict(columns, features=Features(features)).train_test_split(
        0.1, seed=seed, stratify_by_column="label" if shares else None
    )
    task = Task.model_validate({"source": SOURCE, "cut_seed": seed})
    kept, held_out, _ = cut(task, "train", Survey(count, classes), np.arange(count))
    assert held_out.tolist() == sorted(halves["test"]["row"][:])
    assert kept.tolist() == sorted(halves["train"]["row"][:])


def test_a_task_may_say_that_its_cut_is_not_stratified() -> None:
    classes = np.arange(100) % 2
    task = Task.model_validate({"source": SOURCE, "stratify": False})
    _, held_out, how = cut(task, "train", Survey(100, classes), np.arange(100))
    assert held_out.tolist() == sorted(np.random.default_rng(42).permutation(100)[:10]) and "strat" not in how


def test_no_group_is_on_both_sides_and_a_tenth_of_them_is_held_out(tmp_path: Path) -> None:
    made = rows(300, 37)
    info = prepare("t", files_task(tmp_path, made, groups="topic"), tmp_path / "t")
    sides = [{number % 37 for number in texts(tmp_path / "t", split)} for split in ("train", "validation")]
    assert not sides[0] & sides[1] and [len(side) for side in sides] == [33, 4]
    assert info.sizes["train"] + info.sizes["validation"] == 300
    groups = np.array([n % 37 for n in range(300)])
    expected = next(GroupShuffleSplit(1, test_size=0.1, random_state=42).split(groups, groups=groups))[1]
    assert texts(tmp_path / "t", "validation") == expected.tolist()
    assert not info.grouped


@pytest.mark.parametrize("groups", [None, "topic"])
def test_test_is_cut_first_and_validation_from_the_rest(tmp_path: Path, groups: str | None) -> None:
    info = prepare("t", files_task(tmp_path, rows(200, 40), test=None, groups=groups), tmp_path / "t")
    found = {split: texts(tmp_path / "t", split) for split in ("train", "validation", "test")}
    assert sorted(number for numbers in found.values() for number in numbers) == list(range(200))
    assert all(numbers == sorted(numbers) for numbers in found.values())
    assert [note.split(":")[0] for note in info.notes[-2:]] == ["test", "validation"]
    if groups:
        assert {split: len({n % 40 for n in numbers}) for split, numbers in found.items()} == {
            "train": 32, "validation": 4, "test": 4,
        }  # fmt: skip
    else:
        assert info.sizes == {"train": 162, "validation": 18, "test": 20}
    assert set(column(tmp_path / "t", "test", "part")) == {""}


def test_with_validation_given_test_alone_is_cut(tmp_path: Path) -> None:
    info = prepare("t", files_task(tmp_path, rows(100), test=None, validation=rows(6)), tmp_path / "t")
    assert info.sizes == {"train": 90, "validation": 6, "test": 10}
    assert texts(tmp_path / "t", "validation") == list(range(6))


def test_another_seed_cuts_other_rows(tmp_path: Path) -> None:
    for seed in (42, 43):
        prepare("t", files_task(tmp_path, rows(100), cut_seed=seed), tmp_path / f"{seed}")
    assert texts(tmp_path / "42", "validation") != texts(tmp_path / "43", "validation")


def test_so_many_rows_of_train_are_drawn_before_the_cut(tmp_path: Path) -> None:
    made = rows(500)
    info = prepare("t", files_task(tmp_path, made, train_rows=80, cut_seed=5), tmp_path / "t")
    drawn = sorted(np.random.default_rng(5).permutation(500)[:80].tolist())
    found = [texts(tmp_path / "t", split) for split in ("train", "validation")]
    assert sorted(found[0] + found[1]) == drawn and [len(numbers) for numbers in found] == [72, 8]
    assert all(numbers == sorted(numbers) for numbers in found)
    assert info.sizes["test"] == 500
    assert "train: 80 of 500 rows, drawn with seed 5" in info.notes


def test_a_split_of_its_own_is_never_sampled(tmp_path: Path) -> None:
    task = files_task(tmp_path, rows(100), validation=rows(60), test=rows(70), train_rows=10)
    assert prepare("t", task, tmp_path / "t").sizes == {"train": 10, "validation": 60, "test": 70}


def test_more_rows_than_there_are_is_all_of_them(tmp_path: Path) -> None:
    info = prepare("t", files_task(tmp_path, rows(40), train_rows=1000), tmp_path / "t")
    assert info.sizes["train"] == 36 and not [note for note in info.notes if "drawn" in note.split(",")[0]]
    assert draw(Task.model_validate({"source": SOURCE, "train_rows": 40}), 40).tolist() == list(range(40))


@pytest.mark.parametrize(
    ("made", "changes", "message"),
    [
        (rows(40, 1), {"groups": "topic"}, "'topic' has too few different values to cut by groups"),
        (
            [row | {"topic": None} for row in rows(9)],
            {"groups": "topic"},
            "row 1: 'topic' is missing, but `groups` names it",
        ),
        (
            [row | {"topic": ["a"]} for row in rows(9)],
            {"groups": "topic"},
            r"column 'topic' holds list<.*>, which cannot group",
        ),
        (rows(9), {"groups": "topics"}, "no column 'topics', did you mean 'topic'"),
        (rows(2), {"test": None}, "train has too few rows to cut other splits from"),
        (
            [{"text": "t", "label": "ab"[n > 90]} for n in range(100)],
            {"train_rows": 2},
            "every row that `train_rows: 2` draws has the label 'a'; raise `train_rows`, or set another",
        ),
        (
            [{"text": "t", "label": 1.5 + (n > 90)} for n in range(100)],
            {"train_rows": 2, "kind": "regression"},
            "every row that `train_rows: 2` draws has the label 1.5",
        ),
        (rows(2), {}, "after validation was cut from train, train has one row only; add rows, or name files"),
        (
            rows(3),
            {"test": None, "kind": "multi_label", "texts": ("topic",), "label": "text"},
            "after test and validation were cut from train, train has one row only",
        ),
        (
            [row | {"label": "ab"[row["topic"] == "g0"]} for row in rows(40, 2)],
            {"groups": "topic"},
            "after validation was cut from train, every row has the label '[ab]'; add rows of another class, or name",
        ),
        (
            [row | {"label": ["x", "y"] if row["topic"] == "g0" else []} for row in rows(40, 2)],
            {"groups": "topic", "kind": "multi_label", "cut_seed": 1},
            "after validation was cut from train, no row has a label; add rows with labels, or name files",
        ),
    ],
)
def test_a_cut_that_cannot_be_made(tmp_path: Path, made: list[Any], changes: dict[str, Any], message: str) -> None:
    task = files_task(tmp_path, made, **changes)
    with pytest.raises(UserError, match=rf"train\.jsonl: {message}"):
        check_source_rows("t", task)
