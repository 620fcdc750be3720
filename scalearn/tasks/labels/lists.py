"""The labels of a multi_label task: lists of names or of class indices, vectors of 0 and 1, and text for either."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError, shown
from scalearn.tasks.definition import Task
from scalearn.tasks.labels.sets import Found, LabelSpace, label_space
from scalearn.tasks.labels.suspects import is_number
from scalearn.tasks.labels.values import as_text, indices, refuse_spelt_out
from scalearn.tasks.labels.written_lists import ENCLOSED, parse_list
from scalearn.tasks.reading.rows import Batch, Mask, Numbers, is_list, is_text

_GIVEN, _NOT_GIVEN = ("1", "true"), ("0", "false")  # what a vector says of a class


class Lists:
    """The labels of a pass over train, batch by batch; `space` says at the end what they are.

    any: [rows], whether a row has a value at all; given: [rows], whether one is 1 or true; written: some lists were
    text.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.found = Found()
        self.any: list[Mask] = []
        self.given: list[Mask] = []
        self.written = False
        self._lengths: set[int] = set()
        self._twice: dict[str, int] = {}  # each label that some row has more than once: the first such row

    def add(self, batch: Batch) -> None:
        """Take the labels of a batch into account."""
        texts, owners = listed_texts(self.task, batch)
        cells, rows = batch.column(self.task.label), owners.to_numpy()
        if is_text(cells.type):
            self.written |= bool(_written_lists(self.task, cells.cast(pa.string())).any())
        codes = self.found.add(texts, batch.numbers[rows])
        lengths = np.bincount(rows, minlength=len(batch))
        self._lengths |= set(lengths[lengths > 0].tolist())
        for place in _again(rows, codes):
            self._twice.setdefault(texts[place].as_py(), int(batch.numbers[rows[place]]))
        ones = pc.is_in(_plain(texts), pa.array(_GIVEN)).to_numpy(zero_copy_only=False)
        self.any.append(lengths > 0)
        self.given.append(np.bincount(rows[ones], minlength=len(batch)) > 0)

    def space(self, origin: str) -> LabelSpace:
        """Return the label set; a UserError if lists can be read in two ways, or in none."""
        if not self.found.codes:
            raise UserError(f"{origin}: no row has a label in '{self.task.label}'; name another column in `label`")
        values = set(_plain(pa.array(list(self.found.codes), pa.string())).to_pylist())
        if values <= {*_GIVEN, *_NOT_GIVEN}:
            if (size := self._vector(origin, truth=bool(values & {"true", "false"}))) is not None:
                if not values & set(_GIVEN):
                    raise UserError(f"{origin}: no row has a 1 in '{self.task.label}'; name another column in `label`")
                names = self.task.labels or tuple(str(index) for index in range(size))
                return LabelSpace(names, names, vector=True)
        elif all(is_number(value) for value in values) and len(self._lengths) == 1:
            self._refuse_twice(origin)
        space = label_space(self.task, self.found.codes)
        self.found.classes(origin, space)  # refuses the first that is outside
        self.found.refuse_doubtful(self.task, origin, space)
        return space

    def notes(self, space: LabelSpace) -> Iterator[str]:
        """Yield what was inferred about how the source writes its labels."""
        if self.written:
            yield f"labels: '{self.task.label}' holds lists that are written as text; they are read as lists"
        if space.vector:
            count = len(space.names)
            yield f"labels: each list in '{self.task.label}' has one value, 0 or 1, for each of {count} classes"
        else:
            if self._twice:
                text, row = next(iter(self._twice.items()))
                yield f"labels: one that a row has more than once counts once, as '{shown([text])}' in row {row + 1}"
            yield from self.found.notes(self.task, space)

    def labelled(self, space: LabelSpace) -> Mask:
        """Return which rows have a label, [rows]."""
        return np.concatenate(self.given if space.vector else self.any)

    def _refuse_twice(self, origin: str) -> None:
        for text, row in self._twice.items():
            raise UserError(f"{origin}: row {row + 1}: {_twice(text)}")

    def _vector(self, origin: str, truth: bool) -> int | None:
        """Return how many classes each list has a value for, if it has one for each; None if lists hold indices."""
        size, equal = max(self._lengths), len(self._lengths) == 1
        column, labels = self.task.label, self.task.labels
        vector = equal and size > 1 and (bool(self._twice) or truth)
        if vector and labels is not None and len(labels) != size:
            raise UserError(
                f"{origin}: '{column}' holds {size} values, 0 or 1, in each row, and `labels` has {len(labels)} names; "
                "name one for each value"
            )
        if not vector and truth and labels is None:
            raise UserError(f"{origin}: '{column}' holds true and false; give each row one value for every class")
        if not vector:
            self._refuse_twice(origin)
        if not vector and equal and size == 2 and (labels is None or len(labels) == 2):
            raise UserError(
                f"{origin}: '{column}' holds both 0 and 1 in each row, which may be the indices of two classes, or a "
                "value for each of two; write the names of the classes that a row has"
            )
        return size if vector else None


def listed_texts(task: Task, batch: Batch) -> tuple[pa.Array, pa.Array]:
    """Return the labels of all rows of a multi_label task, one after another, as text, and the row of each.

    A cell is a list of names, of class indices or of a value per class, a text that a program has made of such a list,
    or a text with `separator` between names; null, an empty list and an empty text are no label.
    """
    cells = batch.column(task.label)
    if pa.types.is_null(cells.type):
        return pa.array([], pa.string()), pa.array([], pa.int64())
    if is_text(cells.type):
        cells = _split(task, batch, cells.cast(pa.string()))
        texts, rows = _flat(cells)
        filled = pc.not_equal(pc.utf8_trim_whitespace(texts), "")
        texts, rows = texts.filter(filled), rows.filter(filled)
        refuse_spelt_out(task, batch, texts, rows)
        return texts, rows
    if not is_list(cells.type):
        raise UserError(
            f"{batch.origin}: column '{task.label}' holds {cells.type}, not lists of labels; name another, "
            "or set `kind: classification`"
        )
    values, rows = _flat(cells)
    return as_text(task, batch, values, rows), rows


def class_lists(task: Task, batch: Batch, space: LabelSpace) -> pa.Array:
    """Return the classes of each row of a multi_label task, sorted, each once."""
    texts, owners = listed_texts(task, batch)
    rows, count = owners.to_numpy().astype(np.int64), len(space.names)
    if space.vector:
        rows, classes = _given(batch, texts, rows, count)
    else:
        classes = indices(batch, texts, space, owners).to_numpy()
        for place in _again(rows, classes) if space.numbers else ():
            if (text := texts[place].as_py().strip()) in ("0", "1"):
                raise batch.error(int(rows[place]), _twice(text))
    pairs = np.unique(rows * count + classes)
    offsets = np.searchsorted(pairs, np.arange(len(batch) + 1) * count)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(pairs % count, pa.int64()))


def _given(batch: Batch, texts: pa.Array, rows: Numbers, count: int) -> tuple[Numbers, Numbers]:
    """Return, of vectors of `count` values, the row and the class of each value that is 1."""
    lengths = np.bincount(rows, minlength=len(batch))
    if (wrong := (lengths > 0) & (lengths != count)).any():
        row = int(wrong.argmax())
        raise batch.error(row, f"{lengths[row]} values where rows have one for each of {count} classes; mend the row")
    given, not_given = (pc.is_in(_plain(texts), pa.array(values)) for values in (_GIVEN, _NOT_GIVEN))
    other = int(pc.index(pc.or_(given, not_given), False).as_py())
    if other >= 0:
        value = texts[other].as_py()
        raise batch.error(int(rows[other]), f"'{value}' where rows have 0 or 1 for each class; mend the row")
    mask = given.to_numpy(zero_copy_only=False)
    classes = np.arange(len(rows)) - np.searchsorted(rows, rows)
    return rows[mask], classes[mask]


def _flat(cells: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the values of all lists, and the row of each. A null has none, also where values lie behind it."""
    lengths = pc.fill_null(pc.list_value_length(cells), 0).to_numpy()
    return pc.list_flatten(cells), pa.array(np.repeat(np.arange(len(cells)), lengths))


def _plain(texts: pa.Array) -> pa.Array:
    """Return values of vectors without white space, and 0 and 1 without a fraction."""
    return pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), r"^([01])\.0*$", r"\1")


def _split(task: Task, batch: Batch, cells: pa.Array) -> pa.Array:
    """Return the labels of text cells as lists."""
    listed = _written_lists(task, cells)
    split = pc.split_pattern(cells, task.separator)
    if not listed.any():
        return split
    made: list[list[str] | None] = split.to_pylist()
    for row in np.flatnonzero(listed).tolist():
        made[row] = parse_list(cell := cells[row].as_py())
        if made[row] is None:
            raise batch.error(
                row,
                f"label '{cell}' looks like a list and cannot be read as one; write ['a', 'b'], or a{task.separator}b; "
                "or, if it is a name, list all names in `labels`",
            )
    return pa.array(made, pa.list_(pa.string()))


def _written_lists(task: Task, cells: pa.Array) -> Mask:
    """Return which text cells, [rows], are lists in brackets of any kind, and no label of the task's own."""
    named = pc.is_in(pc.utf8_trim_whitespace(cells), pa.array(task.labels or (), pa.string()))
    listed = pc.and_(pc.match_substring_regex(cells, ENCLOSED), pc.invert(named))
    mask: Mask = pc.fill_null(listed, False).to_numpy(zero_copy_only=False)
    return mask


def _again(rows: Numbers, codes: Numbers) -> list[int]:
    """Return, of each label that a row has more than once, the first place where its row has it already."""
    if not len(rows):
        return []
    repeated = np.ones(len(rows), bool)
    repeated[np.unique(rows * (int(codes.max()) + 1) + codes, return_index=True)[1]] = False
    places = np.flatnonzero(repeated)
    first: list[int] = np.sort(places[np.unique(codes[places], return_index=True)[1]]).tolist()
    return first


def _twice(text: str) -> str:
    return (
        f"class '{text}' stands there more than once; a row lists the index of each of its classes once, or has "
        "0 or 1 for every class, equally many in all rows"
    )
