"""Labels as a source writes them (names, class indices, numbers, lists), and as the on-disk format has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.rows import Batch, Numbers, is_list, is_text


@dataclass(frozen=True)
class LabelSpace:
    """Label names in index order, and how each is written in the source: by name or by index."""

    names: tuple[str, ...]
    written: tuple[str, ...]

    def outside(self, label: str) -> str:
        """Return the complaint about a label that is not in the set."""
        known = ", ".join(self.names[:20]) + (", ..." if len(self.names) > 20 else "")
        return f"label '{label}' is outside the label set ({known}); mend the row or the task's `labels`"


def label_space(task: Task, found: Iterable[str]) -> LabelSpace:
    """Return the label set of a task in whose train split these labels are `found`.

    Without `labels` in the task it is what train holds: numbers in their order, names sorted. With `labels` the source
    may write a name or, if no train row does, the name's index.
    """
    found = set(found)
    numbers = all(_is_number(text) for text in found)
    if task.labels is None:
        names = tuple(sorted(found, key=int) if numbers else sorted(found))
        return LabelSpace(names, names)
    if numbers and not found & set(task.labels):
        return LabelSpace(task.labels, tuple(str(index) for index in range(len(task.labels))))
    return LabelSpace(task.labels, task.labels)


@dataclass
class Found:
    """The distinct labels of a pass over rows, numbered as they appear, and the row in which each first stands."""

    codes: dict[str, int] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)

    def add(self, texts: pa.Array, numbers: Numbers) -> Numbers:
        """Return the number of each label; numbers: [labels], the row that each stands in."""
        encoded = pc.dictionary_encode(texts)
        indices: Numbers = encoded.indices.to_numpy()
        first = np.unique(indices, return_index=True)[1]  # the dictionary is in order of appearance, too
        codes = []
        for text, position in zip(encoded.dictionary.to_pylist(), first, strict=True):
            if text not in self.codes:
                self.codes[text] = len(self.codes)
                self.rows.append(int(numbers[position]))
            codes.append(self.codes[text])
        return np.array(codes, dtype=np.int64)[indices]

    def classes(self, origin: str, space: LabelSpace) -> Numbers:
        """Return the class of each label, in order of appearance; a UserError names the first that has none."""
        known = {text: index for index, text in enumerate(space.written)}
        for (text, _), row in zip(self.codes.items(), self.rows, strict=True):
            if text not in known:
                raise UserError(f"{origin}: row {row + 1}: {space.outside(text)}")
        return np.array([known[text] for text in self.codes], dtype=np.int64)


def class_texts(task: Task, batch: Batch) -> pa.Array:
    """Return the labels of a classification as text: names as they are, whole numbers without a fraction."""
    return _as_text(task, batch, batch.column(task.label))


def class_indices(task: Task, batch: Batch, space: LabelSpace) -> pa.Array:
    """Return the classes, [rows]."""
    return _indices(batch, class_texts(task, batch), space)


def listed_texts(task: Task, batch: Batch) -> tuple[pa.Array, pa.Array]:
    """Return the labels of all rows of a multi_label task, one after another, as text, and the row of each.

    A cell is a list of names or of class indices, or a text with `separator` between names; null, an empty list and
    an empty text are no label.
    """
    cells = batch.column(task.label)
    if pa.types.is_null(cells.type):
        return pa.array([], pa.string()), pa.array([], pa.int64())
    if is_text(cells.type):
        cells = pc.split_pattern(cells.cast(pa.string()), task.separator)
        texts, rows = pc.utf8_trim_whitespace(pc.list_flatten(cells)), pc.list_parent_indices(cells)
        filled = pc.not_equal(texts, "")
        return texts.filter(filled), rows.filter(filled)
    if not is_list(cells.type):
        raise UserError(
            f"{batch.origin}: column '{task.label}' holds {cells.type}, not lists of labels; name another, "
            "or set `kind: classification`"
        )
    rows, values = pc.list_parent_indices(cells), pc.list_flatten(cells)
    return _as_text(task, batch, values, rows), rows


def class_lists(task: Task, batch: Batch, space: LabelSpace) -> pa.Array:
    """Return the classes of each row of a multi_label task, sorted, each once."""
    texts, rows = listed_texts(task, batch)
    classes, count = _indices(batch, texts, space, rows).to_numpy(), len(space.names)
    pairs = np.unique(rows.to_numpy().astype(np.int64) * count + classes)
    offsets = np.searchsorted(pairs, np.arange(len(batch) + 1) * count)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(pairs % count, pa.int64()))


def targets(task: Task, batch: Batch) -> pa.Array:
    """Return the labels of a regression as finite numbers, [rows]."""
    column = batch.column(task.label)
    batch.refuse(pc.is_null(column), _missing(task))
    if not pa.types.is_floating(column.type):
        column = _numbers(task, batch, column)
    _refuse_not_finite(task, batch, column)
    return column.cast(pa.float64())


def _indices(batch: Batch, texts: pa.Array, space: LabelSpace, rows: pa.Array | None = None) -> pa.Array:
    indices = pc.index_in(texts, value_set=pa.array(space.written, pa.string()))
    first = int(pc.index(pc.is_null(indices), True).as_py())
    if first >= 0:
        raise batch.error(first if rows is None else rows[first].as_py(), space.outside(texts[first].as_py()))
    return indices.cast(pa.int64())


def _as_text(task: Task, batch: Batch, values: pa.Array, rows: pa.Array | None = None) -> pa.Array:
    """Return labels as text; rows: the row of each in the batch, if there is not one per row."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    batch.refuse(pc.is_null(values), _missing(task), rows)
    if pa.types.is_floating(values.type):
        _refuse_not_finite(task, batch, values, rows)
        fraction = f"label in '{task.label}' is no whole number; a classification needs classes, else set"
        batch.refuse(pc.not_equal(values, pc.round(values)), f"{fraction} `kind: regression`", rows)
        values = values.cast(pa.int64())
    try:
        texts = values.cast(pa.string())
    except pa.ArrowNotImplementedError:
        hint = ", or set `kind: multi_label`" if is_list(values.type) and task.kind == "classification" else ""
        raise UserError(
            f"{batch.origin}: column '{task.label}' holds {values.type}, not labels; name another{hint}"
        ) from None
    batch.refuse(pc.equal(texts, ""), _missing(task), rows)
    _refuse_spelt_out(task, batch, texts, rows)
    return texts


def _refuse_spelt_out(task: Task, batch: Batch, texts: pa.Array, rows: pa.Array | None) -> None:
    """Refuse the words that programs write for no number, unless the task's `labels` name them."""
    odd = pc.and_(
        pc.match_substring_regex(texts, "(?i)^[+-]?(nan|inf|infinity)$"),
        pc.invert(pc.is_in(texts, pa.array(task.labels or (), pa.string()))),
    )
    found = int(pc.index(odd, True).as_py())
    if found >= 0:
        what = f"label '{texts[found].as_py()}' looks like a missing number; label the row or remove it, or, if it is"
        batch.refuse(odd, f"{what} a class, name it in `labels`", rows)


def _refuse_not_finite(task: Task, batch: Batch, values: pa.Array, rows: pa.Array | None = None) -> None:
    batch.refuse(pc.is_nan(values), _missing(task), rows)
    batch.refuse(pc.is_inf(values), f"label in '{task.label}' is infinite; mend the row", rows)


def _numbers(task: Task, batch: Batch, column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.float64())
    except pa.ArrowNotImplementedError:
        raise UserError(
            f"{batch.origin}: column '{task.label}' holds {column.type}, not labels; name another"
        ) from None
    except pa.ArrowInvalid:
        for row, value in enumerate(column):
            if not _casts(value, pa.float64()):
                raise batch.error(
                    row, f"label '{value.as_py()}' is no number; mend the row, or set `kind: classification`"
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


def _is_number(text: str) -> bool:
    """Tell whether a label is a whole number in its plain form: '7' and '-1' are, '007' is a name."""
    return text.removeprefix("-").isdecimal() and text.isascii() and str(int(text)) == text
