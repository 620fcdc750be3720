"""Label sets: the labels that a pass over train finds, and the names and indices that they become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError, shown
from scalearn.tasks.definition import Task
from scalearn.tasks.labels.suspects import NO_LABEL, doubts, is_number, whole
from scalearn.tasks.reading.rows import Numbers


@dataclass(frozen=True)
class LabelSpace:
    """Label names in index order, and how each is written in the source: by name or by index.

    numbers: all are written as whole numbers, so that '1.0' is '1'; vector: each row of a multi_label task has one
    value per class, 0 or 1, in place of the names or indices of its classes.
    """

    names: tuple[str, ...]
    written: tuple[str, ...]
    numbers: bool = False
    vector: bool = False

    def spelt(self, texts: pa.Array) -> pa.Array:
        """Return labels without the white space around them, and whole numbers without a fraction of zeros."""
        return _spelt(texts, self.written, self.numbers)

    def outside(self, label: str, rows: int = 1) -> str:
        """Return the complaint about a label that is not in the set, and that so many rows have."""
        more = f", and {rows - 1:,} more row{'s have' if rows > 2 else ' has'} it" if rows > 1 else ""
        mend = "mend the row or the task's `labels`"
        if label.strip() in NO_LABEL:
            mend = "it often stands for no label: remove such rows, or, to keep it as a class, name it in `labels`"
        elif self.written != self.names and label.strip() in self.names:
            mend = f"train writes indices, {self.written[0]} for '{shown(self.names[:1])}'; write them here, too"
        elif not self.numbers and is_number(plain := whole(label.strip())) and 0 <= int(plain) < len(self.names):
            mend = (
                f"train writes names, and this looks like the index of '{shown([self.names[int(plain)]])}'; write names"
            )
        return f"label '{label}' is outside the label set ({shown(self.names)}){more}; {mend}"


def label_space(task: Task, found: Iterable[str]) -> LabelSpace:
    """Return the label set of a task in whose train split these labels are `found`.

    Without `labels` in the task it is what train holds: numbers in their order, names sorted. With `labels` the source
    may write a name or, if no train row does, the name's index.
    """
    known = task.labels or ()
    texts = set(_spelt(pa.array(list(found), pa.string()), known, False).to_pylist())
    plain = {whole(text) for text in texts}
    numbers = all(is_number(text) for text in plain - ({*NO_LABEL} - {*known} if known else set()))
    if task.labels is None:
        names = tuple(sorted(plain, key=int) if numbers else sorted(texts))
        return LabelSpace(names, names, numbers)
    written = tuple(whole(name) for name in known)
    if not numbers or texts <= set(known) or (plain & set(written) and len(set(written)) < len(written)):
        return LabelSpace(known, known)
    if not plain & set(written):
        written = tuple(str(index) for index in range(len(known)))
    return LabelSpace(known, written, numbers)


@dataclass
class Found:
    """The distinct labels of a pass over rows, numbered as they appear.

    rows, counts: [labels], the first row of each, and how many rows have it.
    """

    codes: dict[str, int] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add(self, texts: pa.Array, numbers: Numbers) -> Numbers:
        """Return the number of each label; numbers: [labels], the row that each stands in."""
        encoded = pc.dictionary_encode(texts)
        indices: Numbers = encoded.indices.to_numpy()
        first, counts = np.unique(indices, return_index=True, return_counts=True)[1:]
        codes = []  # the dictionary is in order of appearance, too
        for text, position, count in zip(encoded.dictionary.to_pylist(), first, counts, strict=True):
            if text not in self.codes:
                self.codes[text] = len(self.codes)
                self.rows.append(int(numbers[position]))
                self.counts.append(0)
            codes.append(self.codes[text])
            self.counts[codes[-1]] += int(count)
        return np.array(codes, dtype=np.int64)[indices]

    def classes(self, origin: str, space: LabelSpace) -> Numbers:
        """Return the class of each label, in order of appearance; a UserError names the first that has none."""
        known = {text: index for index, text in enumerate(space.written)}
        spelt = self._spelt(space)
        for (text, code), plain in zip(self.codes.items(), spelt, strict=True):
            if plain not in known:
                raise UserError(f"{origin}: row {self.rows[code] + 1}: {space.outside(text, self.counts[code])}")
        return np.array([known[plain] for plain in spelt], dtype=np.int64)

    def refuse_doubtful(self, task: Task, origin: str, space: LabelSpace) -> None:
        """Refuse labels that look like something else, unless the task's own `labels` name them."""
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
        """Yield what was inferred about how the source writes its labels."""
        if space.numbers and space.written != tuple(whole(name) for name in space.names):
            yield f"labels: '{task.label}' holds indices of `labels`: {space.written[0]} is '{space.names[0]}'"
        raw = [(text, plain) for text, plain in zip(self.codes, self._spelt(space), strict=True) if text != plain]
        if padded := [text for text, _ in raw if text != text.strip()]:
            count = sum(self.counts[self.codes[text]] for text in padded)
            first = min(self.rows[self.codes[text]] for text in padded)
            yield f"labels: white space around them is left out (rows: {count:,}, the first is row {first + 1})"
        if fractions := [(text, plain) for text, plain in raw if text.strip() != plain]:
            yield f"labels: whole numbers are read without a fraction, '{fractions[0][0]}' as '{fractions[0][1]}'"

    def _spelt(self, space: LabelSpace) -> list[str]:
        spelt: list[str] = space.spelt(pa.array(list(self.codes), pa.string())).to_pylist()
        return spelt


def _spelt(texts: pa.Array, exact: tuple[str, ...], numbers: bool) -> pa.Array:
    """Return labels as they are meant; those that are in `exact` as they stand stay so."""
    plain = pc.utf8_trim_whitespace(texts)
    if numbers:
        plain = pc.replace_substring_regex(plain, r"^(-?[0-9]+)\.0*$", r"\1")
    return pc.if_else(pc.is_in(texts, value_set=pa.array(exact, pa.string())), texts, plain)
