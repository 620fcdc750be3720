"""The first pass over a train split: what the second needs to know before it can write anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.labels.choices import choice_lists, right_choices, wrong_choice
from scalearn.tasks.labels.lists import Lists
from scalearn.tasks.labels.sets import Found, LabelSpace, label_space
from scalearn.tasks.labels.values import class_texts, targets
from scalearn.tasks.preparing.groups import Groups, group_values
from scalearn.tasks.preparing.progress import reported
from scalearn.tasks.reading.rows import Batch, Mask, Numbers, Rows


@dataclass(frozen=True)
class Survey:
    """What train holds: labels and groups, never texts.

    rows: how many; classes: [rows], the class or right choice of each, where a cut can be stratified by it;
    groups: [rows], where a cut keeps groups whole; space: of kinds whose labels have names; choices: how many each
    row has, and whether labels are their texts; labelled: [rows], of multi_label, whether a row has any label;
    targets: [rows], of a regression; notes: what was inferred about the labels.
    """

    rows: int
    classes: Numbers | None = None
    groups: Numbers | None = None
    space: LabelSpace | None = None
    choices: int | None = None
    by_text: bool = False
    labelled: Mask | None = None
    targets: npt.NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()


def label_columns(task: Task) -> tuple[str, ...]:
    """Return the source's columns that tell what is right."""
    return ("answers",) if task.kind == "candidates" else (task.label, *task.choices)


def survey(task: Task, train: Rows, grouped: bool) -> Survey:
    """Read the label column (and the group column, if `grouped`) of the train split once."""
    needed = [*label_columns(task), *([task.groups] if grouped and task.groups else [])]
    labels = _READERS.get(task.kind, _Count)(task)
    groups, numbers, rows = Groups(), [], 0
    for batch in reported(train.batches(needed), f"labels of {train.origin}"):
        labels.add(batch)
        rows += len(batch)
        if grouped and task.groups:
            numbers.append(groups.number(group_values(batch, task.groups)))
    return labels.result(train.origin, rows, np.concatenate(numbers) if numbers else None)


class _Count:
    """Labels of no consequence for a cut."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def add(self, batch: Batch) -> None:
        """Take the labels of a batch into account."""

    def result(self, origin: str, rows: int, groups: Numbers | None) -> Survey:
        """Return what was found in all batches."""
        return Survey(rows, groups=groups)


class _Classes(_Count):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.found = Found()
        self.labels: list[Numbers] = []

    def add(self, batch: Batch) -> None:
        self.labels.append(self.found.add(class_texts(self.task, batch), batch.numbers))

    def result(self, origin: str, rows: int, groups: Numbers | None) -> Survey:
        space = label_space(self.task, self.found.codes)
        classes = self.found.classes(origin, space)
        self.found.refuse_doubtful(self.task, origin, space)
        notes = tuple(self.found.notes(self.task, space))
        return Survey(rows, classes[np.concatenate(self.labels)], groups, space, notes=notes)


class _Targets(_Count):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.targets: list[npt.NDArray[np.float64]] = []

    def add(self, batch: Batch) -> None:
        self.targets.append(targets(self.task, batch).to_numpy(zero_copy_only=False))

    def result(self, origin: str, rows: int, groups: Numbers | None) -> Survey:
        return Survey(rows, groups=groups, targets=np.concatenate(self.targets))


class _Lists(_Count):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.lists = Lists(task)

    def add(self, batch: Batch) -> None:
        self.lists.add(batch)

    def result(self, origin: str, rows: int, groups: Numbers | None) -> Survey:
        space = self.lists.space(origin)
        if len(space.names) < 2:
            raise UserError(f"{origin}: the only label is '{space.names[0]}'; add rows of another, or name `labels`")
        notes = tuple(self.lists.notes(space))
        return Survey(rows, None, groups, space, labelled=self.lists.labelled(space), notes=notes)


class _Choices(_Count):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.count: int | None = None
        self.right: tuple[list[Numbers], list[Numbers]] = ([], [])
        self.wrong: list[UserError | None] = [None, None]

    def add(self, batch: Batch) -> None:
        choices = choice_lists(self.task, batch, self.count)
        self.count = len(choices.flatten()) // len(batch)
        for way, right in enumerate(right_choices(self.task, batch, choices)):
            self.right[way].append(right)
            self.wrong[way] = self.wrong[way] or wrong_choice(self.task, batch, right, self.count)

    def result(self, origin: str, rows: int, groups: Numbers | None) -> Survey:
        by_index, by_text = (np.concatenate(right) for right in self.right)
        textual = bool((by_text >= 0).sum() >= max((by_index >= 0).sum(), 1))
        if wrong := self.wrong[textual]:
            raise wrong
        if not self.wrong[not textual] and (differ := by_index != by_text).any():
            row = int(differ.argmax())
            raise UserError(
                f"{origin}: row {row + 1}: the label in '{self.task.label}' is the index of choice {by_index[row] + 1} "
                f"and the text of choice {by_text[row] + 1}, and both readings fit every row; write the index of the "
                "right choice, counted from 0, as a number in JSONL or parquet"
            )
        return Survey(rows, by_text if textual else by_index, groups, choices=self.count, by_text=textual)


_READERS: dict[str, type[_Count]] = {
    "classification": _Classes,
    "multi_label": _Lists,
    "multiple_choice": _Choices,
    "regression": _Targets,
}
