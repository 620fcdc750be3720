"""Batches from a file with one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from scalearn.tasks.reading.rows import ROWS


def json_keys(path: Path, wanted: Sequence[str]) -> list[str]:
    """Return the keys of the file's rows, as far as one has to read to see every wanted one."""
    seen: dict[str, None] = {}
    for row in _objects(path):
        seen.update(dict.fromkeys(row))
        if all(column in seen for column in wanted):
            break
    return list(seen)


def json_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield these keys of the file's rows; a key that a row lacks is null there.

    A column holds one type of values throughout the file (whole numbers among others are fine): a ValueError names
    the first row that differs.
    """
    objects, done = _objects(path), 0
    known = {column: pa.null() for column in columns}
    while rows := list(islice(objects, ROWS)):
        arrays = {}
        for column in columns:
            values = [row.get(column) for row in rows]
            arrays[column] = _array(column, values, known[column], done)
            known[column] = _common(known[column], arrays[column].type)
        yield pa.RecordBatch.from_pydict(arrays)
        done += len(rows)


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line, object_pairs_hook=_once)
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number}: {error.msg}") from None
            except (ValueError, RecursionError) as error:  # a number of 5000 digits, brackets in brackets in ...
                raise ValueError(f"line {number}: {error}") from None
            if not isinstance(row, dict):
                raise ValueError(f"line {number}: a JSON object is expected")
            yield row


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        twice = next(key for place, (key, _) in enumerate(pairs) if key in dict(pairs[:place]))
        raise ValueError(f"key '{twice}' occurs more than once")
    return row


def _array(column: str, values: list[Any], known: pa.DataType, done: int) -> pa.Array:
    """Return the values as an array whose type goes with the `known` one of the rows before, `done` in number."""
    try:
        array = pa.array(values)
        _common(known, array.type)
        return array
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        for row, value in enumerate(values, start=done + 1):
            try:
                known = _common(known, pa.array([value]).type)
            except pa.ArrowTypeError:
                raise ValueError(f"column '{column}' holds values of several types, from row {row} on") from None
            except (OverflowError, UnicodeEncodeError, pa.ArrowInvalid) as error:
                raise ValueError(f"row {row}: column '{column}': {error}") from None
        raise


def _common(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """Return the type that holds both; an ArrowTypeError if none does."""
    schemas = [pa.schema([("value", kind)]) for kind in (first, second)]
    return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
