"""Reading JSONL files: one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from scalearn.tasks.reading.rows import ROWS


def json_keys(path: Path, wanted: Sequence[str]) -> list[str]:
    """Return the keys of the file's rows. Reading stops as soon as every wanted key has occurred.

    Raises: ValueError if a line is not a JSON object.
    """
    seen: dict[str, None] = {}
    for row in _objects(path):
        seen.update(dict.fromkeys(row))
        if all(column in seen for column in wanted):
            break
    return list(seen)


def json_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield batches with a column for each of these keys. A row without the key has null.

    A column has one type in the whole file; whole numbers among other numbers are allowed.

    Raises: ValueError if a line is not a JSON object, or a row's value has another type than those before.
    """
    objects, done = _objects(path), 0
    types = {column: pa.null() for column in columns}
    while rows := list(islice(objects, ROWS)):
        arrays = {}
        for column in columns:
            values = [row.get(column) for row in rows]
            arrays[column] = _array(column, values, types[column], done)
            types[column] = _common(types[column], arrays[column].type)
        yield pa.RecordBatch.from_pydict(arrays)
        done += len(rows)


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line, object_pairs_hook=_refuse_repeated_keys)
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number}: {error.msg}") from None
            except (ValueError, RecursionError) as error:  # a repeated key, a number of 5000 digits, deep nesting
                raise ValueError(f"line {number}: {error}") from None
            if not isinstance(row, dict):
                raise ValueError(f"line {number}: a JSON object is expected")
            yield row


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        repeated = next(key for place, (key, _) in enumerate(pairs) if key in dict(pairs[:place]))
        raise ValueError(f"key '{repeated}' occurs more than once")
    return row


def _array(column: str, values: list[Any], kind: pa.DataType, done: int) -> pa.Array:
    """Return the values as an array.

    kind: the type of the rows before; the values must fit it. done: the number of rows before.
    """
    try:
        array = pa.array(values)
        _common(kind, array.type)
        return array
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        for row, value in enumerate(values, start=done + 1):
            try:
                kind = _common(kind, pa.array([value]).type)
            except pa.ArrowTypeError:
                raise ValueError(
                    f"column '{column}' holds values of several types; the first other type is in row {row}"
                ) from None
            except (OverflowError, UnicodeEncodeError, pa.ArrowInvalid) as error:
                raise ValueError(f"row {row}: column '{column}': {error}") from None
        raise


def _common(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """Return the type that can hold both. Raises ArrowTypeError if there is none."""
    schemas = [pa.schema([("value", kind)]) for kind in (first, second)]
    return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
