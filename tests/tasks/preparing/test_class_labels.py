"""ClassLabel names in the features of a file are the label set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Sequence, Value

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from tests.tasks.making import column

FIVE = ["very bad", "bad", "so so", "good", "very good"]


def write(path: Path, labels: list[Any], feature: Any) -> str:
    """Write a parquet file as `datasets` does; return its path."""
    features = Features({"text": Value("string"), "label": feature})
    rows = {"text": [f"sentence {number}" for number in range(len(labels))], "label": labels}
    Dataset.from_dict(rows, features=features).to_parquet(path)
    return str(path)


def task(folder: Path, train: list[Any], names: list[str], **more: Any) -> Task:
    """Return a classification of a file with these class indices, which is also its test file unless `test` is set."""
    path = write(folder / "train.parquet", train, ClassLabel(names=names))
    return Task.model_validate({"source": {"kind": "files", "train": path, "test": more.pop("test", path)}, **more})


def test_class_names_are_the_label_set_in_their_order(tmp_path: Path) -> None:
    info = prepare("t", task(tmp_path, [4, 0, 1, 3] * 10, FIVE), tmp_path / "t")
    assert info.labels == tuple(FIVE)
    assert column(tmp_path / "t", "test", "label")[:4] == [4, 0, 1, 3]
    assert any(note.startswith("labels: the ClassLabel names of 'label', 5: ") for note in info.notes)


def test_names_that_are_numbers_are_not_taken_for_indices(tmp_path: Path) -> None:
    info = prepare("t", task(tmp_path, [1, 2] * 10, ["1", "2", "3"]), tmp_path / "t")
    assert info.labels == ("1", "2", "3")
    assert column(tmp_path / "t", "test", "label")[:2] == [1, 2]


def test_labels_of_the_task_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    info = prepare("t", task(tmp_path, [0, 1] * 10, ["no", "yes"], labels=["yes", "no"]), tmp_path / "t")
    assert info.labels == ("yes", "no")
    assert column(tmp_path / "t", "test", "label")[:2] == [1, 0]


def test_labels_of_the_task_may_rename_the_classes(tmp_path: Path) -> None:
    info = prepare("t", task(tmp_path, [0, 1] * 10, ["0", "1"], labels=["bad", "good"]), tmp_path / "t")
    assert info.labels == ("bad", "good")
    assert column(tmp_path / "t", "test", "label")[:2] == [0, 1]


def test_a_test_file_with_the_names_in_another_order_is_matched_by_name(tmp_path: Path) -> None:
    test = write(tmp_path / "test.parquet", [0, 0, 1], ClassLabel(names=["yes", "no"]))
    prepare("t", task(tmp_path, [0, 1] * 10, ["no", "yes"], test=test), tmp_path / "t")
    assert column(tmp_path / "t", "test", "label") == [1, 1, 0]


def test_lists_of_class_labels_are_a_multi_label_task(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [[2], [0, 2], [], [0]] * 10, Sequence(ClassLabel(names=["c", "b", "a"])))
    made = {"source": {"kind": "files", "train": path, "test": path}, "kind": "multi_label"}
    assert prepare("t", Task.model_validate(made), tmp_path / "t").labels == ("c", "b", "a")
    assert column(tmp_path / "t", "test", "label")[:4] == [[2], [0, 2], [], [0]]
    with pytest.raises(UserError, match="or set `kind: multi_label`"):
        check_source_rows("t", Task.model_validate({**made, "kind": "classification"}))


@pytest.mark.parametrize(
    ("train", "names", "more", "message"),
    [
        ([0, 1, 0, -1, -1] * 4, ["no", "yes"], {}, r"row 4: label '-1' is outside .*and 7 more rows have it; it often"),
        ([0, 0], ["no"], {}, "needs at least two"),
        ([0, 1], ["no", "yes"], {"labels": ["yes", "other"]}, "'yes' at index 0, but the ClassLabel 'label' has it at"),
        ([0, 1], ["no", "yes"], {"kind": "regression"}, r"is a ClassLabel \(no, yes\), not a number; set `kind: class"),
    ],
)
def test_class_labels_that_do_not_fit_are_refused(
    tmp_path: Path, train: list[int], names: list[str], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        check_source_rows("t", task(tmp_path, train, names, **more))


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (Value("int64"), "has no ClassLabel names, but train has"),
        (ClassLabel(names=["no", "maybe"]), "has the ClassLabel names no, maybe, but train has no, yes"),
    ],
)
def test_a_split_with_other_features_is_refused(tmp_path: Path, feature: Any, message: str) -> None:
    test = write(tmp_path / "test.parquet", [0, 1], feature)
    with pytest.raises(UserError, match=message):
        check_source_rows("t", task(tmp_path, [0, 1] * 10, ["no", "yes"], test=test))
