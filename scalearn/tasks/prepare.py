"""From a task's definition to its files: read the source, map the columns, cut a validation split, write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError
from scalearn.tasks import store
from scalearn.tasks.columns import label_space, map_columns
from scalearn.tasks.definition import HubSource, RuleSource, Task
from scalearn.tasks.sources import read_splits

CUT, CUT_SEED = 0.1, 42  # the paper's: a tenth of train, the same rows for every run seed


@dataclass(frozen=True)
class _Mapped:
    """A task's rows in the columns of the on-disk format, before the cut."""

    train: pa.Table
    validation: pa.Table | None
    test: pa.Table
    labels: tuple[str, ...] | None
    parts: tuple[str, ...]
    notes: tuple[str, ...]


def prepare(name: str, task: Task, output: Path, mirror: Path | None = None) -> store.TaskInfo:
    """Write the task's splits and task.json below `output`; return what task.json says.

    Rows come from the task's source; `mirror` is a folder in the hub's layout that stands for the hub.
    """
    mapped = _read(name, task, mirror)
    train, validation, notes = mapped.train, mapped.validation, mapped.notes
    if validation is None:
        train, validation, found = cut(train, stratified=task.kind == "classification")
        notes += found
    content = {"train": train.to_batches(), "validation": validation.to_batches(), "test": mapped.test.to_batches()}
    info = store.write(output, name, task, content, labels=mapped.labels, parts=mapped.parts, notes=notes)
    print(f"prepared {name}: " + ", ".join(f"{size:,} {split}" for split, size in info.sizes.items()))
    for note in info.notes:
        print(f"  note: {note}")
    return info


def check(name: str, task: Task, mirror: Path | None = None) -> None:
    """Refuse what `prepare` would refuse, without writing; rows that only the hub or a rule has are let through."""
    if isinstance(task.source, RuleSource) or (isinstance(task.source, HubSource) and mirror is None):
        return
    _read(name, task, mirror)


def cut(train: pa.Table, stratified: bool) -> tuple[pa.Table, pa.Table, tuple[str, ...]]:
    """Return train without a tenth of its rows, that tenth, and a note if it could not be stratified.

    The reference's own call, so that the rows and their order are the paper's.
    """
    from datasets import ClassLabel, Dataset, Features, Value

    columns, features = {"row": np.arange(train.num_rows)}, {"row": Value("int64")}
    notes: tuple[str, ...] = ()
    if stratified:
        counts = pc.value_counts(train["label"]).field("counts").to_numpy()
        classes, held_out = len(counts), int(np.ceil(CUT * train.num_rows))
        if counts.min() < 2 or held_out < classes or train.num_rows - held_out < classes:
            notes = ("validation is cut from train without regard to labels: some label has too few rows",)
        else:
            columns["label"] = train["label"].to_numpy()
            features["label"] = ClassLabel(num_classes=int(columns["label"].max()) + 1)
    halves = Dataset.from_dict(columns, features=Features(features)).train_test_split(
        test_size=CUT,
        shuffle=True,
        seed=CUT_SEED,
        stratify_by_column="label" if "label" in columns else None,
        keep_in_memory=True,
    )
    return train.take(halves["train"]["row"][:]), train.take(halves["test"]["row"][:]), notes


def _read(name: str, task: Task, mirror: Path | None) -> _Mapped:
    splits = read_splits(name, task, mirror)
    space = label_space(task, splits.train)
    train = map_columns(task, splits.train, space)
    if space is not None and len(pc.unique(train["label"])) < 2:
        only = space.names[train["label"][0].as_py()]
        raise UserError(f"{splits.train.origin}: every row has the label '{only}'; add rows of another class")
    if train.num_rows < 2:
        raise UserError(f"{splits.train.origin}: one row only; a training split needs more")
    test = []
    for part, rows in splits.test.items():
        mapped = map_columns(task, rows, space)
        test.append(mapped.append_column("part", pa.array([part] * mapped.num_rows, pa.string())))
    return _Mapped(
        train=train,
        validation=map_columns(task, splits.validation, space) if splits.validation else None,
        test=pa.concat_tables(test),
        labels=space.names if space else None,
        parts=tuple(splits.test),
        notes=splits.notes,
    )
