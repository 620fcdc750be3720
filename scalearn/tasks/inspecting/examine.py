"""One pass over each split of a prepared task, batch by batch. Memory holds a hash per row, no texts."""

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
SHOWN = 3  # number of rows that a message names
_SEPARATOR = "\x1f"  # put between the texts of a row before hashing

# Returns the number of tokens of each text, or pair of texts, before truncation.
Measure = Callable[[Sequence[str], Sequence[str] | None], Sequence[int]]
Hashes = npt.NDArray[np.uint64]


@dataclass
class Places:
    """The rows of a split with one problem: their number, and the first few, counted from 1."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, wrong: npt.NDArray[np.bool_], before: int = 0) -> None:
        """Add the rows of a batch where `wrong`, [rows], is true. `before`: the number of rows in earlier batches."""
        self.count += int(wrong.sum())
        self.first += (np.flatnonzero(wrong)[: SHOWN - len(self.first)] + before + 1).tolist()

    def __str__(self) -> str:
        rows = f"row{'s' if self.count > 1 else ''} {', '.join(map(str, self.first))}"
        return rows + (", ..." if self.count > len(self.first) else "")


@dataclass
class Split:
    """The result of a pass over a split.

    counts: [classes], the number of rows with each class.
    limit: the number of tokens above which a row is long.
    rows: the number of rows.
    inputs: [rows], a hash of all texts of a row.
    first: [rows], a hash of text1.
    answers: [rows], the label, or for multi_label a hash of the labels.
    longest: the length of the longest row, in tokens or words.
    parts: test split: part -> its number of rows.

    Rows with a problem:
    missing: a null. wrong: an invalid label. repeated: the same class more than once. empty: an empty text.
    unanswered: no right answer, or no label. long: more tokens (or words) than `limit`.
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
    repeated: Places = field(default_factory=Places)
    empty: Places = field(default_factory=Places)
    unanswered: Places = field(default_factory=Places)
    long: Places = field(default_factory=Places)


def read_split(path: Path, info: TaskInfo, measure: Measure | None, limit: int) -> Split:
    """Return the result of a pass over a split's file.

    Memory holds one batch and about 24 bytes per row.

    Args:
        measure: counts tokens; by default words are counted, which are never more than tokens.
        limit: the number of tokens above which a row is long.
    """
    split = Split(np.zeros(info.outputs, np.int64), limit)
    inputs, first, answers = [], [], []
    for batch in reported(_batches(path), f"{info.name}: {path.stem}"):
        clean = _without_nulls(batch, split)
        texts = _texts(clean, info)
        inputs.append(_hash(pc.binary_join_element_wise(*texts, _SEPARATOR)))
        first.append(_hash(clean["text1"]))
        answers.append(_answers(clean, info, split))
        _add_empty(texts, split)
        _add_lengths(texts, split, measure or _words)
        for part in batch["part"].to_pylist() if "part" in batch.schema.names else []:
            split.parts[part] = split.parts.get(part, 0) + 1
        split.rows += batch.num_rows
    split.inputs, split.first, split.answers = (np.concatenate(parts) for parts in (inputs, first, answers))
    return split


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    yield from pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE)


def _without_nulls(batch: pa.RecordBatch, split: Split) -> pa.RecordBatch:
    """Return the batch with its nulls filled. The rows with nulls are added to `missing`."""
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
    split.missing.add(missing, split.rows)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _texts(batch: pa.RecordBatch, info: TaskInfo) -> list[pa.Array]:
    """Return the text columns of a row: text1, and text2 or one array per choice. Missing choices are empty texts."""
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


def _answers(batch: pa.RecordBatch, info: TaskInfo, split: Split) -> npt.NDArray[Any]:
    labels = batch["label"]
    values: npt.NDArray[Any]
    if info.kind == "regression":
        values = labels.to_numpy(zero_copy_only=False)
        split.wrong.add(~np.isfinite(values), split.rows)
        return values
    if info.kind == "multi_label":
        return _label_lists(labels, info, split)
    values = labels.to_numpy(zero_copy_only=False)
    good = (values >= 0) & (values < info.outputs)
    if info.choices is not None:
        good &= pc.list_value_length(batch["choices"]).to_numpy(zero_copy_only=False) == info.choices
    if info.kind == "candidates":
        split.unanswered.add(pc.list_value_length(batch["answers"]).to_numpy(zero_copy_only=False) == 0, split.rows)
    split.wrong.add(~good, split.rows)
    split.counts += np.bincount(values[good], minlength=info.outputs)
    return values


def _label_lists(labels: pa.Array, info: TaskInfo, split: Split) -> Hashes:
    rows, classes = pc.list_parent_indices(labels).to_numpy(), labels.flatten().to_numpy(zero_copy_only=False)
    good = (classes >= 0) & (classes < info.outputs)
    wrong = np.zeros(len(labels), bool)
    wrong[rows[~good]] = True
    split.wrong.add(wrong, split.rows)
    lengths = pc.list_value_length(labels).to_numpy(zero_copy_only=False)
    split.unanswered.add(lengths == 0, split.rows)
    valid_rows = rows[good]
    once = np.unique(valid_rows * info.outputs + classes[good]) // info.outputs
    split.repeated.add(
        np.bincount(valid_rows, minlength=len(labels)) > np.bincount(once, minlength=len(labels)), split.rows
    )
    split.counts += np.bincount(classes[good], minlength=info.outputs)
    return pd.util.hash_array(
        np.array([str(sorted(row)) for row in labels.to_pylist()], dtype=object), categorize=False
    )


def _add_empty(texts: list[pa.Array], split: Split) -> None:
    empty = np.zeros(len(texts[0]), bool)
    for column in texts:
        empty |= pc.equal(pc.utf8_trim_whitespace(column), "").to_numpy(zero_copy_only=False)
    split.empty.add(empty, split.rows)


def _add_lengths(texts: list[pa.Array], split: Split, measure: Measure) -> None:
    first, others = texts[0].to_pylist(), [column.to_pylist() for column in texts[1:]]
    lengths = np.max([measure(first, second) for second in others or [None]], axis=0)
    split.long.add(lengths > split.limit, split.rows)
    split.longest = max(split.longest, int(lengths.max()))


def _words(first: Sequence[str], second: Sequence[str] | None) -> list[int]:
    return [len(one.split()) + len(two.split()) for one, two in zip(first, second or [""] * len(first), strict=True)]
