"""Batches from CSV, TSV, JSONL and parquet files: the wanted columns, and their values as they stand in the file.

All four stream: memory holds one batch and what the reader looks ahead, whatever the size of the file.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from scalearn.errors import UserError, nearest
from scalearn.tasks.jsonl import json_batches, json_keys
from scalearn.tasks.rows import ROWS

_BLOCK = 1 << 22  # bytes that are parsed at a time; no row of a CSV or TSV file may be longer


def read_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield these columns of a .csv, .tsv, .jsonl or .parquet file; a UserError says what is wrong with it."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: the ending must be {', '.join(READERS)}; convert the file to one of these")
    if not path.is_file():
        raise UserError(f"{path}: no such file; mend the path")
    try:
        yield from reader(path, list(columns))
    except (ValueError, TypeError, KeyError, OverflowError, OSError, csv.Error, pa.ArrowException) as error:
        if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in str(error):
            raise UserError(f"{path}: line {_not_utf8(path)} is not UTF-8; save the file as UTF-8") from None
        why = (str(error).splitlines() or [type(error).__name__])[0][:150]
        raise UserError(f"{path}: not readable as {path.suffix[1:].lower()} ({why}); mend the file") from None


def _read_csv(path: Path, columns: list[str], delimiter: str) -> Iterator[pa.RecordBatch]:
    """Every value stays the text that it is in the file: no 'NA' turns into null, no '001' into a number.

    Quotation marks enclose values that hold a delimiter, a line's end or a quotation mark, in both formats.
    """
    with path.open(newline="", encoding="utf-8-sig") as stream:
        header = next(csv.reader(stream, delimiter=delimiter), [])
    _require(path, columns, header)
    with pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
        ),
    ) as reader:
        done = 0
        for batch in reader:
            for name in columns:  # a text editor shows none, and what writes some is no UTF-8: UTF-16, say
                found = pc.index(pc.match_substring(batch[name], "\0"), True).as_py()
                if found >= 0:
                    raise ValueError(f"row {done + found + 1}: a NUL byte in column '{name}'")
            done += batch.num_rows
            yield batch
    _refuse_open_quotation(path, delimiter)


def _refuse_open_quotation(path: Path, delimiter: str) -> None:
    """Refuse a file that ends within a quotation: what is read as its last value are all the rows from there on."""
    with path.open("rb") as bytes_:
        if sum(block.count(b'"') for block in iter(partial(bytes_.read, _BLOCK), b"")) % 2 == 0:
            return
    csv.field_size_limit(_BLOCK)
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows, line = csv.reader(stream, delimiter=delimiter, strict=True), 1
        try:
            for _ in rows:
                line = rows.line_num + 1
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise ValueError(f"no quotation mark ends what one begins in line {line}") from None


def _read_tsv(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Read values as in CSV, none with a tab in it.

    Some programs write TSV without any quoting. There a text that begins with a quotation mark would swallow the
    rows up to the next mark, with their tabs.
    """
    for batch in _read_csv(path, columns, "\t"):
        for name in columns:
            found = pc.index(pc.match_substring(batch[name], "\t"), True).as_py()
            if found >= 0:
                start = batch[name][found].as_py().replace("\n", "\t").split("\t")[0][:30]
                raise ValueError(f"no quotation mark ends what one begins in column '{name}': '{start}'")
        yield batch


def _read_jsonl(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """One object per line. A key that only some rows lack is null there."""
    found = json_keys(path, columns)
    if found:
        _require(path, columns, found)
    yield from json_batches(path, columns)


def _read_parquet(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        _require(path, columns, file.schema_arrow.names)
        for group in range(file.num_row_groups):  # asked for all at once, they pile up in memory
            yield from file.iter_batches(ROWS, row_groups=[group], columns=columns)


def _not_utf8(path: Path) -> int:
    """Return the number of the first line that is not UTF-8, counted from 1."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _require(path: Path, columns: Sequence[str], found: Sequence[str]) -> None:
    for column in columns:
        if column not in found:
            raise UserError(f"{path}: no column '{column}'{nearest(column, found)}")
        if list(found).count(column) > 1:
            raise UserError(f"{path}: column '{column}' stands there more than once; rename one of them")


READERS: dict[str, Callable[[Path, list[str]], Iterator[pa.RecordBatch]]] = {
    ".csv": partial(_read_csv, delimiter=","),
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
