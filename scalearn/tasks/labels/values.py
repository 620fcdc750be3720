"""Labels of single-label tasks: from the source's names, indices or numbers to those of the on-disk format."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.labels.sets import LabelSpace
from scalearn.tasks.reading.rows import Batch, is_list, is_text

LARGEST = 2.0**53  # above it, 64-bit floats cannot represent every whole number


def class_texts(task: Task, batch: Batch) -> pa.Array:
    """Return the labels of a classification as text, [rows]. Whole numbers have no fraction.

    Raises: UserError if a label is missing or cannot be a class.
    """
    return as_text(task, batch, batch.column(task.label))


def refuse_unstated_kind(task: Task, batch: Batch) -> None:
    """Refuse floating-point numbers as classes if the definition states neither `kind` nor `labels`.

    Whole numbers such as 3.0 may be classes or the targets of a regression. Text has no types, so that `3.0` in a CSV
    file is a class.

    Raises: UserError if the label column holds such numbers.
    """
    kind = batch.column(task.label).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_floating(kind) and task.labels is None and "kind" not in task.model_fields_set:
        raise UserError(
            f"{batch.origin}: column '{task.label}' holds {kind}, which may be a quantity or a class; "
            "set `kind: regression`, or `kind: classification` if each number is a class"
        )


def class_indices(task: Task, batch: Batch, space: LabelSpace) -> pa.Array:
    """Return the class index of each row, int64 [rows].

    Raises: UserError if a label is missing or outside `space`.
    """
    return indices(batch, class_texts(task, batch), space)


def targets(task: Task, batch: Batch) -> pa.Array:
    """Return the labels of a regression as finite numbers, double [rows].

    Raises: UserError if a label is missing, infinite or not a number.
    """
    column = batch.column(task.label)
    batch.refuse(pc.is_null(column), _missing(task))
    if is_text(column.type):
        column = pc.utf8_trim_whitespace(column.cast(pa.string()))
    numbers = _numbers(task, batch, column)
    _refuse_not_finite(task, batch, numbers)
    return numbers


def indices(batch: Batch, texts: pa.Array, space: LabelSpace, rows: pa.Array | None = None) -> pa.Array:
    """Return the class index of each label, int64 [labels].

    Args:
        rows: the row in the batch of each label, if rows do not have exactly one label each.

    Raises: UserError if a label is outside `space`.
    """
    classes = pc.index_in(space.spelt(texts), value_set=pa.array(space.written, pa.string()))
    first = int(pc.index(pc.is_null(classes), True).as_py())
    if first >= 0:
        raise batch.error(first if rows is None else rows[first].as_py(), space.outside(texts[first].as_py()))
    return classes.cast(pa.int64())


def as_text(task: Task, batch: Batch, values: pa.Array, rows: pa.Array | None = None) -> pa.Array:
    """Return labels as text, [labels].

    Args:
        rows: the row in the batch of each label, if rows do not have exactly one label each.

    Raises: UserError if a label is missing, is not a whole number although it is a number, or has another type.
    """
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    batch.refuse(pc.is_null(values), _missing(task), rows)
    if pa.types.is_floating(values.type):
        values = _whole_numbers(task, batch, values.cast(pa.float64()), rows)
    elif pa.types.is_decimal(values.type) and values.type.scale < 0:
        values = values.cast(pa.decimal256(76, 0))
    try:
        texts = values.cast(pa.string())
    except pa.ArrowNotImplementedError:
        hint = ", or set `kind: multi_label`" if is_list(values.type) and task.kind == "classification" else ""
        raise UserError(
            f"{batch.origin}: column '{task.label}' holds {values.type}, which cannot be labels; "
            f"name another column in `label`{hint}"
        ) from None
    except pa.ArrowInvalid:
        wrong = pa.array([not _casts(value, pa.string()) for value in values])
        batch.refuse(wrong, f"label in '{task.label}' is not text in UTF-8; mend the row, or name another column", rows)
        raise
    batch.refuse(pc.equal(pc.utf8_trim_whitespace(texts), ""), _missing(task), rows)
    refuse_spelt_out(task, batch, texts, rows)
    return texts


def _whole_numbers(task: Task, batch: Batch, values: pa.Array, rows: pa.Array | None) -> pa.Array:
    _refuse_not_finite(task, batch, values, rows)
    fraction = f"label in '{task.label}' is not a whole number; "
    fraction += (
        "write names or indices of classes, or 0 or 1 for each class"
        if task.kind == "multi_label"
        else "write classes, or set `kind: regression`"
    )
    batch.refuse(pc.not_equal(values, pc.round(values)), fraction, rows)
    large = f"label in '{task.label}' is a number above 2^53, which is rounded; name another column in `label`"
    batch.refuse(pc.greater(pc.abs(values), LARGEST), large, rows)
    return values.cast(pa.int64())


def refuse_spelt_out(task: Task, batch: Batch, texts: pa.Array, rows: pa.Array | None) -> None:
    """Refuse words such as 'nan' and 'inf', which programs write for missing numbers, unless `labels` name them."""
    odd = pc.and_(
        pc.match_substring_regex(texts, r"(?i)^\s*[+-]?(nan|inf|infinity)\s*$"),
        pc.invert(pc.is_in(texts, pa.array(task.labels or (), pa.string()))),
    )
    first = int(pc.index(odd, True).as_py())
    if first >= 0:
        what = f"label '{texts[first].as_py()}' looks like a missing number; label the row or remove it, or, if it is"
        batch.refuse(odd, f"{what} a class, name it in `labels`", rows)


def _refuse_not_finite(task: Task, batch: Batch, values: pa.Array, rows: pa.Array | None = None) -> None:
    batch.refuse(pc.is_nan(values), _missing(task), rows)
    batch.refuse(pc.is_inf(values), f"label in '{task.label}' is infinite; mend the row", rows)


def _numbers(task: Task, batch: Batch, column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.float64(), safe=False)  # large whole numbers are rounded
    except pa.ArrowNotImplementedError:
        raise UserError(
            f"{batch.origin}: column '{task.label}' holds {column.type}, not numbers; name another column in `label`"
        ) from None
    except pa.ArrowInvalid:
        for row, value in enumerate(column):
            if not _casts(value, pa.float64()):
                raise batch.error(
                    row, f"label '{value.as_py()}' is not a number; mend the row, or set `kind: classification`"
                ) from None
        raise


def _casts(value: Any, kind: Any) -> bool:
    try:
        value.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _missing(task: Task) -> str:
    return f"label in '{task.label}' is missing; label the row or remove it"
