"""Rows on their way from a source to disk: batches that know where each row stands, so that a refusal can say it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError

ROWS = 8192  # in a batch: memory holds a few of these, whatever the size of the task

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Batch:
    """Rows of a split, in order, in their source's own columns.

    origin: where they come from, for messages; numbers: [rows], the place of each in its split, counted from 0.
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
        """Return a column."""
        return self.columns[name]

    def texts(self, name: str) -> pa.Array:
        """Return a column of texts, none missing."""
        column = self.column(name)
        self.refuse(pc.is_null(column), f"'{name}' is missing; give it a text, or remove the row")
        if not is_text(column.type):
            raise UserError(
                f"{self.origin}: column '{name}' holds {column.type}, not text; name a text column in `texts`, "
                "or mend the file"
            )
        return column.cast(pa.string())

    def lists(self, name: str) -> pa.Array:
        """Return a column of lists of texts; a list may be empty, neither it nor a text in it missing."""
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
        """Return a column of whole numbers, none missing."""
        column = self.column(name)
        self.refuse(pc.is_null(column), f"'{name}' is missing; give it a whole number, or remove the row")
        try:
            if pa.types.is_float16(column.type):
                column = column.cast(pa.float32())
            return column.cast(pa.int64())
        except pa.ArrowNotImplementedError:
            raise UserError(
                f"{self.origin}: column '{name}' holds {column.type}, not whole numbers; name another"
            ) from None
        except pa.ArrowInvalid:
            for row, value in enumerate(column):
                try:
                    value.cast(pa.int64())
                except pa.ArrowInvalid:
                    raise self.error(row, f"{value.as_py()} in '{name}' is not a whole number; mend the row") from None
            raise

    def refuse(self, wrong: pa.Array, what: str, rows: pa.Array | None = None) -> None:
        """Raise a UserError that names the first row for which `wrong` is true.

        rows: for each value of `wrong` the index of its row in this batch, if there is not one value per row.
        """
        first = int(pc.index(wrong, True).as_py())
        if first >= 0:
            raise self.error(first if rows is None else rows[first].as_py(), what)

    def error(self, row: int, what: str) -> UserError:
        """Return the complaint about a row of this batch."""
        return UserError(f"{self.origin}: row {self.numbers[row] + 1}: {what}")


@dataclass(frozen=True)
class Rows:
    """The rows of a split. They are read anew at each pass; `read` yields the columns that it is asked for.

    marks_off: tells whether it reads these columns without marks around values, though nobody has said so.
    """

    origin: str
    read: Callable[[list[str]], Iterator[pa.RecordBatch]]
    marks_off: Callable[[Sequence[str]], bool] = lambda columns: False

    def batches(self, columns: Sequence[str], size: int = ROWS) -> Iterator[Batch]:
        """Yield the rows, `size` at most at a time; a UserError if there are none."""
        done = 0
        for found in self.read(list(dict.fromkeys(columns))):
            for start in range(0, found.num_rows, size):
                piece = found.slice(start, size)
                yield Batch(self.origin, np.arange(done, done + piece.num_rows), piece)
                done += piece.num_rows
        if not done:
            raise UserError(f"{self.origin}: no rows; a split must not be empty")


def rebatch(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of ROWS, the last one smaller."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= ROWS:
            table = pa.Table.from_batches(waiting)
            whole = rows - rows % ROWS
            yield from table.slice(0, whole).combine_chunks().to_batches(max_chunksize=ROWS)
            waiting, rows = table.slice(whole).to_batches(), rows - whole
    if rows:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()


def is_text(kind: Any) -> bool:
    """Tell whether an Arrow type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_list(kind: Any) -> bool:
    """Tell whether an Arrow type is a list."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
