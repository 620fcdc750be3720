"""Why CSV, TSV and JSON lines have readers of our own: `datasets` changes values, or reads wrong rows without a word.

Each case is one file, read by both. If a later version of `datasets` reads a file as ours does, its test fails here. A
reader of which no such case is left can go.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from datasets.exceptions import DatasetGenerationError

from scalearn.errors import UserError
from scalearn.tasks.reading.readers import read_batches

REFUSED = "refused"


class Case(NamedTuple):
    """A file, and its rows as (text, label), read by us and by `datasets`.

    ours: the rows, or the words of a refusal. theirs: the rows, or REFUSED: their message names neither row nor column.
    """

    name: str
    content: str
    ours: list[tuple[Any, Any]] | str
    theirs: list[tuple[Any, Any]] | str


DIFFERENT = [
    Case(
        "NA.csv",
        "text,label\nNA,a\nnull,b\n,c\n",
        [("NA", "a"), ("null", "b"), ("", "c")],
        [(None, "a"), (None, "b"), (None, "c")],
    ),
    Case("numbers.csv", "text,label\n001,a\n1.50,b\n", [("001", "a"), ("1.50", "b")], [(1.0, "a"), (1.5, "b")]),
    Case("words.csv", "text,label\nTrue,a\nFalse,b\n", [("True", "a"), ("False", "b")], [(True, "a"), (False, "b")]),
    Case("short.csv", "text,label\nx,a\ny\n", "line 3: 1 value, but the header has 2", [("x", "a"), ("y", None)]),
    Case("mark.csv", 'text,label\n"x" y,a\nz,b\n', "line 2: text follows the closing", [("x y", "a"), ("z", "b")]),
    Case("twice.csv", "text,label,text\nx,a,y\n", "column 'text' occurs more than once", [("x", "a")]),
    Case(
        "joined.csv",
        "text,label\nx,a\ntext,label\ny,b\n",
        "row 2 repeats the header",
        [("x", "a"), ("text", "label"), ("y", "b")],
    ),
    Case("nul.csv", "text,label\nx\0y,a\n", "a NUL byte in column 'text'", [("x\0y", "a")]),
    Case("long.csv", "text,label\nx,a\ny,b,c\n", "line 3: 3 values, but the header has 2", REFUSED),
    Case("open.csv", 'text,label\n"x,a\ny,b\n', "line 2: .*the closing mark", REFUSED),
    Case("key.jsonl", '{"text":"x","label":"a","label":"b"}\n', "line 1: key 'label' occurs more than once", REFUSED),
    Case(
        "types.jsonl",
        '{"text":"x","label":1}\n{"text":"y","label":"1"}\n',
        "holds values of several types; the first other type is in row 2",
        [("x", 1), ("y", 1)],
    ),
    Case(
        "date.jsonl",
        '{"text":"2020-01-01","label":"a"}\n',
        [("2020-01-01", "a")],
        [(datetime.datetime(2020, 1, 1), "a")],
    ),
    Case("array.jsonl", '[{"text":"x","label":"a"}]\n', "line 1: a JSON object is expected", [("x", "a")]),
]
ALIKE = [
    Case("plain.csv", "text,label\nx,a\ny,b\n", [("x", "a"), ("y", "b")], [("x", "a"), ("y", "b")]),
    Case("lines.csv", 'text,label\n"x\ny",a\nz,b\n', [("x\ny", "a"), ("z", "b")], [("x\ny", "a"), ("z", "b")]),
    Case("marks.tsv", 'text\tlabel\nhe said "no\ta\n', [('he said "no', "a")], [('he said "no', "a")]),
    Case("bom.csv", "\ufefftext,label\nx,a\n", [("x", "a")], [("x", "a")]),
    Case("blank.csv", "text,label\nx,a\n\ny,b\n", [("x", "a"), ("y", "b")], [("x", "a"), ("y", "b")]),
    Case("key.jsonl", '{"text":"x","label":"a"}\n{"text":"y"}\n', [("x", "a"), ("y", None)], [("x", "a"), ("y", None)]),
]


def by_us(path: Path) -> list[tuple[Any, Any]]:
    batches = read_batches(path, ["text", "label"])
    return [(row["text"], row["label"]) for batch in batches for row in batch.to_pylist()]


def by_datasets(path: Path, cache: Path) -> list[tuple[Any, Any]] | str:
    kind, options = {".csv": ("csv", {}), ".tsv": ("csv", {"sep": "\t"}), ".jsonl": ("json", {})}.get(
        path.suffix, ("parquet", {})
    )
    try:
        rows = load_dataset(kind, data_files=str(path), split="train", cache_dir=str(cache), **options)
    except DatasetGenerationError:
        return REFUSED
    return [(row["text"], row["label"]) for row in rows]


@pytest.mark.parametrize("case", [*DIFFERENT, *ALIKE], ids=lambda case: case.name)
def test_a_file_by_both(case: Case, tmp_path: Path) -> None:
    path = tmp_path / case.name
    path.write_text(case.content)
    assert by_datasets(path, tmp_path / "cache") == case.theirs
    if isinstance(case.ours, str):
        with pytest.raises(UserError, match=case.ours):
            by_us(path)
    else:
        assert by_us(path) == case.ours
    assert (case.ours == case.theirs) == (case in ALIKE)


def test_parquet_is_read_alike(tmp_path: Path) -> None:
    """Ours streams one row group at a time and writes no copy; `datasets` first writes the file again as Arrow."""
    rows = [("NA", 1), ("001", 2), ("2020-01-01", 3)]
    table = pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=2)
    assert by_us(tmp_path / "rows.parquet") == by_datasets(tmp_path / "rows.parquet", tmp_path / "cache") == rows
