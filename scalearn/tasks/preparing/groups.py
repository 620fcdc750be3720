"""Groups of rows: those that belong to one question, or that must not stand on both sides of a cut."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pyarrow as pa

from scalearn.errors import UserError
from scalearn.tasks.reading.rows import Batch, Numbers


class Groups:
    """Numbers groups in order of appearance, over the batches of a split.

    Kept are digests of the groups' values, not the values, which may be whole passages.
    """

    def __init__(self) -> None:
        self.count = 0
        self.empty = 0  # of them, those that gave no row
        self._values: dict[tuple[int, bytes], int] = {}
        self._known: dict[tuple[int, ...], int] = {}

    def number(self, *columns: pa.Array) -> Numbers:
        """Return the group of each row, [rows]: rows with the same texts in all columns share one."""
        values = zip(*(self._codes(place, column) for place, column in enumerate(columns)), strict=True)
        numbers = []
        for codes in values:
            if codes not in self._known:
                self._known[codes] = self.count
                self.count += 1
            numbers.append(self._known[codes])
        return np.array(numbers, dtype=np.int64)

    def fresh(self, count: int) -> Numbers:
        """Return so many new groups, [count]."""
        self.count += count
        return np.arange(self.count - count, self.count)

    def _codes(self, place: int, column: pa.Array) -> list[int]:
        """Return a number for each value of the column in this place, the same for the same value."""
        encoded = column.dictionary_encode()
        codes = [
            self._values.setdefault((place, blake2b(text.encode(), digest_size=16).digest()), len(self._values))
            for text in encoded.dictionary.to_pylist()
        ]
        return [codes[index] for index in encoded.indices.to_pylist()]


def group_values(batch: Batch, name: str) -> pa.Array:
    """Return the column by which rows are grouped as text, none missing."""
    column = batch.column(name)
    batch.refuse(column.is_null(), f"'{name}' is missing, by which rows are grouped; fill it in, or remove the row")
    try:
        return column.cast(pa.string())
    except pa.ArrowNotImplementedError:
        raise UserError(f"{batch.origin}: column '{name}' holds {column.type}, not values to group by") from None
