"""Small task files for the tests of this folder."""

from __future__ import annotations

import csv
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
        pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=1000)  # the hub's size
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as stream:
            out = csv.DictWriter(stream, rows[0], delimiter="\t" if path.suffix == ".tsv" else ",")
            out.writeheader()
            out.writerows(rows)
    return str(path)


def files_task(folder: Path, train: Sequence[dict[str, Any]], ending: str = "jsonl", **changes: Any) -> Task:
    """Return a task with these train rows; its test rows are the same unless `test` gives others, or None."""
    splits = {"train": train, "test": changes.pop("test", train), "validation": changes.pop("validation", None)}
    source = {
        split: write_rows(folder / f"{split}.{ending}", rows) for split, rows in splits.items() if rows is not None
    }
    return Task.model_validate({"source": {"kind": "files", **source}, **changes})


def column(folder: Path, split: str, name: str) -> list[Any]:
    """Return a column of a prepared task."""
    return pq.read_table(folder / f"{split}.parquet")[name].to_pylist()
