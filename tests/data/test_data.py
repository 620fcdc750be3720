"""Tasks as objects of `datasets`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import ClassLabel, List, Value, load_dataset

import scalearn
from scalearn.errors import UserError
from scalearn.storage.files import sha256
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import prepare
from scalearn.tasks.store import SPLITS
from scalearn.training.data.batches import EncodedSplit
from scalearn.training.data.encode import encode
from scalearn.training.runs.planned import read_encoding
from tests.places import ROOT
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
    "candidates": (
        [{"p": f"a b {number}", "q": "@placeholder", "entities": ["a", "b"], "answers": ["a"]} for number in range(40)],
        {"texts": ["p", "q"], "label": "answers", "construction": "record"},
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
        assert dataset.features == splits["test"].features  # of one DatasetDict, as push_to_hub requires
        stored = pq.read_table(folder / f"{split}.parquet").to_pylist()
        assert dataset.to_list() == [row if split == "test" else {**row, "part": None} for row in stored]


@pytest.mark.parametrize("kind", KINDS)
def test_load_dataset_on_the_folder_gives_the_same(kind: str, tmp_path: Path) -> None:
    folder = prepared(tmp_path, kind)
    loaded, splits = load_dataset(str(folder)), scalearn.data.task(folder)
    assert list(loaded) == list(splits)
    for split, dataset in splits.items():
        assert loaded[split].features == dataset.features and loaded[split].to_list() == dataset.to_list()


@pytest.mark.parametrize("kind", KINDS)
def test_load_dataset_on_the_files_gives_the_same(kind: str, tmp_path: Path) -> None:
    folder = prepared(tmp_path, kind)
    splits, files = scalearn.data.task(folder), {split: str(folder / f"{split}.parquet") for split in SPLITS}
    loaded = load_dataset("parquet", data_files=files, features=splits["train"].features)
    for split, dataset in splits.items():
        assert loaded[split].features == dataset.features and loaded[split].to_list() == dataset.to_list()
        plain = load_dataset("parquet", data_files=files[split], split="train")
        assert plain.to_list() == dataset.select_columns(plain.column_names).to_list()


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


def rewritten(folder: Path, table: pa.Table, **changes: Any) -> Path:
    """Write another train split and other entries of task.json, as a rule of the user's might; return the folder."""
    pq.write_table(table, folder / "train.parquet")
    content = {**json.loads((folder / "task.json").read_text()), **changes}
    content["sha256"]["train"] = sha256(folder / "train.parquet")
    content.pop("checksum", None)
    (folder / "task.json").write_text(json.dumps(content))
    return folder


def test_a_column_that_a_rule_added_stays(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "mine")
    table = pq.read_table(folder / "train.parquet")
    splits = scalearn.data.task(rewritten(folder, table.append_column("id", pa.array(range(len(table))))))
    assert splits["train"]["id"][:3] == [0, 1, 2] and splits["test"]["id"][0] is None
    assert splits["train"].features == splits["test"].features


def test_what_a_rule_wrote_wrongly_is_refused(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "mine")
    table = pq.read_table(folder / "train.parquet")
    with pytest.raises(UserError, match=r"labels` of task\.json occurs twice"):
        scalearn.data.task(rewritten(folder, table, labels=["bad", "bad"]))
    place = table.schema.get_field_index("label")
    wrong = table.set_column(place, "label", pa.array([7] * len(table)))
    with pytest.raises(UserError, match=r"train\.parquet: Class label 7 .*; type `scalearn check-task .*mine`"):
        scalearn.data.task(rewritten(folder, wrong, labels=["bad", "good"]))


@pytest.mark.parametrize("size", [0, 0.5, 1])
def test_a_damaged_file_is_refused(size: float, tmp_path: Path) -> None:
    """It is empty, cut off, or a byte of it is another."""
    task, model = make_task(tmp_path / "mine"), make_model(tmp_path / "model")
    encode(task, model, tmp_path / "encoded")
    for folder, name in ((task, "train.parquet"), (tmp_path / "encoded", "test.arrow")):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 3] ^= 0xFF
        (folder / name).write_bytes(content[: int(len(content) * size)])
    with pytest.raises(UserError, match=r"train\.parquet: (missing, or not as it was written|not readable as parquet)"):
        scalearn.data.task(task)
    with pytest.raises(UserError, match=r"test\.arrow: missing, or not as it was written; encode the task again"):
        scalearn.data.encoded(tmp_path / "encoded")


def test_what_is_no_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"task\.json: no such file"):
        scalearn.data.task(tmp_path)
    with pytest.raises(UserError, match=r"encoding\.json: no such file"):
        scalearn.data.encoded(tmp_path)


def test_the_module_is_there_without_an_import_and_imports_no_datasets() -> None:
    assert python("import sys, scalearn; scalearn.data.task; print('datasets' in sys.modules)") == "False"


def test_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "tasks.md").read_text()
    (example,) = [code for code in re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S) if "scalearn.data" in code]
    task, model = make_task(tmp_path / "resources/tasks/rte"), make_model(tmp_path / "model")
    encode(task, model, tmp_path / "resources/encoded/roberta-base/rte")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(example, "docs/tasks.md", "exec"), names)
    assert len(names["rows"]) == 96 and set(names["splits"]) == {"train", "validation", "test"}
