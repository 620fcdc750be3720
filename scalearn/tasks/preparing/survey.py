"""The first pass over a train split. It collects the labels and groups that the second pass needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.labels.choices import choice_lists, right_choices, wrong_choice
from scalearn.tasks.labels.lists import LabelLists
from scalearn.tasks.labels.sets import LabelSpace, SeenLabels, label_space
from scalearn.tasks.labels.values import class_texts, refuse_unstated_kind, targets
from scalearn.tasks.preparing.groups import Groups, group_values
from scalearn.tasks.preparing.progress import reported
from scalearn.tasks.reading.rows import Batch, Mask, Numbers, Rows


@dataclass(frozen=True)
class Survey:
    """The labels and groups of a train split.

    rows: the number of rows.
    classes: [rows], the class or right choice of each row, for kinds whose cuts can be stratified.
    groups: [rows], the group of each row, if a cut must keep groups together.
    space: the label set, for kinds whose labels have names.
    choices: multiple_choice: the number of choices per row.
    by_text: multiple_choice: whether labels are the texts of the right choices, not their indices.
    labelled: [rows], multi_label: whether a row has any label.
    targets: [rows], regression: the labels.
    notes: what was inferred about the labels.
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
    """Return the source columns from which the labels are made."""
    return ("answers",) if task.kind == "candidates" else (task.label, *task.choices)


def survey_train(task: Task, train: Rows, grouped: bool) -> Survey:
    """Return the survey of a train split, after one pass over its label column.

    Args:
        grouped: also read the column `groups` of the task, if it has one.

    Raises: UserError if a label is missing or invalid.
    """
    needed = [*label_columns(task), *([task.groups] if grouped and task.groups else [])]
    labels = _READERS.get(task.kind, _Rows)(task)
    groups, numbers, rows = Groups(), [], 0
    for batch in reported(train.batches(needed), f"labels of {train.origin}"):
        labels.add(batch)
        rows += len(batch)
        if grouped and task.groups:
            numbers.append(groups.number(group_values(batch, task.groups)))
    return labels.result(train.origin, rows, np.concatenate(numbers) if numbers else None)


class _Rows:
    """Surveys the rows of a task whose labels are not needed. The base class of all surveys."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def add(self, batch: Batch) -> None:
        """Add the labels of a batch."""

    def result(self, origin: str, rows: int, groups: Numbers | None) -> Survey:
        """Return the survey of all batches added so far."""
        return Survey(rows, groups=groups)


class _Classes(_Rows):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.seen = SeenLabels()
        self.labels: list[Numbers] = []

    def add(self, batch: Batch) -> None:
        self.labels.append(self.seen.add(class_texts(self.task, batch), batch.numbers))
        refuse_unstated_kind(self.task, batch)

    def result(self, origin: str, rows: int, groups: Numbers | None) -> Survey:
        space = label_space(self.task, self.seen.codes)
        classes = self.seen.classes(origin, space)
        self.seen.refuse_doubtful(self.task, origin, space)
        notes = tuple(self.seen.notes(self.task, space))
        return Survey(rows, classes[np.concatenate(self.labels)], groups, space, notes=notes)


class _Targets(_Rows):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.targets: list[npt.NDArray[np.float64]] = []

    def add(self, batch: Batch) -> None:
        self.targets.append(targets(self.task, batch).to_numpy(zero_copy_only=False))

    def result(self, origin: str, rows: int, groups: Numbers | None) -> Survey:
        return Survey(rows, groups=groups, targets=np.concatenate(self.targets))


class _Lists(_Rows):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.lists = LabelLists(task)

    def add(self, batch: Batch) -> None:
        self.lists.add(batch)

    def result(self, origin: str, rows: int, groups: Numbers | None) -> Survey:
        space = self.lists.space(origin)
        if len(space.names) < 2:
            raise UserError(
                f"{origin}: the only label is '{space.names[0]}'; add rows with another, or list all names in `labels`"
            )
        notes = tuple(self.lists.notes(space))
        return Survey(rows, None, groups, space, labelled=self.lists.labelled(space), notes=notes)


class _Choices(_Rows):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.count: int | None = None
        # A label may be the index of the right choice or its text. Index 0 below is the first reading, 1 the second.
        self.right: tuple[list[Numbers], list[Numbers]] = ([], [])
        self.wrong: list[UserError | None] = [None, None]

    def add(self, batch: Batch) -> None:
        choices = choice_lists(self.task, batch, self.count)
        self.count = len(choices.flatten()) // len(batch)
        for reading, right in enumerate(right_choices(self.task, batch, choices)):
            self.right[reading].append(right)
            self.wrong[reading] = self.wrong[reading] or wrong_choice(self.task, batch, right, self.count)

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


_READERS: dict[str, type[_Rows]] = {
    "classification": _Classes,
    "multi_label": _Lists,
    "multiple_choice": _Choices,
    "regression": _Targets,
}
