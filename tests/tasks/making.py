"""Small task files for the tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.tasks.definition import Task

ROWS = [{"text": f"sentence number {number}", "label": ("no", "yes")[number % 2]} for number in range(40)]


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    """Write the rows as the path's ending says; return the path as text."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def files_task(folder: Path, train: Sequence[dict[str, Any]], ending: str = "jsonl", **changes: Any) -> Task:
    """Return a task with these train rows; its test rows are the same unless `test` gives others."""
    test = changes.pop("test", train)
    source = {
        "kind": "files",
        "train": write_rows(folder / f"train.{ending}", train),
        "test": write_rows(folder / f"test.{ending}", test),
    }
    if "validation" in changes:
        source["validation"] = write_rows(folder / f"validation.{ending}", changes.pop("validation"))
    return Task.model_validate({"source": source, **changes})
