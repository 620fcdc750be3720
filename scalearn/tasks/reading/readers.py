"""Batches from CSV, TSV, JSONL and parquet files: the wanted columns, and their values as they stand in the file.

All four stream: memory holds one batch and what the reader looks ahead, whatever the size of the file.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from scalearn.errors import UserError, nearest
from scalearn.tasks.definition import Quoting
from scalearn.tasks.reading.jsonl import json_batches, json_keys
from scalearn.tasks.reading.quotation import Shape, scan
from scalearn.tasks.reading.rows import ROWS, is_list

_BLOCK = 1 << 22  # bytes that are parsed at a time; no row of a CSV or TSV file may be longer


def read_batches(path: Path, columns: Sequence[str], quoting: Quoting | None = None) -> Iterator[pa.RecordBatch]:
    """Yield these columns of a .csv, .tsv, .jsonl or .parquet file; a UserError says what is wrong with it.

    quoting: what quotation marks in CSV and TSV are; the other two have none.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: the ending must be {', '.join(READERS)}; convert the file to one of these")
    if not path.is_file():
        raise UserError(f"{path}: no such file; mend the path")
    try:
        yield from reader(path, list(columns), quoting)
    except (ValueError, TypeError, KeyError, OverflowError, OSError, csv.Error, pa.ArrowException) as error:
        if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in str(error):
            raise UserError(f"{path}: line {_not_utf8(path)} is not UTF-8; save the file as UTF-8") from None
        why = (str(error).splitlines() or [type(error).__name__])[0][:150]
        raise UserError(f"{path}: not readable as {path.suffix[1:].lower()} ({why}); mend the file") from None


def _read_csv(path: Path, columns: list[str], quoting: Quoting | None, delimiter: str) -> Iterator[pa.RecordBatch]:
    """Every value stays the text that it is in the file: no 'NA' turns into null, no '001' into a number.

    What the bytes say of the rows is checked first (scalearn.tasks.reading.quotation), once per process and file.
    """
    wanted = _places(path, columns, quoting, delimiter)
    shape = _shape(path, wanted, quoting, delimiter)
    if not shape.rows:
        return  # the reader of the values would complain about a header that no line end follows
    marks = shape.marks and quoting != "none"
    options = {
        "read_options": pyarrow.csv.ReadOptions(block_size=_BLOCK),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=delimiter, quote_char='"' if marks else False, newlines_in_values=marks
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
        ),
    }
    rows, joined = 0, False
    try:
        with pyarrow.csv.open_csv(path, **options) as reader:
            for batch in reader:
                for name in columns:  # a text editor shows none, and what writes some is no UTF-8: UTF-16, say
                    found = pc.index(pc.match_substring(batch[name], "\0"), True).as_py()
                    if found >= 0:
                        raise ValueError(f"row {rows + found + 1}: a NUL byte in column '{name}'")
                if not joined and (found := _header_again(batch)) >= 0:
                    joined = True
                    _refuse_joined(path, columns, quoting, delimiter, rows + found)
                rows += batch.num_rows
                yield batch
    except pa.ArrowInvalid:
        scan(path, delimiter, quoting, dict(wanted), _BLOCK, widths=True)  # it can tell the line of a row too short
        raise
    if rows != shape.rows:
        raise ValueError(f"{rows:,} rows were read, and its lines hold {shape.rows:,}")


def _header_again(batch: pa.RecordBatch) -> int:
    """Return the first row whose values are the names of their columns, or -1."""
    same = None
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        equal = pc.equal(column, name)
        same = equal if same is None else pc.and_(same, equal)
        if not equal.true_count:
            return -1
    return -1 if same is None else int(pc.index(same, True).as_py())


def _refuse_joined(path: Path, columns: list[str], quoting: Quoting | None, delimiter: str, row: int) -> None:
    """Refuse a row that is the header again; where one column is read, a second says whether it is."""
    if len(columns) > 1:
        raise UserError(f"{path}: row {row + 1} is the header again, as where two files were joined; remove that line")
    header = _header(path, quoting, delimiter)
    others = [name for name in header if name and name not in columns and header.count(name) == 1]
    if others:
        for _ in _read_csv(path, [*columns, others[0]], quoting, delimiter):
            pass


def _places(path: Path, columns: list[str], quoting: Quoting | None, delimiter: str) -> tuple[tuple[int, str], ...]:
    """Return the place in a row of each of these columns, with its name, as the header says it."""
    header = _header(path, quoting, delimiter)
    _require(path, columns, header)
    return tuple((header.index(column), column) for column in columns)


def _header(path: Path, quoting: Quoting | None, delimiter: str) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(
            stream, delimiter=delimiter, quoting=csv.QUOTE_NONE if quoting == "none" else csv.QUOTE_MINIMAL, strict=True
        )
        try:
            return next((row for row in rows if row), [])
        except csv.Error:
            scan(path, delimiter, quoting, {}, _BLOCK)  # it can tell the line, and what to do
            raise


def _shape(path: Path, wanted: tuple[tuple[int, str], ...], quoting: Quoting | None, delimiter: str) -> Shape:
    """Return the shape of a file, looked through once as long as the file stays as it is."""
    state = path.stat()
    doubtful = wanted if delimiter == "\t" and quoting is None else ()
    return _scanned(path, state.st_size, state.st_mtime_ns, delimiter, quoting, doubtful, _BLOCK)


@lru_cache(maxsize=64)
def _scanned(
    path: Path,
    size: int,
    changed: int,
    delimiter: str,
    quoting: Quoting | None,
    wanted: tuple[tuple[int, str], ...],
    block: int,
) -> Shape:
    return scan(path, delimiter, quoting, dict(wanted), block)


def takes_marks_off(path: Path, columns: Sequence[str], quoting: Quoting | None) -> bool:
    """Tell whether a TSV file is read without the marks around some of its values, though nobody has said so."""
    if quoting is not None or path.suffix.lower() != ".tsv":
        return False
    return _shape(path, _places(path, list(columns), quoting, "\t"), quoting, "\t").enclosed


def _read_jsonl(path: Path, columns: list[str], quoting: Quoting | None) -> Iterator[pa.RecordBatch]:
    """One object per line. A key that only some rows lack is null there."""
    found = json_keys(path, columns)
    if found:
        _require(path, columns, found)
    yield from json_batches(path, columns)


def _read_parquet(path: Path, columns: list[str], quoting: Quoting | None) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        _require(path, columns, file.schema_arrow.names)
        for group in range(file.num_row_groups):  # asked for all at once, they pile up in memory
            for batch in file.iter_batches(ROWS, row_groups=[group], columns=columns):
                yield pa.RecordBatch.from_arrays([_plain(array) for array in batch.columns], batch.schema.names)


def _plain(array: pa.Array) -> pa.Array:
    """Return an array in the plain form of its type: Polars and DataFusion write views, on which few functions work."""
    if pa.types.is_dictionary(array.type):
        return _plain(array.dictionary).take(array.indices)
    kind = _plain_type(array.type)
    return array if array.type == kind else array.cast(kind)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the same values as string, binary or list, nested ones included."""
    types = pa.types
    if types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if types.is_string_view(kind) or types.is_large_string(kind):
        return pa.string()
    if types.is_binary_view(kind) or types.is_large_binary(kind):
        return pa.binary()
    if is_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([field.with_type(_plain_type(field.type)) for field in kind])
    return kind


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
            raise UserError(f"{path}: column '{column}' occurs more than once; rename one of them")


READERS: dict[str, Callable[[Path, list[str], Quoting | None], Iterator[pa.RecordBatch]]] = {
    ".csv": partial(_read_csv, delimiter=","),
    ".tsv": partial(_read_csv, delimiter="\t"),
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
