"""Drawing rows of train, and cutting validation and test splits from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scalearn.errors import UserError, shown
from scalearn.tasks.definition import Task
from scalearn.tasks.labels.values import LARGEST
from scalearn.tasks.preparing.survey import Survey
from scalearn.tasks.reading.rows import Numbers
from scalearn.tasks.store import SPLITS

CUT = 0.1  # a tenth of train, the same rows for every run seed, as in the paper

Places = npt.NDArray[np.int8]  # [rows]: the index of each row's split in SPLITS, or -1 if the row was not drawn


def place(task: Task, origin: str, survey: Survey, cuts: Sequence[str]) -> tuple[Places, list[str]]:
    """Return the split of each row of train, [rows], and notes on how the splits were cut.

    Args:
        origin: where the rows come from, for messages.
        cuts: the splits to cut from train, in order: "test", "validation", both or none.

    Raises: UserError if train has too few rows, or if a training on the rest would have nothing to learn.
    """
    notes = []
    places = np.full(survey.rows, -1, dtype=np.int8)
    rest = draw(task, survey.rows)
    if len(rest) < survey.rows:
        notes.append(f"train: {len(rest):,} of {survey.rows:,} rows, drawn with seed {task.cut_seed}")
    if len(rest) < 2:
        raise UserError(f"{origin}: train has one row only; add rows")
    _refuse_nothing_to_learn(task, origin, survey, rest)
    for split in cuts:
        rest, held_out, how = cut(task, origin, survey, rest)
        places[held_out] = SPLITS.index(split)
        notes.append(f"{split}: cut from train, {how}")
    _refuse_nothing_to_learn(task, origin, survey, rest, cuts)
    places[rest] = SPLITS.index("train")
    return places, notes


def _refuse_nothing_to_learn(task: Task, origin: str, survey: Survey, rows: Numbers, cuts: Sequence[str] = ()) -> None:
    """Refuse a train split with fewer than two rows, with the same label in all rows, or without any label.

    rows: the rows of the split. cuts: the splits that were cut from train before.
    """
    drawn = task.train_rows is not None and task.train_rows < survey.rows
    row = f"row that `train_rows: {task.train_rows}` draws" if drawn else "row"
    if len(rows) < 2:
        what, mend = "train has one row only", "add rows"
    elif task.kind == "classification" and survey.classes is not None and len(np.unique(survey.classes[rows])) < 2:
        only = shown([survey.space.names[survey.classes[rows[0]]]]) if survey.space else ""
        what, mend = f"every {row} has the label '{only}'", "add rows of another class"
    elif survey.targets is not None and len(np.unique(survey.targets[rows])) < 2:
        value = survey.targets[rows[0]]
        what, mend = f"every {row} has the label {value:g}", "add rows with another label"
        if abs(value) >= LARGEST:
            what += " because numbers above 2^53 are rounded to 64-bit floats"
            mend = "subtract the same number from all labels, or add rows with another label"
    elif survey.labelled is not None and not survey.labelled[rows].any():
        what, mend = f"no {row} has a label", "add rows with labels"
    else:
        return
    if drawn:
        mend = "raise `train_rows`, or set another `cut_seed`"
    if cuts:
        what = f"after {' and '.join(cuts)} {'were' if len(cuts) > 1 else 'was'} cut from train, {what}"
        mend += ", or name files for the splits"
    raise UserError(f"{origin}: {what}; {mend}")


def draw(task: Task, rows: int) -> Numbers:
    """Return the indices of the rows of train to use, sorted: all, or `train_rows` of them, drawn with `cut_seed`.

    rows: the number of rows of train.
    """
    if task.train_rows is None or task.train_rows >= rows:
        return np.arange(rows)
    return np.sort(np.random.default_rng(task.cut_seed).permutation(rows)[: task.train_rows])


def cut(task: Task, origin: str, survey: Survey, rows: Numbers) -> tuple[Numbers, Numbers, str]:
    """Return the rows that stay in train, the tenth that is held out, and a phrase on how it was chosen.

    Both are sorted as `rows` are. Groups are kept together if the survey has groups; else the cut is stratified by
    label, if the task says so and every class has enough rows.

    Raises: UserError if there are too few rows or groups to cut.
    """
    if len(rows) < 2:
        raise UserError(
            f"{origin}: train has too few rows to cut other splits from; add rows, or name files for the splits"
        )
    if survey.groups is not None:
        kept, held_out = _groups(task, origin, survey.groups[rows])
        how = f"a tenth of the groups of '{task.groups}' with seed {task.cut_seed}"
    else:
        classes = None if survey.classes is None or not task.stratify else survey.classes[rows]
        too_few = classes is not None and not _divisible(classes)
        kept, held_out = _rows(task, len(rows), None if too_few else classes)
        how = f"a tenth of its rows with seed {task.cut_seed}"
        if too_few:
            how += ", not stratified: some label has too few rows"
        elif classes is not None:
            how += ", stratified by label"
    return rows[np.sort(kept)], rows[np.sort(held_out)], how


def _divisible(classes: Numbers) -> bool:
    """Tell whether a stratified cut can give each class a row on both sides."""
    counts = np.unique(classes, return_counts=True)[1]
    held_out = _tenth(len(classes))
    return bool(counts.min() >= 2 and held_out >= len(counts) and len(classes) - held_out >= len(counts))


def _rows(task: Task, rows: int, classes: Numbers | None) -> tuple[Numbers, Numbers]:
    """Return the positions of the rows that stay and of those held out, [kept] and [held out].

    They are the rows of `datasets.Dataset.train_test_split`, which the paper used. That method holds rows and labels
    as Python objects, which takes minutes and gigabytes for millions of rows.
    """
    from datasets.utils.stratify import approximate_mode

    generator, held_out = np.random.default_rng(task.cut_seed), _tenth(rows)
    if classes is None:
        order = generator.permutation(rows)
        return order[held_out:], order[:held_out]
    names, counts = np.unique(classes, return_counts=True)
    stay = approximate_mode(counts, rows - held_out, generator)
    leave = approximate_mode(counts - stay, held_out, generator)
    kept, out = [], []
    for name, first, further in zip(names, stay, leave, strict=True):
        members = generator.permutation(np.flatnonzero(classes == name))
        kept.append(members[:first])
        out.append(members[first : first + further])
    return np.concatenate(kept), np.concatenate(out)


def _groups(task: Task, origin: str, groups: Numbers) -> tuple[Numbers, Numbers]:
    """Return the positions of the rows that stay and of those held out. No group is on both sides."""
    from sklearn.model_selection import GroupShuffleSplit

    if len(np.unique(groups)) < 2:
        raise UserError(
            f"{origin}: '{task.groups}' has too few different values to cut by groups; remove `groups`, or name files"
        )
    splitter = GroupShuffleSplit(n_splits=1, test_size=CUT, random_state=task.cut_seed)
    kept, held_out = next(splitter.split(groups, groups=groups))
    return kept, held_out


def _tenth(rows: int) -> int:
    return int(np.ceil(CUT * rows))
