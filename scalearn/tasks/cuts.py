"""Which rows of train go where: the rows that are drawn, and the splits that are cut from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.rows import Numbers
from scalearn.tasks.survey import Survey

CUT = 0.1  # the paper's: a tenth of train, the same rows for every run seed
LEFT_OUT = ""  # the place of a row that is not drawn

Places = npt.NDArray[np.str_]


def place(task: Task, origin: str, found: Survey, cuts: Sequence[str]) -> tuple[Places, list[str]]:
    """Return the split that each row of train belongs to, [rows], and notes on how that came about.

    cuts: the splits to cut from train, in order: "test", "validation", both or none.
    """
    notes = []
    places = np.full(found.rows, LEFT_OUT, dtype="U10")
    rest = draw(task, found.rows)
    if len(rest) < found.rows:
        notes.append(f"train: {len(rest):,} of {found.rows:,} rows, drawn with seed {task.cut_seed}")
    if len(rest) < 2:
        raise UserError(f"{origin}: one row only; a training split needs more")
    if task.kind == "classification" and found.classes is not None and len(set(found.classes[rest].tolist())) < 2:
        only = found.space.names[found.classes[rest[0]]] if found.space else ""
        raise UserError(f"{origin}: every row has the label '{only}'; add rows of another class")
    for split in cuts:
        rest, held_out, how = cut(task, origin, found, rest)
        places[held_out] = split
        notes.append(f"{split}: cut from train, {how}")
    places[rest] = "train"
    return places, notes


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
    held_out = int(np.ceil(CUT * len(classes)))
    return bool(counts.min() >= 2 and held_out >= len(counts) and len(classes) - held_out >= len(counts))


def _rows(task: Task, rows: int, classes: Numbers | None) -> tuple[Numbers, Numbers]:
    """Return the rows that stay and those held out: the reference's own call, so that they are the paper's."""
    from datasets import ClassLabel, Dataset, Features, Value

    columns, features = {"row": np.arange(rows)}, {"row": Value("int64")}
    if classes is not None:
        columns["label"] = classes
        features["label"] = ClassLabel(num_classes=int(classes.max()) + 1)
    halves = Dataset.from_dict(columns, features=Features(features)).train_test_split(
        test_size=CUT,
        shuffle=True,
        seed=task.cut_seed,
        stratify_by_column="label" if classes is not None else None,
        keep_in_memory=True,
    )
    return np.asarray(halves["train"]["row"][:]), np.asarray(halves["test"]["row"][:])


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
