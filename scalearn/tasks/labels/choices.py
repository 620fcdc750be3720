"""Multiple choice: the choices of each row, and which of them is right."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.reading.rows import Batch, Numbers, is_text


def choice_lists(task: Task, batch: Batch, count: int | None = None) -> pa.Array:
    """Return the choices of each row as list<string>, [rows].

    Args:
        count: the number of choices that every row must have; by default the first row's.

    Raises: UserError if a row has another number of choices, or an empty one.
    """
    if len(task.choices) > 1:
        columns = [batch.texts(name) for name in task.choices]
        for name, column in zip(task.choices, columns, strict=True):
            batch.refuse(pc.equal(column, ""), f"'{name}' is empty; give the choice a text, or remove the row")
        rows, count = len(batch), len(columns)
        by_row = np.arange(rows * count).reshape(count, rows).T.ravel()
        values = pa.concat_arrays(columns).take(pa.array(by_row))
        return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1) * count, pa.int32()), values)
    (name,) = task.choices
    if is_text(batch.column(name).type):
        raise UserError(f"{batch.origin}: column '{name}' holds text; name a column per choice, or a column of lists")
    lists = batch.lists(name)
    lengths = pc.list_value_length(lists)
    expected = lengths[0].as_py() if count is None else count
    first = int(pc.index(pc.not_equal(lengths, expected), True).as_py())
    if first >= 0:
        raise batch.error(
            first,
            f"'{name}' holds {lengths[first]} choices, but other rows have {expected}; give all rows the same number",
        )
    if expected < 2:
        raise batch.error(0, f"'{name}' holds {expected} choices; give each row at least two")
    empty = pc.equal(pc.list_flatten(lists), "")
    batch.refuse(empty, f"'{name}' has an empty choice; give it a text", pc.list_parent_indices(lists))
    return lists


def right_choices(task: Task, batch: Batch, choices: pa.Array) -> tuple[Numbers, Numbers]:
    """Return the index of the right choice of each row under two readings of the labels, each [rows].

    The first takes labels as indices, the second as the texts of choices. -1 means that the label fits no choice, or
    the text of several.

    Raises: UserError if a label is missing.
    """
    column = batch.column(task.label)
    batch.refuse(pc.is_null(column), f"label in '{task.label}' is missing; label the row or remove it")
    rows = len(batch)
    values = pc.list_flatten(choices)
    count = len(values) // rows
    if not is_text(column.type):
        return _in_range(batch.integers(task.label).to_numpy(), count), np.full(rows, -1)
    labels = column.cast(pa.string())
    plain = pc.replace_substring_regex(pc.utf8_trim_whitespace(labels), r"^([0-9]+)\.0*$", r"\1")  # '1.0' is 1
    numeric = pc.match_substring_regex(plain, "^[0-9]{1,9}$")
    indices = pc.if_else(numeric, plain, "-1").cast(pa.int64()).to_numpy()
    same = pc.equal(values, labels.take(pc.list_parent_indices(choices))).to_numpy(zero_copy_only=False)
    same = same.reshape(rows, count)
    return _in_range(indices, count), np.where(same.sum(axis=1) == 1, same.argmax(axis=1), -1)


def wrong_choice(task: Task, batch: Batch, right: Numbers, count: int) -> UserError | None:
    """Return the error for the first row whose label fits no choice, or None.

    right: [rows], one of the two results of `right_choices`. count: the number of choices of each row.
    """
    if (right >= 0).all():
        return None
    row = int((right < 0).argmax())
    label = batch.column(task.label)[row].as_py()
    return batch.error(row, f"label '{label}' is neither the index nor the text of exactly one of its {count} choices")


def _in_range(indices: Numbers, count: int) -> Numbers:
    return np.where((indices >= 0) & (indices < count), indices, -1)
