"""Tables from CSV, JSONL and parquet files. Only the wanted columns, and their values as they stand in the file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from scalearn.errors import UserError, nearest


def read_table(path: Path, columns: Sequence[str]) -> pa.Table:
    """Return these columns of a .csv, .jsonl or .parquet file; a UserError says what is wrong with it."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: the ending must be {', '.join(READERS)}; convert the file to one of these")
    if not path.is_file():
        raise UserError(f"{path}: no such file; mend the path")
    try:
        return reader(path, list(dict.fromkeys(columns)))
    except (ValueError, TypeError, OverflowError, OSError, csv.Error) as error:  # pyarrow's errors are ValueErrors
        why = (str(error).splitlines() or [type(error).__name__])[0][:150]
        raise UserError(f"{path}: not readable as {path.suffix[1:].lower()} ({why}); mend the file") from None


def _read_csv(path: Path, columns: list[str]) -> pa.Table:
    """Every value stays the text that it is in the file: no 'NA' turns into null, no '001' into a number."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        header = next(csv.reader(stream), [])
    _require(path, columns, header)
    if twice := [column for column in columns if header.count(column) > 1]:
        raise ValueError(f"column '{twice[0]}' stands there more than once")
    return pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=1 << 26),  # no row may be longer than a block
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
        ),
    )


def _read_jsonl(path: Path, columns: list[str]) -> pa.Table:
    """One object per line. A key that only some rows lack is null there."""
    values: dict[str, list[Any]] = {column: [] for column in columns}
    seen: set[str] = set()
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number}: {error.msg}") from None
            if not isinstance(row, dict):
                raise ValueError(f"line {number}: a JSON object is expected")
            seen.update(row)
            for column, found in values.items():
                found.append(row.get(column))
    if seen:
        _require(path, columns, list(seen))
    return pa.table({column: _array(column, found) for column, found in values.items()})


def _array(column: str, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise ValueError(f"column '{column}' holds values of several types") from None


def _read_parquet(path: Path, columns: list[str]) -> pa.Table:
    _require(path, columns, pq.read_schema(path).names)
    return pq.read_table(path, columns=columns, partitioning=None)


def _require(path: Path, columns: Sequence[str], found: Sequence[str]) -> None:
    for column in columns:
        if column not in found:
            raise UserError(f"{path}: no column '{column}'{nearest(column, found)}")


READERS: dict[str, Callable[[Path, list[str]], pa.Table]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
