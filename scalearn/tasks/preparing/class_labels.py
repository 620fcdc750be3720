"""Labels that a source stores as indices of ClassLabel names: they are read as these names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError, shown
from scalearn.tasks.definition import LABELLED, Task
from scalearn.tasks.labels.suspects import is_number, without_fraction
from scalearn.tasks.reading.rows import Rows, is_list
from scalearn.tasks.reading.sources import Splits

Names = tuple[str, ...]


def with_class_names(task: Task, splits: Splits) -> tuple[Task, Splits]:
    """Return the task with the source's class names as its `labels`, and splits whose labels are these names.

    Both stay as they are if the source has no class names, the kind of task has no label names, or the task's own
    `labels` rename the classes: index 0 is then the first of `labels`.

    Raises: UserError if the names are fewer than two, a split has other names than train, `labels` has some of the
        names at other places beside new ones, or a regression's label is a ClassLabel.
    """
    names = splits.train.class_names(task.label)
    if names is None or task.construction == "record":
        return task, splits
    origin = splits.train.origin
    if task.kind == "regression":
        raise UserError(
            f"{origin}: column '{task.label}' is a ClassLabel ({shown(names)}), not a number; "
            "set `kind: classification`, or name another column in `label`"
        )
    if task.kind not in LABELLED:
        return task, splits
    if len(names) < 2 or len(set(names)) < len(names):
        raise UserError(
            f"{origin}: the ClassLabel '{task.label}' has the names {shown(names)}, but a task needs at least two, "
            "each only once; mend the features of the dataset"
        )
    renamed = task.labels is not None and set(task.labels) != set(names)
    if renamed:
        _refuse_moved(task, names, origin)
    others = [rows for rows in (splits.validation, *splits.test.values()) if rows is not None]
    for rows in others:
        _refuse_other_names(task, names, rows, renamed)
    same = task.labels == names and all(rows.class_names(task.label) in (names, None) for rows in others)
    if renamed or (same and not any(is_number(without_fraction(name.strip())) for name in names)):
        return task, splits  # the index of a class is its place in `labels`
    validation = None if splits.validation is None else _named(splits.validation, task.label)
    test = {part: _named(rows, task.label) for part, rows in splits.test.items()}
    labels = task.labels or names
    named = replace(splits, train=_named(splits.train, task.label), validation=validation, test=test)
    return task.model_copy(update={"labels": labels}), named


def _refuse_moved(task: Task, names: Names, origin: str) -> None:
    """Refuse `labels` that have a class name of the source at another index."""
    for index, label in enumerate(task.labels or ()):
        if label in names and names.index(label) != index:
            raise UserError(
                f"{origin}: `labels` has '{label}' at index {index}, but the ClassLabel '{task.label}' has it at "
                f"{names.index(label)}; list the names of the ClassLabel ({shown(names)}), or rename all of them"
            )


def _refuse_other_names(task: Task, names: Names, rows: Rows, renamed: bool) -> None:
    """Refuse a split whose indices mean other classes than those of train."""
    other = rows.class_names(task.label)
    if other == names or (task.labels is not None and other is None):
        return
    if other is None or renamed or set(other) != set(names):
        has = "has no ClassLabel names" if other is None else f"has the ClassLabel names {shown(other)}"
        raise UserError(
            f"{rows.origin}: column '{task.label}' {has}, but train has {shown(names)}; "
            "write all splits with the same features"
        )


def _named(rows: Rows, column: str) -> Rows:
    """Return the same rows with class names in place of class indices."""
    names = rows.class_names(column)
    if names is None:
        return rows

    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        for batch in rows.read(columns):
            arrays = [_names(batch[name], names) if name == column else batch[name] for name in batch.schema.names]
            yield pa.RecordBatch.from_arrays(arrays, batch.schema.names)

    return replace(rows, read=read)


def _names(values: pa.Array, names: Names) -> pa.Array:
    """Return indices, or lists of indices, as names. An index without a name becomes its digits, such as '-1'."""
    if is_list(values.type):
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy()
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
        missing = pc.is_null(values)
        flat = _names(pc.list_flatten(values), names)
        return pa.ListArray.from_arrays(offsets, flat, mask=missing if values.null_count else None)
    if not pa.types.is_integer(values.type):
        return values
    indices = values.cast(pa.int64())
    inside = pc.and_(pc.greater_equal(indices, 0), pc.less(indices, len(names)))
    named = pa.array(names, pa.string()).take(pc.if_else(inside, indices, None))
    digits = indices.cast(pa.string())
    unnamed = pc.if_else(pc.is_in(digits, pa.array(names)), pc.binary_join_element_wise("index", digits, " "), digits)
    return pc.if_else(inside, named, unnamed)
