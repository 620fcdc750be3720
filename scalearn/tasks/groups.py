"""Groups of rows: those that belong to one question, or that must not stand on both sides of a cut."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pyarrow as pa

from scalearn.tasks.rows import Batch, Numbers


class Groups:
    """Numbers groups in order of appearance, over the batches of a split.

    Kept are digests of the groups' values, not the values, which may be whole passages.
    """

    def __init__(self) -> None:
        self.count = 0
        self.empty = 0  # of them, those that gave no row
        self._known: dict[bytes, int] = {}

    def number(self, *columns: pa.Array) -> Numbers:
        """Return the group of each row, [rows]: rows with the same values in all columns share one."""
        numbers = []
        for values in zip(*(column.to_pylist() for column in columns), strict=True):
            digest = blake2b(repr(values).encode(), digest_size=16).digest()
            if digest not in self._known:
                self._known[digest] = self.count
                self.count += 1
            numbers.append(self._known[digest])
        return np.array(numbers, dtype=np.int64)

    def fresh(self, count: int) -> Numbers:
        """Return so many new groups, [count]."""
        self.count += count
        return np.arange(self.count - count, self.count)


def group_values(batch: Batch, name: str) -> pa.Array:
    """Return the column by which rows are grouped, none missing."""
    column = batch.column(name)
    batch.refuse(column.is_null(), f"'{name}' is missing, by which rows are grouped; fill it in, or remove the row")
    return column
