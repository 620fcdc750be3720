"""A look through a prepared task for what would spoil a campaign: batch by batch, with a hash per row and no texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scalearn.tasks.preparing.progress import reported
from scalearn.tasks.store import TaskInfo

ROWS_AT_ONCE = 2048
SHOWN = 3  # rows that a message names
_SEPARATOR = "\x1f"  # between the texts of a row; no text has it

# Returns the number of tokens of each text, or pair of texts, before anything is cut off.
Measure = Callable[[Sequence[str], Sequence[str] | None], Sequence[int]]
Hashes = npt.NDArray[np.uint64]


@dataclass
class Places:
    """Rows of a split to which something happened: how many, and the first few, counted from 1."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, wrong: npt.NDArray[np.bool_], before: int = 0) -> None:
        """Take the rows where `wrong`, [rows], is true; `before` is the number of rows before these."""
        self.count += int(wrong.sum())
        self.first += (np.flatnonzero(wrong)[: SHOWN - len(self.first)] + before + 1).tolist()

    def __str__(self) -> str:
        rows = f"row{'s' if self.count > 1 else ''} {', '.join(map(str, self.first))}"
        return rows + (", ..." if self.count > len(self.first) else "")


@dataclass
class Split:
    """What a pass over a split found.

    inputs: [rows], a hash of all that a model reads; first: [rows], a hash of text1; answers: [rows], the label, of
    multi_label a hash of the labels; counts: [classes], how many rows have each; longest: of its rows, in tokens (or
    words); parts: how many rows belong to each part of a test file.
    missing, wrong, twice, empty, unanswered, long: the rows with a null, with a label that there is not, with one that
    stands in the row more than once, with a text with nothing in it, with no right answer or label, and with more
    tokens (or words) than `limit`.
    """

    counts: npt.NDArray[np.int64]
    limit: int
    rows: int = 0
    inputs: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))
    first: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))
    answers: npt.NDArray[Any] = field(default_factory=lambda: np.empty(0))
    longest: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    missing: Places = field(default_factory=Places)
    wrong: Places = field(default_factory=Places)
    twice: Places = field(default_factory=Places)
    empty: Places = field(default_factory=Places)
    unanswered: Places = field(default_factory=Places)
    long: Places = field(default_factory=Places)


def read_split(path: Path, info: TaskInfo, measure: Measure | None, limit: int) -> Split:
    """Return what the split's file holds; without a `measure`, lengths are in words, which are never more than tokens.

    limit: rows with more tokens are long.

    Memory: some 24 bytes per row, and one batch.
    """
    found = Split(np.zeros(info.outputs, np.int64), limit)
    inputs, first, answers = [], [], []
    for batch in reported(_batches(path), f"{info.name}: {path.stem}"):
        clean = _without_nulls(batch, found)
        texts = _texts(clean, info)
        inputs.append(_hash(pc.binary_join_element_wise(*texts, _SEPARATOR)))
        first.append(_hash(clean["text1"]))
        answers.append(_answers(clean, info, found))
        _look_at_texts(texts, found)
        _look_at_lengths(texts, found, measure or _words)
        for part in batch["part"].to_pylist() if "part" in batch.schema.names else []:
            found.parts[part] = found.parts.get(part, 0) + 1
        found.rows += batch.num_rows
    found.inputs, found.first, found.answers = (np.concatenate(parts) for parts in (inputs, first, answers))
    return found


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    yield from pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE)


def _without_nulls(batch: pa.RecordBatch, found: Split) -> pa.RecordBatch:
    """Return the batch with its nulls noted down and filled, so that the other looks need not care."""
    missing = np.zeros(batch.num_rows, bool)
    columns = []
    for column in batch.columns:
        null = column.is_null()
        if pa.types.is_list(column.type):
            inner = np.zeros(batch.num_rows, bool)
            inner[pc.list_parent_indices(column).to_numpy()[column.flatten().is_null().to_numpy(False)]] = True
            missing |= inner
            empty = pa.scalar([], column.type)
            column = pc.if_else(pa.array(inner | null.to_numpy(False)), empty, column)
        elif column.null_count:
            column = column.fill_null("" if pa.types.is_string(column.type) else -1)
        missing |= null.to_numpy(False)
        columns.append(column)
    found.missing.add(missing, found.rows)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _texts(batch: pa.RecordBatch, info: TaskInfo) -> list[pa.Array]:
    """Return the texts that make up a row: text1, and text2 or one array per choice; too few choices are empty."""
    texts = [batch["text1"]]
    if info.choices is not None:
        lists = batch["choices"].to_pylist()
        texts += [
            pa.array([row[place] if place < len(row) else "" for row in lists], pa.string())
            for place in range(info.choices)
        ]
    elif "text2" in batch.schema.names:
        texts.append(batch["text2"])
    return texts


def _hash(texts: pa.Array) -> Hashes:
    return pd.util.hash_array(texts.to_numpy(zero_copy_only=False), categorize=False)


def _answers(batch: pa.RecordBatch, info: TaskInfo, found: Split) -> npt.NDArray[Any]:
    labels = batch["label"]
    values: npt.NDArray[Any]
    if info.kind == "regression":
        values = labels.to_numpy(zero_copy_only=False)
        found.wrong.add(~np.isfinite(values), found.rows)
        return values
    if info.kind == "multi_label":
        return _label_lists(labels, info, found)
    values = labels.to_numpy(zero_copy_only=False)
    good = (values >= 0) & (values < info.outputs)
    if info.choices is not None:
        good &= pc.list_value_length(batch["choices"]).to_numpy(zero_copy_only=False) == info.choices
    if info.kind == "candidates":
        found.unanswered.add(pc.list_value_length(batch["answers"]).to_numpy(zero_copy_only=False) == 0, found.rows)
    found.wrong.add(~good, found.rows)
    found.counts += np.bincount(values[good], minlength=info.outputs)
    return values


def _label_lists(labels: pa.Array, info: TaskInfo, found: Split) -> Hashes:
    rows, classes = pc.list_parent_indices(labels).to_numpy(), labels.flatten().to_numpy(zero_copy_only=False)
    good = (classes >= 0) & (classes < info.outputs)
    wrong = np.zeros(len(labels), bool)
    wrong[rows[~good]] = True
    found.wrong.add(wrong, found.rows)
    lengths = pc.list_value_length(labels).to_numpy(zero_copy_only=False)
    found.unanswered.add(lengths == 0, found.rows)
    known = rows[good], classes[good]
    once = np.unique(known[0] * info.outputs + known[1]) // info.outputs
    found.twice.add(np.bincount(known[0], minlength=len(labels)) > np.bincount(once, minlength=len(labels)), found.rows)
    found.counts += np.bincount(classes[good], minlength=info.outputs)
    return pd.util.hash_array(
        np.array([str(sorted(row)) for row in labels.to_pylist()], dtype=object), categorize=False
    )


def _look_at_texts(texts: list[pa.Array], found: Split) -> None:
    empty = np.zeros(len(texts[0]), bool)
    for column in texts:
        empty |= pc.equal(pc.utf8_trim_whitespace(column), "").to_numpy(zero_copy_only=False)
    found.empty.add(empty, found.rows)


def _look_at_lengths(texts: list[pa.Array], found: Split, measure: Measure) -> None:
    first, others = texts[0].to_pylist(), [column.to_pylist() for column in texts[1:]]
    lengths = np.max([measure(first, second) for second in others or [None]], axis=0)
    found.long.add(lengths > found.limit, found.rows)
    found.longest = max(found.longest, int(lengths.max()))


def _words(first: Sequence[str], second: Sequence[str] | None) -> list[int]:
    return [len(one.split()) + len(two.split()) for one, two in zip(first, second or [""] * len(first), strict=True)]
