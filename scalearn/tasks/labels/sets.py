"""Label sets: the distinct labels of train, and the names and class indices that they become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError, shown
from scalearn.tasks.definition import Task
from scalearn.tasks.labels.suspects import NO_LABEL, doubts, is_number, without_fraction
from scalearn.tasks.reading.rows import Numbers


@dataclass(frozen=True)
class LabelSpace:
    """A label set: the names, and how the source writes them.

    names: [classes], in index order.
    written: [classes], what the source writes for each name: the name or its index.
    numbers: all labels are written as whole numbers, so that '1.0' means '1'.
    vector: multi_label: each row has a 0 or 1 for every class, not the names or indices of its classes.
    """

    names: tuple[str, ...]
    written: tuple[str, ...]
    numbers: bool = False
    vector: bool = False

    def spelt(self, texts: pa.Array) -> pa.Array:
        """Return the labels without surrounding white space, and whole numbers without a fraction ('1' for '1.0')."""
        return _spelt(texts, self.written, self.numbers)

    def outside(self, label: str, rows: int = 1) -> str:
        """Return the message about a label that is not in the set. `rows`: the number of rows with that label."""
        more = f", and {rows - 1:,} more row{'s have' if rows > 2 else ' has'} it" if rows > 1 else ""
        mend = "mend the row or the task's `labels`"
        if label.strip() in NO_LABEL:
            mend = "it often means that the label is missing: remove such rows, or name it in `labels`"
        elif self.written != self.names and label.strip() in self.names:
            mend = f"train has indices ({self.written[0]} for '{shown(self.names[:1])}'); write indices here, too"
        elif (
            not self.numbers
            and is_number(plain := without_fraction(label.strip()))
            and 0 <= int(plain) < len(self.names)
        ):
            mend = f"train has names, and this looks like the index of '{shown([self.names[int(plain)]])}'; write names"
        return f"label '{label}' is outside the label set ({shown(self.names)}){more}; {mend}"


def label_space(task: Task, labels: Iterable[str]) -> LabelSpace:
    """Return the label set of a task.

    If the task has no `labels`, the set is the labels of train: numbers in numerical order, names in alphabetical
    order. If it has `labels`, the source may write names or, if no row of train has a name, indices.

    Args:
        labels: the distinct labels of train.
    """
    declared = task.labels or ()
    texts = set(_spelt(pa.array(list(labels), pa.string()), declared, False).to_pylist())
    plain = {without_fraction(text) for text in texts}
    numbers = all(is_number(text) for text in plain - ({*NO_LABEL} - {*declared} if declared else set()))
    if task.labels is None:
        names = tuple(sorted(plain, key=int) if numbers else sorted(texts))
        return LabelSpace(names, names, numbers)
    written = tuple(without_fraction(name) for name in declared)
    if not numbers or texts <= set(declared) or (plain & set(written) and len(set(written)) < len(written)):
        return LabelSpace(declared, declared)
    if not plain & set(written):
        written = tuple(str(index) for index in range(len(declared)))
    return LabelSpace(declared, written, numbers)


@dataclass
class SeenLabels:
    """The distinct labels of the rows read so far.

    codes: label -> its number, in order of appearance.
    rows: [labels], the first row with each label.
    counts: [labels], how often each label occurs.
    """

    codes: dict[str, int] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add(self, texts: pa.Array, numbers: Numbers) -> Numbers:
        """Add labels; return the code of each, [labels].

        Args:
            texts: the labels, [labels].
            numbers: the row of each label in its split, [labels].
        """
        encoded = pc.dictionary_encode(texts)
        indices: Numbers = encoded.indices.to_numpy()
        first, counts = np.unique(indices, return_index=True, return_counts=True)[1:]
        codes = []  # the dictionary is in order of appearance
        for text, position, count in zip(encoded.dictionary.to_pylist(), first, counts, strict=True):
            if text not in self.codes:
                self.codes[text] = len(self.codes)
                self.rows.append(int(numbers[position]))
                self.counts.append(0)
            codes.append(self.codes[text])
            self.counts[codes[-1]] += int(count)
        return np.array(codes, dtype=np.int64)[indices]

    def classes(self, origin: str, space: LabelSpace) -> Numbers:
        """Return the class index of each distinct label, [labels], in order of appearance.

        Raises: UserError if a label is outside the set.
        """
        indices = {text: index for index, text in enumerate(space.written)}
        spelt = self._spelt(space)
        for (text, code), plain in zip(self.codes.items(), spelt, strict=True):
            if plain not in indices:
                raise UserError(f"{origin}: row {self.rows[code] + 1}: {space.outside(text, self.counts[code])}")
        return np.array([indices[plain] for plain in spelt], dtype=np.int64)

    def refuse_doubtful(self, task: Task, origin: str, space: LabelSpace) -> None:
        """Refuse labels that look like a mistake, unless the task's `labels` name them.

        Raises: UserError if `suspects.doubts` finds one.
        """
        if task.labels is not None:
            return
        rows: dict[str, int] = {}
        counts = dict.fromkeys(space.names, 0)
        for name, row, count in zip(self._spelt(space), self.rows, self.counts, strict=True):
            rows.setdefault(name, row)
            counts[name] += count
        for doubt in doubts(task.kind, task.label, space.names, list(counts.values())):
            where = f"row {min(rows[name] for name in doubt.names) + 1}: " if doubt.names else ""
            raise UserError(f"{origin}: {where}{doubt.what}; {doubt.mend}")

    def notes(self, task: Task, space: LabelSpace) -> Iterator[str]:
        """Yield notes on how the source writes its labels."""
        if space.numbers and space.written != tuple(without_fraction(name) for name in space.names):
            yield f"labels: '{task.label}' holds indices of `labels`: {space.written[0]} is '{space.names[0]}'"
        raw = [(text, plain) for text, plain in zip(self.codes, self._spelt(space), strict=True) if text != plain]
        if padded := [text for text, _ in raw if text != text.strip()]:
            count = sum(self.counts[self.codes[text]] for text in padded)
            first = min(self.rows[self.codes[text]] for text in padded)
            yield f"labels: white space around labels is removed (rows: {count:,}, the first is row {first + 1})"
        if fractions := [(text, plain) for text, plain in raw if text.strip() != plain]:
            yield f"labels: whole numbers are read without a fraction, '{fractions[0][0]}' as '{fractions[0][1]}'"

    def _spelt(self, space: LabelSpace) -> list[str]:
        spelt: list[str] = space.spelt(pa.array(list(self.codes), pa.string())).to_pylist()
        return spelt


def _spelt(texts: pa.Array, exact: tuple[str, ...], numbers: bool) -> pa.Array:
    """Return labels without surrounding white space and, if `numbers`, without fractions; labels in `exact` stay."""
    plain = pc.utf8_trim_whitespace(texts)
    if numbers:
        plain = pc.replace_substring_regex(plain, r"^(-?[0-9]+)\.0*$", r"\1")
    return pc.if_else(pc.is_in(texts, value_set=pa.array(exact, pa.string())), texts, plain)
