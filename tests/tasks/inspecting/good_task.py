"""A good task, and edits of its prepared rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.storage.files import sha256
from scalearn.tasks.inspecting.findings import Finding, check_task
from scalearn.tasks.preparing.prepare import prepare
from tests.tasks.making import files_task

TEXTS = [f"w{number} w1 w2 w3 w4" for number in range(60)]  # words that the tiny tokenizer knows
GOOD = [{"text": text, "label": ("no", "yes")[place % 2]} for place, text in enumerate(TEXTS)]


def task(folder: Path, **splits: list[dict[str, Any]]) -> Path:
    """Prepare a task of these rows; 40 of train, 10 of validation and 10 of test are good ones."""
    rows = {"train": GOOD[:40], "validation": GOOD[40:50], "test": GOOD[50:], **splits}
    definition = files_task(folder, rows["train"], validation=rows["validation"], test=rows["test"], max_length=8)
    prepare("mine", definition, folder / "task")
    return folder / "task"


def change(folder: Path, split: str, edit: Callable[[list[dict[str, Any]]], None], seal: bool = True) -> None:
    """Edit the prepared rows of a split, as a rule of the user's might have written them."""
    path = folder / f"{split}.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    edit(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    info = json.loads((folder / "task.json").read_text())
    info.pop("checksum", None)  # whoever changes the file by hand takes it out
    info["sizes"][split] = len(rows)
    if seal:
        info["sha256"][split] = sha256(path)
    (folder / "task.json").write_text(json.dumps(info))


def found(folder: Path, level: str) -> list[Finding]:
    """Return what check-task finds of this level."""
    return [finding for finding in check_task(folder).findings if finding.level == level]
