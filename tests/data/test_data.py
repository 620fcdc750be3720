"""Tasks as objects of `datasets`, and the features in the files that preparing writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from datasets import ClassLabel, Features, List, Value, load_dataset

import scalearn
from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import prepare
from scalearn.training.data.batches import EncodedSplit
from scalearn.training.data.encode import encode
from scalearn.training.runs.planned import read_encoding
from tests.processes import python
from tests.tasks.making import files_task
from tests.tiny import make_model, make_task

PAIRS = [{"a": f"w{row} good", "b": "w1", "label": ("no", "yes")[row % 2]} for row in range(40)]
KINDS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], Any]] = {
    "classification": (PAIRS, {"texts": ["a", "b"]}, ClassLabel(names=["no", "yes"])),
    "regression": (
        [{**row, "label": number / 4} for number, row in enumerate(PAIRS)],
        {"texts": ["a"]},
        Value("float64"),
    ),
    "multi_label": (
        [{**row, "label": [("x", "y", "z")[number % 3]]} for number, row in enumerate(PAIRS)],
        {"texts": ["a"]},
        List(ClassLabel(names=["x", "y", "z"])),
    ),
    "multiple_choice": (
        [{"a": f"q {number}", "c": ["one", "two"], "label": number % 2} for number in range(40)],
        {"texts": ["a"], "choices": ["c"]},
        Value("int64"),
    ),
}


def prepared(folder: Path, kind: str) -> Path:
    rows, changes, _ = KINDS[kind]
    task: Task = files_task(folder, rows, kind=kind, **changes)
    prepare("mine", task, folder / "mine")
    return folder / "mine"


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_has_proper_features_and_its_rows(kind: str, tmp_path: Path) -> None:
    folder = prepared(tmp_path, kind)
    splits = scalearn.data.task(folder)
    assert set(splits) == {"train", "validation", "test"}
    for split, dataset in splits.items():
        assert dataset.features["label"] == KINDS[kind][2]
        stored = pq.read_table(folder / f"{split}.parquet")
        assert dataset.to_list() == stored.to_pylist()


@pytest.mark.parametrize("kind", KINDS)
def test_load_dataset_on_the_files_gives_the_same(kind: str, tmp_path: Path) -> None:
    folder = prepared(tmp_path, kind)
    for split, dataset in scalearn.data.task(folder).items():
        loaded = load_dataset("parquet", data_files=str(folder / f"{split}.parquet"), split="train")
        assert loaded.features == dataset.features and loaded.to_list() == dataset.to_list()


@pytest.mark.parametrize("kind", KINDS)
def test_the_features_in_the_file_are_what_the_library_would_write(kind: str, tmp_path: Path) -> None:
    folder = prepared(tmp_path, kind)
    for split in ("train", "test"):
        schema = pq.read_schema(folder / f"{split}.parquet")
        ours = Features.from_arrow_schema(schema)
        assert schema.metadata[b"huggingface"] == ours.arrow_schema.metadata[b"huggingface"]


def test_a_task_without_features_in_its_files_has_them_from_task_json(tmp_path: Path) -> None:
    """A rule of the user's, or an earlier version, wrote it."""
    splits = scalearn.data.task(make_task(tmp_path / "mine"))
    assert splits["test"].features["label"] == ClassLabel(names=["bad", "good"])


@pytest.mark.parametrize("kind", ["classification", "multiple_choice"])
def test_an_encoded_task_is_what_trainings_read(kind: str, tmp_path: Path) -> None:
    task, model = make_task(tmp_path / "mine", kind), make_model(tmp_path / "model")
    encode(task, model, tmp_path / "encoded")
    dataset = scalearn.data.encoded(tmp_path / "encoded")["test"]
    split = EncodedSplit(tmp_path / "encoded" / "test.arrow", read_encoding(tmp_path / "encoded"))
    assert len(dataset) == len(split)
    row, batch = dataset[3], split.__getitems__([3])
    ids = row["input_ids"] if kind == "classification" else row["input_ids"][0]
    ours = batch["input_ids"][0] if kind == "classification" else batch["input_ids"][0, 0, : len(ids)]
    assert torch.equal(torch.as_tensor(ids), ours)
    assert int(row["label"]) == int(batch["labels"][0])


def test_what_is_no_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"task\.json: no such file"):
        scalearn.data.task(tmp_path)
    with pytest.raises(UserError, match=r"encoding\.json: no such file"):
        scalearn.data.encoded(tmp_path)


def test_the_module_is_there_without_an_import_and_imports_no_datasets() -> None:
    assert python("import sys, scalearn; scalearn.data.task; print('datasets' in sys.modules)") == "False"
