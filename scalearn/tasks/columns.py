"""From a source's columns to text1, text2 and label; every row that does not fit is refused by its number."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.sources import Rows


@dataclass(frozen=True)
class LabelSpace:
    """Label names in index order, and how each is written in the source: by name or by index."""

    names: tuple[str, ...]
    written: tuple[str, ...]


def label_space(task: Task, train: Rows) -> LabelSpace | None:
    """Return the label set of a classification, None for a regression.

    Without `labels` in the task it is what train holds: numbers in their order, names sorted. With `labels` the source
    may write a name or, if no train row does, the name's index.
    """
    if task.kind == "regression":
        return None
    found = set(pc.unique(_label_texts(task, train)).to_pylist())
    numbers = all(_is_number(text) for text in found)
    if task.labels is None:
        names = tuple(sorted(found, key=int) if numbers else sorted(found))
        return LabelSpace(names, names)
    if numbers and not found & set(task.labels):
        return LabelSpace(task.labels, tuple(str(index) for index in range(len(task.labels))))
    return LabelSpace(task.labels, task.labels)


def map_columns(task: Task, rows: Rows, space: LabelSpace | None) -> pa.Table:
    """Return text1, text2 (for pairs) and label of these rows; a UserError names the first row that is wrong."""
    if not rows.table.num_rows:
        raise UserError(f"{rows.origin}: no rows; a split must not be empty")
    columns = {f"text{number}": _texts(rows, name) for number, name in enumerate(task.texts, start=1)}
    columns["label"] = _targets(task, rows) if space is None else _indices(task, rows, space)
    return pa.table(columns)


def _texts(rows: Rows, name: str) -> pa.ChunkedArray:
    column = rows.table[name]
    _refuse_first(rows, pc.is_null(column), f"'{name}' is missing; give it a text, or remove the row")
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise UserError(f"{rows.origin}: column '{name}' holds {kind}, not text; name a text column in `texts`")
    return column.cast(pa.string())


def _indices(task: Task, rows: Rows, space: LabelSpace) -> pa.ChunkedArray:
    texts = _label_texts(task, rows)
    indices = pc.index_in(texts, value_set=pa.array(space.written))
    known = ", ".join(space.names[:20]) + (", ..." if len(space.names) > 20 else "")
    row = _first(pc.is_null(indices))
    if row is not None:
        label = texts[row].as_py()
        raise UserError(
            f"{rows.origin}: row {row + 1}: label '{label}' is outside the label set ({known}); "
            "mend the row or the task's `labels`"
        )
    return indices.cast(pa.int64())


def _label_texts(task: Task, rows: Rows) -> pa.ChunkedArray:
    """Return the labels of a classification as text: names as they are, whole numbers without a fraction."""
    column = _labels(task, rows)
    if pa.types.is_floating(column.type):
        _refuse_first(
            rows,
            pc.not_equal(column, pc.round(column)),
            f"label in '{task.label}' is no whole number; a classification needs classes, else set `kind: regression`",
        )
        column = column.cast(pa.int64())
    texts = _cast(task, rows, column, pa.string())
    _refuse_first(rows, pc.equal(texts, ""), f"label in '{task.label}' is missing; label the row or remove it")
    return texts


def _targets(task: Task, rows: Rows) -> pa.ChunkedArray:
    column = _labels(task, rows)
    if not pa.types.is_floating(column.type):
        column = _cast(task, rows, column, pa.float64())
    return column.cast(pa.float64())


def _labels(task: Task, rows: Rows) -> pa.ChunkedArray:
    """Return the label column, neither null nor NaN nor infinite."""
    column = rows.table[task.label]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    wrong = f"label in '{task.label}' is missing; label the row or remove it"
    _refuse_first(rows, pc.is_null(column), wrong)
    if task.kind == "regression" and not pa.types.is_floating(column.type):
        column = _cast(task, rows, column, pa.float64())
    if pa.types.is_floating(column.type):
        _refuse_first(rows, pc.is_nan(column), wrong)
        _refuse_first(rows, pc.is_inf(column), f"label in '{task.label}' is infinite; mend the row")
    return column


def _cast(task: Task, rows: Rows, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    try:
        return column.cast(kind)
    except pa.ArrowNotImplementedError:
        raise UserError(f"{rows.origin}: column '{task.label}' holds {column.type}, not labels; name another") from None
    except pa.ArrowInvalid:
        for row, value in enumerate(column):
            try:
                value.cast(kind)
            except pa.ArrowInvalid:
                raise UserError(
                    f"{rows.origin}: row {row + 1}: label '{value.as_py()}' is no number; mend the row, "
                    "or set `kind: classification`"
                ) from None
        raise


def _refuse_first(rows: Rows, wrong: pa.ChunkedArray, what: str) -> None:
    row = _first(wrong)
    if row is not None:
        raise UserError(f"{rows.origin}: row {row + 1}: {what}")


def _first(wrong: pa.ChunkedArray) -> int | None:
    """Return the index of the first true value."""
    row = int(pc.index(wrong, True).as_py())
    return None if row < 0 else row


def _is_number(text: str) -> bool:
    """Tell whether a label is a whole number in its plain form: '7' and '-1' are, '007' is a name."""
    return text.removeprefix("-").isdecimal() and text.isascii() and str(int(text)) == text
