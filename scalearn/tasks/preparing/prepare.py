"""Preparing a task: a first pass over train surveys labels and groups, a second pass writes all splits in batches.

Memory holds a few batches and some bytes per row of train (its label, group and split), never the texts of a split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scalearn.errors import UserError, shown
from scalearn.storage.files import temporary_folder
from scalearn.tasks import store
from scalearn.tasks.card import CARD, is_card, write_card
from scalearn.tasks.definition import HubSource, RuleSource, Task, positive_class
from scalearn.tasks.preparing.class_labels import with_class_names
from scalearn.tasks.preparing.columns import check_definition, grouped, on_disk, source_columns
from scalearn.tasks.preparing.cuts import Places, place
from scalearn.tasks.preparing.groups import Groups
from scalearn.tasks.preparing.progress import reported
from scalearn.tasks.preparing.survey import Survey, survey_train
from scalearn.tasks.protocol import is_built_in
from scalearn.tasks.reading.rows import ROWS, Rows, rebatch
from scalearn.tasks.reading.sources import Splits, read_splits


def prepare(name: str, task: Task, output: Path, mirror: Path | None = None) -> store.TaskInfo:
    """Write the task's splits, task.json and card to the folder `output`; return the content of task.json.

    Args:
        mirror: a local folder in the hub's layout, which replaces the hub.

    Raises: UserError if the definition or a row of the source is invalid. `output` then stays unchanged.
    """
    store.check_output(output)
    plan = _plan(name, task, mirror)
    with temporary_folder(output) as temporary:
        info = store.write(
            temporary,
            name,
            task,
            plan.content(),
            labels=plan.survey.space.names if plan.survey.space else None,
            choices=plan.survey.choices,
            grouped=grouped(task),
            parts=[part for part, _ in plan.sources("test")],
            notes=plan.notes,  # the list grows while rows are written
            built_in=is_built_in(name, task),
        )
        write_card(temporary, info)
        _move(temporary, output)
    print(f"prepared {name}: " + ", ".join(f"{size:,} {split}" for split, size in info.sizes.items()))
    for note in info.notes:
        print(f"  note: {note}")
    return info


def check_source_rows(name: str, task: Task, mirror: Path | None = None) -> None:
    """Check all rows of a task as `prepare` does, without writing. Sources that need the hub, `datasets` or a rule are
    skipped.

    Raises: UserError if `prepare` would refuse the task.
    """
    source = task.source
    if isinstance(source, RuleSource) or (isinstance(source, HubSource) and (mirror is None or source.by_name)):
        return
    for batches in _plan(name, task, mirror).content().values():
        for _ in batches:
            pass


@dataclass(frozen=True)
class _Plan:
    """A task after the first pass over train.

    places: [rows], the split of each row of train.
    """

    name: str
    task: Task
    splits: Splits
    survey: Survey
    places: Places
    notes: list[str]

    def content(self) -> dict[str, Iterator[pa.RecordBatch]]:
        """Return the on-disk batches of each split."""
        return {split: rebatch(self._batches(split)) for split in store.SPLITS}

    def sources(self, split: str) -> list[tuple[str, Rows]]:
        """Return (part, rows) pairs of a split. A split that is cut from train has the rows of train."""
        if split == "test":
            return list({"": self.splits.train, **self.splits.test}.items())
        validation = self.splits.validation if split == "validation" else None
        return [("", validation or self.splits.train)]

    def _batches(self, split: str) -> Iterator[pa.RecordBatch]:
        columns, split_index = source_columns(self.task), store.SPLITS.index(split)
        groups, rows = Groups(), 0
        # Each row of a candidates task becomes a dozen rows with a long text, so that batches must be smaller.
        size = ROWS // 16 if self.task.kind == "candidates" else ROWS
        for part, source in self.sources(split):
            for batch in reported(source.batches(columns, size), f"{self.name}: {split}"):
                kept = batch.keep(self.places[batch.numbers] == split_index) if source is self.splits.train else batch
                if len(kept):
                    prepared = on_disk(self.task, self.survey, kept, groups, part if split == "test" else None)
                    yield prepared
                    rows += prepared.num_rows
        if groups.empty:
            self.notes.append(f"{split}: {groups.empty:,} questions have no candidate and are left out")
        if not rows:
            raise UserError(f"task '{self.name}': no question of {split} has a candidate; mend the source")


def _plan(name: str, task: Task, mirror: Path | None) -> _Plan:
    check_definition(name, task)
    splits = read_splits(name, task, mirror)
    columns, unquoted = source_columns(task), []
    for rows in (splits.train, splits.validation, *splits.test.values()):
        if rows is not None:
            first = next(rows.batches(columns))  # reports a missing file or column now, not after minutes
            for text in task.texts:
                first.texts(text)
            unquoted += [Path(rows.origin).name] if rows.removes_marks(columns) else []
    defined = task
    task, splits = with_class_names(task, splits)
    cuts = [] if "" in splits.test else ["test"]
    cuts += ["validation"] if splits.validation is None else []
    survey = survey_train(task, splits.train, grouped=bool(cuts))
    try:
        positive_class(task.positive, survey.space.names if survey.space else None)
    except ValueError as error:
        raise UserError(f"task '{name}': {error}") from None
    places, notes = place(task, splits.train.origin, survey, cuts)
    notes = [*splits.notes, *_quoting_note(unquoted), *_inferred(defined, survey, task.labels), *notes]
    return _Plan(name, task, splits, survey, places, notes)


def _quoting_note(files: list[str]) -> Iterator[str]:
    if files:
        names = ", ".join(dict.fromkeys(files))
        yield f"quoting: standard in {names}: marks around values are removed; `quoting: none` would keep them"


def _inferred(task: Task, survey: Survey, class_names: tuple[str, ...] | None) -> Iterator[str]:
    """Yield a note on each choice that the definition leaves to the rows or to a default.

    class_names: the label set if the source's features or the definition name it.
    """
    names = survey.space.names if survey.space else ()
    if names and task.labels is None:
        where = f"the ClassLabel names of '{task.label}'" if class_names else "found in train"
        yield f"labels: {where}, {len(names)}: {shown(names)}"
    yield from survey.notes
    if survey.by_text:
        yield f"labels: '{task.label}' holds the texts of the right choices"
    if "f1" in task.metrics and task.labels is None and task.positive is None and len(names) == 2:
        yield f"f1: of '{names[1]}', the second label; set `positive` to use the other"
    if not task.metrics:
        yield f"metrics: {task.all_metrics[0]}, the default of kind '{task.kind}', unless the campaign names others"


def _move(temporary: Path, output: Path) -> None:
    output.mkdir(exist_ok=True)
    own = (output / CARD).exists() and not is_card(output / CARD)  # a README.md of the user's stays
    records = ["task.json"] if own else [CARD, "task.json"]
    for file in reversed(records):  # so that a folder with them never mixes old and new files
        (output / file).unlink(missing_ok=True)
    for file in (*(f"{split}.parquet" for split in store.SPLITS), *records):
        (temporary / file).replace(output / file)
