"""task.json and its files: what reads back, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.errors import UserError
from scalearn.storage.files import sha256
from scalearn.tasks.preparing.prepare import prepare
from scalearn.tasks.store import TaskInfo
from tests.tasks.making import ROWS, files_task
from tests.tiny import make_task


@pytest.fixture
def task(tmp_path: Path) -> Path:
    prepare("mine", files_task(tmp_path, ROWS), tmp_path / "mine")
    return tmp_path / "mine"


def change(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / "task.json").read_text())
    content.pop("checksum", None)  # whoever changes the file by hand takes it out
    (folder / "task.json").write_text(json.dumps({**content, **changes}))


def test_task_json_holds_what_the_contract_says(task: Path) -> None:
    content = json.loads((task / "task.json").read_text())
    assert set(content) == {
        "name", "kind", "labels", "metrics", "max_length", "version", "texts", "label", "source", "sizes", "sha256",
        "parts", "notes", "choices", "grouped", "truncate", "select", "built_in", "checksum",
    }  # fmt: skip
    assert content["sha256"] == {split: sha256(task / f"{split}.parquet") for split in ("train", "validation", "test")}
    assert pq.read_schema(task / "test.parquet").names == ["text1", "label", "part"]


def test_a_rule_s_own_keys_are_let_through(task: Path) -> None:
    change(task, harvested="2026-01-01")
    assert TaskInfo.read(task).name == "mine"


def test_the_tasks_of_other_tests_keep_the_format(tmp_path: Path) -> None:
    assert TaskInfo.read(make_task(tmp_path / "a")).outputs == 2
    assert TaskInfo.read(make_task(tmp_path / "b", kind="regression")).outputs == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "ranking"}, "kind: one of classification, multi_label, "),
        ({"labels": None}, "labels: classification and multi_label must have label names"),
        ({"labels": ["only"]}, "labels: give at least two"),
        ({"metrics": []}, "metrics: "),
        ({"positive": "maybe"}, "positive: 'maybe' is not a label; write 'no' or 'yes'"),
        ({"metrics": ["pearson"]}, "metrics: 'pearson' does not suit kind 'classification'"),
        ({"sizes": {"train": 36}}, "sizes: no entry for test"),
        ({"sizes": {"train": 99, "validation": 4, "test": 40}}, r"train\.parquet: 36 rows where task.json says 99"),
        ({"parts": ["mm"]}, "parts: the main test rows"),
        ({"texts": ["text", "other"]}, "column 'text2' must be string, found no such column"),
    ],
)
def test_a_broken_task_json_is_refused(task: Path, changes: dict[str, Any], message: str) -> None:
    change(task, **changes)
    with pytest.raises(UserError, match=message):
        TaskInfo.read(task)


def test_missing_and_unreadable_files_are_named(task: Path) -> None:
    (task / "test.parquet").write_text("not parquet")
    with pytest.raises(UserError, match=r"test\.parquet: not readable as parquet"):
        TaskInfo.read(task)
    (task / "test.parquet").unlink()
    with pytest.raises(UserError, match=r"test\.parquet: no such file"):
        TaskInfo.read(task)
    (task / "task.json").unlink()
    with pytest.raises(UserError, match=r"task\.json: no such file"):
        TaskInfo.read(task)


def test_labels_of_another_type_are_refused(task: Path) -> None:
    table = pq.read_table(task / "train.parquet")
    pq.write_table(table.set_column(1, "label", table["label"].cast(pa.float64())), task / "train.parquet")
    with pytest.raises(UserError, match="column 'label' must be int64, found double"):
        TaskInfo.read(task)
