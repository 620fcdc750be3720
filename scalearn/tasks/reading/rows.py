"""Rows that are read from a source: batches that know the number of each row, so that messages can name it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError

ROWS = 8192  # per batch; memory holds a few batches

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Batch:
    """Consecutive rows of a split, with the columns of the source.

    origin: the file or task that they come from, for messages.
    numbers: [rows], the index of each row in its split, from 0.
    columns: the values.
    """

    origin: str
    numbers: Numbers
    columns: pa.RecordBatch

    def __len__(self) -> int:
        return len(self.numbers)

    def keep(self, mask: Mask) -> Batch:
        """Return the rows where `mask`, [rows], is true."""
        return self if mask.all() else Batch(self.origin, self.numbers[mask], self.columns.filter(pa.array(mask)))

    def column(self, name: str) -> pa.Array:
        """Return the column `name`."""
        return self.columns[name]

    def texts(self, name: str) -> pa.Array:
        """Return a text column as string, [rows].

        Raises: UserError if a text is missing or the column has another type.
        """
        column = self.column(name)
        self.refuse(pc.is_null(column), f"'{name}' is missing; give it a text, or remove the row")
        if not is_text(column.type):
            raise UserError(
                f"{self.origin}: column '{name}' holds {column.type}, not text; name a text column, or mend the file"
            )
        return column.cast(pa.string())

    def lists(self, name: str) -> pa.Array:
        """Return a column of text lists as list<string>, [rows]. A list may be empty.

        Raises: UserError if a list or a text in it is missing, or the column has another type.
        """
        column = self.column(name)
        self.refuse(pc.is_null(column), f"'{name}' is missing; give it a list of texts, or remove the row")
        kind = column.type.value_type if is_list(column.type) else None
        if kind is None or not (is_text(kind) or pa.types.is_null(kind)):
            raise UserError(f"{self.origin}: column '{name}' holds {column.type}, not lists of texts; mend the file")
        lists = column.cast(pa.list_(pa.string()))
        missing = pc.is_null(pc.list_flatten(lists))
        self.refuse(missing, f"'{name}' has a text that is null; mend the row", pc.list_parent_indices(lists))
        return lists

    def integers(self, name: str) -> pa.Array:
        """Return a column of whole numbers as int64, [rows].

        Raises: UserError if a number is missing or not whole, or the column has another type.
        """
        column = self.column(name)
        self.refuse(pc.is_null(column), f"'{name}' is missing; give it a whole number, or remove the row")
        try:
            if pa.types.is_float16(column.type):
                column = column.cast(pa.float32())
            return column.cast(pa.int64())
        except pa.ArrowNotImplementedError:
            raise UserError(
                f"{self.origin}: column '{name}' holds {column.type}, not whole numbers; name another column"
            ) from None
        except pa.ArrowInvalid:
            for row, value in enumerate(column):
                try:
                    value.cast(pa.int64())
                except pa.ArrowInvalid:
                    raise self.error(row, f"{value.as_py()} in '{name}' is not a whole number; mend the row") from None
            raise

    def refuse(self, wrong: pa.Array, what: str, rows: pa.Array | None = None) -> None:
        """Raise a UserError about the first row for which `wrong` is true, if there is one.

        Args:
            wrong: booleans, [rows] or [values].
            what: the message, without file and row.
            rows: [values], the row in this batch of each value, if `wrong` has not exactly one value per row.

        Raises: UserError if any value of `wrong` is true.
        """
        first = int(pc.index(wrong, True).as_py())
        if first >= 0:
            raise self.error(first if rows is None else rows[first].as_py(), what)

    def error(self, row: int, what: str) -> UserError:
        """Return an error about a row of this batch. `row`: its index in the batch."""
        return UserError(f"{self.origin}: row {self.numbers[row] + 1}: {what}")


@dataclass(frozen=True)
class Rows:
    """The rows of a split, which are read again at each pass.

    origin: the file or task that they come from, for messages.
    read: yields batches with the given columns.
    removes_marks: tells whether reading these columns removes quotation marks around values although the task does not
        set `quoting`.
    class_names: returns the names of a column of ClassLabels in index order, or None if it is no such column.
    """

    origin: str
    read: Callable[[list[str]], Iterator[pa.RecordBatch]]
    removes_marks: Callable[[Sequence[str]], bool] = lambda columns: False
    class_names: Callable[[str], tuple[str, ...] | None] = lambda column: None

    def batches(self, columns: Sequence[str], size: int = ROWS) -> Iterator[Batch]:
        """Yield the rows in batches of at most `size`.

        Raises: UserError if there are no rows.
        """
        done = 0
        for record_batch in self.read(list(dict.fromkeys(columns))):
            for start in range(0, record_batch.num_rows, size):
                piece = record_batch.slice(start, size)
                yield Batch(self.origin, np.arange(done, done + piece.num_rows), piece)
                done += piece.num_rows
        if not done:
            raise UserError(f"{self.origin}: the split has no rows; add some")


def rebatch(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of ROWS, the last one smaller."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= ROWS:
            table = pa.Table.from_batches(waiting)
            full = rows - rows % ROWS  # rows of full batches
            yield from table.slice(0, full).combine_chunks().to_batches(max_chunksize=ROWS)
            waiting, rows = table.slice(full).to_batches(), rows - full
    if rows:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()


def is_text(kind: Any) -> bool:
    """Tell whether an Arrow type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_list(kind: Any) -> bool:
    """Tell whether an Arrow type is a list."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
