"""Groups of rows: rows of one question, or rows that a cut must keep in one split."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pyarrow as pa

from scalearn.errors import UserError
from scalearn.tasks.reading.rows import Batch, Numbers


class Groups:
    """Numbers the groups of a split in order of appearance, batch by batch.

    It stores digests of the groups' values, because a value may be a whole passage.

    count: the number of groups so far; empty: how many of them have no row.
    """

    def __init__(self) -> None:
        self.count = 0
        self.empty = 0
        self._values: dict[tuple[int, bytes], int] = {}
        self._numbers: dict[tuple[int, ...], int] = {}

    def number(self, *columns: pa.Array) -> Numbers:
        """Return the group of each row, [rows]. Rows with the same texts in all columns form a group."""
        values = zip(*(self._codes(place, column) for place, column in enumerate(columns)), strict=True)
        numbers = []
        for codes in values:
            if codes not in self._numbers:
                self._numbers[codes] = self.count
                self.count += 1
            numbers.append(self._numbers[codes])
        return np.array(numbers, dtype=np.int64)

    def fresh(self, count: int) -> Numbers:
        """Return the numbers of `count` new groups, [count]."""
        self.count += count
        return np.arange(self.count - count, self.count)

    def _codes(self, place: int, column: pa.Array) -> list[int]:
        """Return a number for each value of a column; equal values have equal numbers. `place`: the column's index."""
        encoded = column.dictionary_encode()
        codes = [
            self._values.setdefault((place, blake2b(text.encode(), digest_size=16).digest()), len(self._values))
            for text in encoded.dictionary.to_pylist()
        ]
        return [codes[index] for index in encoded.indices.to_pylist()]


def group_values(batch: Batch, name: str) -> pa.Array:
    """Return the column `name`, by which rows are grouped, as text.

    Raises: UserError if a value is missing or the column has a type that text cannot represent.
    """
    column = batch.column(name)
    batch.refuse(column.is_null(), f"'{name}' is missing, but `groups` names it; fill it in, or remove the row")
    try:
        return column.cast(pa.string())
    except pa.ArrowNotImplementedError:
        raise UserError(
            f"{batch.origin}: column '{name}' holds {column.type}, which cannot group rows; name another column"
        ) from None
