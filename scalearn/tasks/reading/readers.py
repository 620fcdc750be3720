"""Reading CSV, TSV, JSONL, parquet and Arrow files in batches. Values are not converted.

Files are streamed: memory holds one batch and the reader's look-ahead, whatever the size of the file.

Why these readers and not those of `datasets`: its CSV reader turns NA and null into missing values and 001 into a
number, fills short rows, and reads a repeated header as a row. Its JSON reader turns dates into times and mixed types
into one. Neither says where a file is wrong. tests/tasks/reading/test_beside_datasets.py lists the differences. Parquet
is read alike by both; ours streams row groups and writes no copy of the file.
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
from scalearn.tasks.reading.arrow_files import arrow_batches, arrow_schema
from scalearn.tasks.reading.features import class_names
from scalearn.tasks.reading.jsonl import json_batches, json_keys
from scalearn.tasks.reading.quotation import Shape, scan
from scalearn.tasks.reading.rows import ROWS, is_list


class NoColumn(UserError):
    """A file lacks a column. column: its name."""

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


_BLOCK = 1 << 22  # bytes that are parsed at a time; a row of a CSV or TSV file must be shorter


def read_batches(path: Path, columns: Sequence[str], quoting: Quoting | None = None) -> Iterator[pa.RecordBatch]:
    """Yield batches with these columns of a .csv, .tsv, .jsonl, .parquet or .arrow file.

    Args:
        quoting: how quotation marks in CSV and TSV files are read; see definition.Quoting.

    Raises: UserError if the file or a column is missing, or the file cannot be read.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: the file name must end in {', '.join(READERS)}; convert the file to one of these")
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
    """Yield the columns as text: 'NA' does not become null, '001' does not become a number.

    scalearn.tasks.reading.quotation checks quotation marks and counts rows first, once per process and file.
    """
    wanted = _places(path, columns, quoting, delimiter)
    shape = _shape(path, wanted, quoting, delimiter)
    if not shape.rows:
        return  # Arrow's reader would refuse a header without a line end
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
                for name in columns:  # NUL bytes are invisible in editors and tell another encoding, such as UTF-16
                    row = pc.index(pc.match_substring(batch[name], "\0"), True).as_py()
                    if row >= 0:
                        raise ValueError(f"row {rows + row + 1}: a NUL byte in column '{name}'")
                if not joined and (row := _repeated_header(batch)) >= 0:
                    joined = True
                    _refuse_joined(path, columns, quoting, delimiter, rows + row)
                rows += batch.num_rows
                yield batch
    except pa.ArrowInvalid:
        scan(path, delimiter, quoting, dict(wanted), _BLOCK, widths=True)  # raises an error with the line number
        raise
    if rows != shape.rows:
        raise ValueError(f"{rows:,} rows were read, but its lines hold {shape.rows:,}")


def _repeated_header(batch: pa.RecordBatch) -> int:
    """Return the index of the first row whose values are the column names, or -1."""
    same = None
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        equal = pc.equal(column, name)
        same = equal if same is None else pc.and_(same, equal)
        if not equal.true_count:
            return -1
    return -1 if same is None else int(pc.index(same, True).as_py())


def _refuse_joined(path: Path, columns: list[str], quoting: Quoting | None, delimiter: str, row: int) -> None:
    """Refuse a row that repeats the header. If only one column is read, a second column is read to make sure."""
    if len(columns) > 1:
        raise UserError(
            f"{path}: row {row + 1} repeats the header, perhaps because two files were joined; remove that line"
        )
    header = _header(path, quoting, delimiter)
    others = [name for name in header if name and name not in columns and header.count(name) == 1]
    if others:
        for _ in _read_csv(path, [*columns, others[0]], quoting, delimiter):
            pass


def _places(path: Path, columns: list[str], quoting: Quoting | None, delimiter: str) -> tuple[tuple[int, str], ...]:
    """Return (index in the header, name) of each of these columns."""
    header = _header(path, quoting, delimiter)
    require_columns(path, columns, header)
    return tuple((header.index(column), column) for column in columns)


def _header(path: Path, quoting: Quoting | None, delimiter: str) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(
            stream, delimiter=delimiter, quoting=csv.QUOTE_NONE if quoting == "none" else csv.QUOTE_MINIMAL, strict=True
        )
        try:
            return next((row for row in rows if row), [])
        except csv.Error:
            scan(path, delimiter, quoting, {}, _BLOCK)  # raises an error with the line number and the mend
            raise


def _shape(path: Path, wanted: tuple[tuple[int, str], ...], quoting: Quoting | None, delimiter: str) -> Shape:
    """Return the shape of a file. The result is cached until the file changes."""
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


def removes_marks(path: Path, columns: Sequence[str], quoting: Quoting | None) -> bool:
    """Tell whether reading a file removes quotation marks around values although the task does not set `quoting`.

    Only TSV files without quoting are in doubt; the result is False for others.
    """
    if quoting is not None or path.suffix.lower() != ".tsv":
        return False
    return _shape(path, _places(path, list(columns), quoting, "\t"), quoting, "\t").enclosed


def _read_jsonl(path: Path, columns: list[str], quoting: Quoting | None) -> Iterator[pa.RecordBatch]:
    """Yield the keys of one object per line. A row without the key has null."""
    keys = json_keys(path, columns)
    if keys:
        require_columns(path, columns, keys)
    yield from json_batches(path, columns)


def _read_parquet(path: Path, columns: list[str], quoting: Quoting | None) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        require_columns(path, columns, file.schema_arrow.names)
        for group in range(file.num_row_groups):  # one call for all groups would keep them in memory
            for batch in file.iter_batches(ROWS, row_groups=[group], columns=columns):
                yield pa.RecordBatch.from_arrays([plain(array) for array in batch.columns], batch.schema.names)


def _read_arrow(path: Path, columns: list[str], quoting: Quoting | None) -> Iterator[pa.RecordBatch]:
    require_columns(path, columns, arrow_schema(path).names)
    for batch in arrow_batches(path):
        yield pa.RecordBatch.from_arrays([plain(batch[column]) for column in columns], columns)


def file_class_names(path: Path, column: str) -> tuple[str, ...] | None:
    """Return the ClassLabel names of a column if `datasets` wrote the parquet or Arrow file, else None.

    Raises: UserError if the file is damaged.
    """
    schema_of = {".parquet": pq.read_schema, ".arrow": arrow_schema}.get(path.suffix.lower())
    if schema_of is None:
        return None
    try:
        return class_names(schema_of(path), column)
    except (OSError, pa.ArrowException) as error:
        raise UserError(
            f"{path}: not readable as {path.suffix[1:].lower()} ({str(error)[:150]}); mend the file"
        ) from None


def plain(array: pa.Array) -> pa.Array:
    """Return an array as string, binary or list: few functions work on the views that Polars and DataFusion write."""
    if pa.types.is_dictionary(array.type):
        return plain(array.dictionary).take(array.indices)
    kind = _plain_type(array.type)
    return array if array.type == kind else array.cast(kind)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the string, binary or list type for the same values, also for nested types."""
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


def require_columns(origin: Path | str, columns: Sequence[str], present: Sequence[str]) -> None:
    """Refuse a column that is not `present`, or is there twice. `origin`: the file or dataset, for messages.

    Raises: UserError if there is such a column.
    """
    for column in columns:
        if column not in present:
            raise NoColumn(f"{origin}: no column '{column}'{nearest(column, present)}", column)
        if list(present).count(column) > 1:
            raise UserError(f"{origin}: column '{column}' occurs more than once; rename one of them")


READERS: dict[str, Callable[[Path, list[str], Quoting | None], Iterator[pa.RecordBatch]]] = {
    ".csv": partial(_read_csv, delimiter=","),
    ".tsv": partial(_read_csv, delimiter="\t"),
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
}
