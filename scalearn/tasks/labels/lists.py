"""The labels of a multi_label task: lists of names or of class indices, 0/1 vectors, and text for any of these."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError, shown
from scalearn.tasks.definition import Task
from scalearn.tasks.labels.sets import LabelSpace, SeenLabels, label_space
from scalearn.tasks.labels.suspects import is_number
from scalearn.tasks.labels.values import as_text, indices, refuse_spelt_out
from scalearn.tasks.labels.written_lists import ENCLOSED, parse_list
from scalearn.tasks.reading.rows import Batch, Mask, Numbers, is_list, is_text

_ONE, _ZERO = ("1", "true"), ("0", "false")  # how a vector says that a row has a class, or has it not


class LabelLists:
    """Collects the labels of train, batch by batch, and then tells how the source writes them (`space`).

    filled: [rows] per batch, whether a row has any value.
    with_one: [rows] per batch, whether a row has a value that is 1 or true.
    as_text: whether some cells were lists that are written as text.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.seen = SeenLabels()
        self.filled: list[Mask] = []
        self.with_one: list[Mask] = []
        self.as_text = False
        self._lengths: set[int] = set()
        self._repeated: dict[str, int] = {}  # label that a row has more than once -> the first such row

    def add(self, batch: Batch) -> None:
        """Add the labels of a batch."""
        texts, owners = label_texts(self.task, batch)
        cells, rows = batch.column(self.task.label), owners.to_numpy()
        if is_text(cells.type):
            self.as_text |= bool(_written_lists(self.task, cells.cast(pa.string())).any())
        codes = self.seen.add(texts, batch.numbers[rows])
        lengths = np.bincount(rows, minlength=len(batch))
        self._lengths |= set(lengths[lengths > 0].tolist())
        for place in _repeated_places(rows, codes):
            self._repeated.setdefault(texts[place].as_py(), int(batch.numbers[rows[place]]))
        ones = pc.is_in(_plain(texts), pa.array(_ONE)).to_numpy(zero_copy_only=False)
        self.filled.append(lengths > 0)
        self.with_one.append(np.bincount(rows[ones], minlength=len(batch)) > 0)

    def space(self, origin: str) -> LabelSpace:
        """Return the label set of all batches added so far.

        Raises: UserError if no row has a label, a label is outside the task's `labels`, or the lists can be read in two
            ways.
        """
        if not self.seen.codes:
            raise UserError(f"{origin}: no row has a label in '{self.task.label}'; name another column in `label`")
        values = set(_plain(pa.array(list(self.seen.codes), pa.string())).to_pylist())
        if values <= {*_ONE, *_ZERO}:
            if (size := self._vector(origin, truth=bool(values & {"true", "false"}))) is not None:
                if not values & set(_ONE):
                    raise UserError(f"{origin}: no row has a 1 in '{self.task.label}'; name another column in `label`")
                names = self.task.labels or tuple(str(index) for index in range(size))
                return LabelSpace(names, names, vector=True)
        elif all(is_number(value) for value in values) and len(self._lengths) == 1:
            self._refuse_repeated(origin)
        space = label_space(self.task, self.seen.codes)
        self.seen.classes(origin, space)  # refuses a label outside the set
        self.seen.refuse_doubtful(self.task, origin, space)
        return space

    def notes(self, space: LabelSpace) -> Iterator[str]:
        """Yield notes on how the source writes its labels."""
        if self.as_text:
            yield f"labels: '{self.task.label}' holds lists that are written as text; they are read as lists"
        if space.vector:
            count = len(space.names)
            yield f"labels: each list in '{self.task.label}' has one value, 0 or 1, for each of {count} classes"
        else:
            if self._repeated:
                text, row = next(iter(self._repeated.items()))
                yield f"labels: a label that a row repeats counts once, as '{shown([text])}' in row {row + 1}"
            yield from self.seen.notes(self.task, space)

    def labelled(self, space: LabelSpace) -> Mask:
        """Return which rows have a label, [rows]."""
        return np.concatenate(self.with_one if space.vector else self.filled)

    def _refuse_repeated(self, origin: str) -> None:
        for text, row in self._repeated.items():
            raise UserError(f"{origin}: row {row + 1}: {_repetition(text)}")

    def _vector(self, origin: str, truth: bool) -> int | None:
        """Return the number of classes if each list is a vector with 0 or 1 per class; None if lists hold indices.

        Lists are vectors if all have the same length and values repeat or are true and false.
        truth: whether true or false occurs.
        """
        size, equal = max(self._lengths), len(self._lengths) == 1
        column, labels = self.task.label, self.task.labels
        vector = equal and size > 1 and (bool(self._repeated) or truth)
        if vector and labels is not None and len(labels) != size:
            raise UserError(
                f"{origin}: '{column}' holds {size} values, 0 or 1, in each row, but `labels` has {len(labels)} names; "
                "give one name for each value"
            )
        if not vector and truth and labels is None:
            raise UserError(f"{origin}: '{column}' holds true and false; give each row one value for every class")
        if not vector:
            self._refuse_repeated(origin)
        if not vector and equal and size == 2 and (labels is None or len(labels) == 2):
            raise UserError(
                f"{origin}: '{column}' holds both 0 and 1 in each row, which may be two class indices or a value "
                "for each of two classes; write the names of the row's classes"
            )
        return size if vector else None


def label_texts(task: Task, batch: Batch) -> tuple[pa.Array, pa.Array]:
    """Return the labels of all rows as text, [labels], and the row in the batch of each, [labels].

    A cell is a list (of names, of class indices, or of a value per class), such a list written as text, or a text with
    `separator` between names. Null, an empty list and an empty text mean no label.

    Raises: UserError if a cell or a label has another form.
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
    """Return the class indices of each row as list<int64>, [rows], sorted and without repetitions.

    Raises: UserError if a label is outside `space`, or a vector has another length.
    """
    texts, owners = label_texts(task, batch)
    rows, count = owners.to_numpy().astype(np.int64), len(space.names)
    if space.vector:
        rows, classes = _ones(batch, texts, rows, count)
    else:
        classes = indices(batch, texts, space, owners).to_numpy()
        for place in _repeated_places(rows, classes) if space.numbers else ():
            if (text := texts[place].as_py().strip()) in ("0", "1"):
                raise batch.error(int(rows[place]), _repetition(text))
    pairs = np.unique(rows * count + classes)
    offsets = np.searchsorted(pairs, np.arange(len(batch) + 1) * count)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(pairs % count, pa.int64()))


def _ones(batch: Batch, texts: pa.Array, rows: Numbers, count: int) -> tuple[Numbers, Numbers]:
    """Return the row and the class of each 1 in vectors of `count` values."""
    lengths = np.bincount(rows, minlength=len(batch))
    if (wrong := (lengths > 0) & (lengths != count)).any():
        row = int(wrong.argmax())
        raise batch.error(
            row, f"{lengths[row]} values, but the list needs one for each of {count} classes; mend the row"
        )
    ones, zeros = (pc.is_in(_plain(texts), pa.array(values)) for values in (_ONE, _ZERO))
    other = int(pc.index(pc.or_(ones, zeros), False).as_py())
    if other >= 0:
        value = texts[other].as_py()
        raise batch.error(int(rows[other]), f"'{value}' in a list that needs 0 or 1 for each class; mend the row")
    mask = ones.to_numpy(zero_copy_only=False)
    classes = np.arange(len(rows)) - np.searchsorted(rows, rows)
    return rows[mask], classes[mask]


def _flat(cells: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the values of all lists, and the row of each. A null list has no values, even if the array stores some."""
    lengths = pc.fill_null(pc.list_value_length(cells), 0).to_numpy()
    return pc.list_flatten(cells), pa.array(np.repeat(np.arange(len(cells)), lengths))


def _plain(texts: pa.Array) -> pa.Array:
    """Return the texts without white space around them; '0.0' and '1.0' become '0' and '1'."""
    return pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), r"^([01])\.0*$", r"\1")


def _split(task: Task, batch: Batch, cells: pa.Array) -> pa.Array:
    """Return the labels of text cells as lists."""
    listed = _written_lists(task, cells)
    split = pc.split_pattern(cells, task.separator)
    if not listed.any():
        return split
    labels: list[list[str] | None] = split.to_pylist()
    for row in np.flatnonzero(listed).tolist():
        labels[row] = parse_list(cell := cells[row].as_py())
        if labels[row] is None:
            raise batch.error(
                row,
                f"label '{cell}' looks like a list but cannot be read as one; write ['a', 'b'], or a{task.separator}b; "
                "or, if it is a name, list all names in `labels`",
            )
    return pa.array(labels, pa.list_(pa.string()))


def _written_lists(task: Task, cells: pa.Array) -> Mask:
    """Return which text cells, [rows], are lists in brackets of any kind. A name in the task's `labels` is none."""
    named = pc.is_in(pc.utf8_trim_whitespace(cells), pa.array(task.labels or (), pa.string()))
    listed = pc.and_(pc.match_substring_regex(cells, ENCLOSED), pc.invert(named))
    mask: Mask = pc.fill_null(listed, False).to_numpy(zero_copy_only=False)
    return mask


def _repeated_places(rows: Numbers, codes: Numbers) -> list[int]:
    """Return, for each label that some row has more than once, the position of its first repetition."""
    if not len(rows):
        return []
    repeated = np.ones(len(rows), bool)
    repeated[np.unique(rows * (int(codes.max()) + 1) + codes, return_index=True)[1]] = False
    places = np.flatnonzero(repeated)
    first: list[int] = np.sort(places[np.unique(codes[places], return_index=True)[1]]).tolist()
    return first


def _repetition(text: str) -> str:
    return (
        f"class '{text}' occurs more than once; list the index of each class once, or write 0 or 1 for every class, "
        "the same number of values in all rows"
    )
