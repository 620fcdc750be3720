"""Writes predictions as CSV, TSV, JSON lines or parquet, a batch at a time."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.errors import UserError
from scalearn.storage.files import check_parents, whole_file

SEPARATOR = "|"  # of several labels in CSV and TSV
Write = Callable[[pa.RecordBatch], None]


@contextmanager
def _delimited(stream: BinaryIO, schema: pa.Schema, delimiter: str) -> Iterator[Write]:
    """Write a header and a line per row. Several labels are joined by '|', as tasks read them."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(schema.names)

    def write(rows: pa.RecordBatch) -> None:
        writer.writerows(zip(*([_cell(value) for value in column.to_pylist()] for column in rows), strict=True))

    try:
        yield write
    finally:
        text.detach()  # otherwise it would close standard output


def _cell(value: Any) -> Any:
    return SEPARATOR.join(value) if isinstance(value, list) else value


@contextmanager
def _json_lines(stream: BinaryIO, schema: pa.Schema) -> Iterator[Write]:
    def write(rows: pa.RecordBatch) -> None:
        stream.writelines(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows.to_pylist())

    yield write


@contextmanager
def _parquet(stream: BinaryIO, schema: pa.Schema) -> Iterator[Write]:
    with pq.ParquetWriter(stream, schema) as writer:
        yield writer.write_batch


FORMATS: dict[str, Callable[[BinaryIO, pa.Schema], Any]] = {
    ".csv": lambda stream, schema: _delimited(stream, schema, ","),
    ".tsv": lambda stream, schema: _delimited(stream, schema, "\t"),
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}


def check_labels(labels: Sequence[str], schema: pa.Schema, path: Path | None) -> None:
    """Refuse to join labels that contain the separator: nobody could tell them apart again."""
    joined = (path is None or path.suffix.lower() in (".csv", ".tsv")) and pa.list_(pa.string()) in schema.types
    if joined and (wrong := [label for label in labels if SEPARATOR in label]):
        raise UserError(
            f"label '{wrong[0]}': CSV and TSV join labels by '{SEPARATOR}', which it contains; "
            "name a .jsonl or .parquet file as --output"
        )


def check_result_name(path: Path) -> None:
    """Refuse a name of another format, a file that is there already, or a path with a file among its folders."""
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path}: the file name must end in {', '.join(FORMATS)}; name another --output")
    if path.exists() or path.is_symlink():
        raise UserError(f"{path}: it is there already; name another --output, or remove it")
    check_parents(path)


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    """Yield the stream of standard output. Raises: UserError if it is closed or its disk is full."""
    if sys.stdout is None:
        raise UserError("standard output: it is closed; name an --output")
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise  # the reader wants no more rows: the command line ends without a word
    except OSError as error:
        if error.filename is not None:  # another file
            raise
        raise UserError(f"standard output: {error.strerror}; name an --output on another disk") from None


@contextmanager
def result_file(path: Path | None, schema: pa.Schema) -> Iterator[Write]:
    """Yield the function that writes rows of the result.

    path: a file that appears whole at the end; None for standard output, as CSV.
    """
    if path is None:
        with _standard_output() as stream, FORMATS[".csv"](stream, schema) as write:
            yield write
        return
    with whole_file(path) as temporary:
        with temporary.open("wb") as stream, FORMATS[path.suffix.lower()](stream, schema) as write:
            yield write
        if path.exists():
            raise UserError(f"{path}: it has appeared in the meantime; name another --output, or remove it")
