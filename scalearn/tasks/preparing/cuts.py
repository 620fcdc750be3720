"""Which rows of train go where: the rows that are drawn, and the splits that are cut from them."""

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

CUT = 0.1  # the paper's: a tenth of train, the same rows for every run seed

Places = npt.NDArray[np.int8]  # of a row: the index of its split in SPLITS, or -1 if it was not drawn


def place(task: Task, origin: str, found: Survey, cuts: Sequence[str]) -> tuple[Places, list[str]]:
    """Return the place of each row of train, [rows], and notes on how that came about.

    cuts: the splits to cut from train, in order: "test", "validation", both or none.
    """
    notes = []
    places = np.full(found.rows, -1, dtype=np.int8)
    rest = draw(task, found.rows)
    if len(rest) < found.rows:
        notes.append(f"train: {len(rest):,} of {found.rows:,} rows, drawn with seed {task.cut_seed}")
    if len(rest) < 2:
        raise UserError(f"{origin}: one row only; a training split needs more")
    _refuse_nothing_to_learn(task, origin, found, rest)
    for split in cuts:
        rest, held_out, how = cut(task, origin, found, rest)
        places[held_out] = SPLITS.index(split)
        notes.append(f"{split}: cut from train, {how}")
    _refuse_nothing_to_learn(task, origin, found, rest, cuts)
    places[rest] = SPLITS.index("train")
    return places, notes


def _refuse_nothing_to_learn(task: Task, origin: str, found: Survey, rows: Numbers, cuts: Sequence[str] = ()) -> None:
    """Refuse rows of train of which there is one only, all of one class or value, or none with any label.

    cuts: the splits that were cut from train before.
    """
    drawn = task.train_rows is not None and task.train_rows < found.rows
    row = f"row that `train_rows: {task.train_rows}` draws" if drawn else "row"
    if len(rows) < 2:
        what, mend = "train has one row only", "add rows"
    elif task.kind == "classification" and found.classes is not None and len(np.unique(found.classes[rows])) < 2:
        only = shown([found.space.names[found.classes[rows[0]]]]) if found.space else ""
        what, mend = f"every {row} has the label '{only}'", "add rows of another class"
    elif found.targets is not None and len(np.unique(found.targets[rows])) < 2:
        value = found.targets[rows[0]]
        what, mend = f"every {row} has the label {value:g}", "add rows of another"
        if abs(value) >= LARGEST:
            what += ", for larger numbers than 2^53 are rounded to 64 bits"
            mend = "subtract the same number from all labels, or add rows of another"
    elif found.labelled is not None and not found.labelled[rows].any():
        what, mend = f"no {row} has a label", "add rows with labels"
    else:
        return
    if drawn:
        mend = "raise `train_rows`, or draw others by another `cut_seed`"
    if cuts:
        what = f"after {' and '.join(cuts)} {'were' if len(cuts) > 1 else 'was'} cut from train, {what}"
        mend += ", or name files for the splits"
    raise UserError(f"{origin}: {what}; {mend}")


def draw(task: Task, rows: int) -> Numbers:
    """Return the rows of train that take part, sorted: all, or as many as the task says, drawn by its seed."""
    if task.train_rows is None or task.train_rows >= rows:
        return np.arange(rows)
    return np.sort(np.random.default_rng(task.cut_seed).permutation(rows)[: task.train_rows])


def cut(task: Task, origin: str, found: Survey, rows: Numbers) -> tuple[Numbers, Numbers, str]:
    """Return these rows without a tenth of them, that tenth, and how it was chosen; both in the order of `rows`."""
    if len(rows) < 2:
        raise UserError(f"{origin}: too few rows to cut the other splits from; add rows, or name files for the splits")
    if found.groups is not None:
        kept, held_out = _groups(task, origin, found.groups[rows])
        how = f"a tenth of the groups of '{task.groups}' with seed {task.cut_seed}"
    else:
        classes = None if found.classes is None or not task.stratify else found.classes[rows]
        too_few = classes is not None and not _divisible(classes)
        kept, held_out = _rows(task, len(rows), None if too_few else classes)
        how = f"a tenth of its rows with seed {task.cut_seed}"
        if too_few:
            how += " without regard to labels: some label has too few rows"
        elif classes is not None:
            how += ", stratified by label"
    return rows[np.sort(kept)], rows[np.sort(held_out)], how


def _divisible(classes: Numbers) -> bool:
    """Tell whether each class has rows for both sides."""
    counts = np.unique(classes, return_counts=True)[1]
    held_out = _tenth(len(classes))
    return bool(counts.min() >= 2 and held_out >= len(counts) and len(classes) - held_out >= len(counts))


def _rows(task: Task, rows: int, classes: Numbers | None) -> tuple[Numbers, Numbers]:
    """Return the rows that stay and those held out: those of Dataset.train_test_split, which the paper used.

    That method reads labels one by one and lists the rows as objects: minutes and gigabytes where there are millions.
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
    """Return the rows that stay and those held out, no group on both sides."""
    from sklearn.model_selection import GroupShuffleSplit

    if len(np.unique(groups)) < 2:
        raise UserError(
            f"{origin}: too few different values in '{task.groups}' to cut by them; remove `groups`, or name files"
        )
    splitter = GroupShuffleSplit(n_splits=1, test_size=CUT, random_state=task.cut_seed)
    kept, held_out = next(splitter.split(groups, groups=groups))
    return kept, held_out


def _tenth(rows: int) -> int:
    return int(np.ceil(CUT * rows))
