"""From a task's definition to its files: look through train once, then map, cut and write, batch by batch.

Memory holds a few batches and some bytes per row of train (its label, its group, its place), never its texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scalearn.errors import UserError, shown
from scalearn.storage.files import temporary_folder
from scalearn.tasks import store
from scalearn.tasks.definition import HubSource, RuleSource, Task, positive_class
from scalearn.tasks.preparing.columns import check_definition, grouped, on_disk, source_columns
from scalearn.tasks.preparing.cuts import Places, place
from scalearn.tasks.preparing.groups import Groups
from scalearn.tasks.preparing.progress import reported
from scalearn.tasks.preparing.survey import Survey, survey
from scalearn.tasks.protocol import is_built_in
from scalearn.tasks.reading.rows import ROWS, Rows, rebatch
from scalearn.tasks.reading.sources import Splits, read_splits


def prepare(name: str, task: Task, output: Path, mirror: Path | None = None) -> store.TaskInfo:
    """Write the task's splits and task.json below `output`; return what task.json says.

    Rows come from the task's source; `mirror` is a folder in the hub's layout that stands for the hub. A source that
    is refused leaves `output` as it was.
    """
    store.check_output(output)
    plan = _plan(name, task, mirror)
    with temporary_folder(output) as temporary:
        info = store.write(
            temporary,
            name,
            task,
            plan.content(),
            labels=plan.found.space.names if plan.found.space else None,
            choices=plan.found.choices,
            grouped=grouped(task),
            parts=[part for part, _ in plan.sources("test")],
            notes=plan.notes,  # they grow while rows are written
            built_in=is_built_in(name, task),
        )
        _move(temporary, output)
    print(f"prepared {name}: " + ", ".join(f"{size:,} {split}" for split, size in info.sizes.items()))
    for note in info.notes:
        print(f"  note: {note}")
    return info


def check(name: str, task: Task, mirror: Path | None = None) -> None:
    """Refuse what `prepare` would refuse, without writing; rows that only the hub or a rule has are let through."""
    if isinstance(task.source, RuleSource) or (isinstance(task.source, HubSource) and mirror is None):
        return
    for batches in _plan(name, task, mirror).content().values():
        for _ in batches:
            pass


@dataclass(frozen=True)
class _Plan:
    """A task whose train split has been looked through: `places` says where each of its rows goes."""

    name: str
    task: Task
    splits: Splits
    found: Survey
    places: Places
    notes: list[str]

    def content(self) -> dict[str, Iterator[pa.RecordBatch]]:
        """Return the on-disk batches of each split."""
        return {split: rebatch(self._batches(split)) for split in store.SPLITS}

    def sources(self, split: str) -> list[tuple[str, Rows]]:
        """Return the rows of a split by part; they are those of train where the split is cut from it."""
        if split == "test":
            return list({"": self.splits.train, **self.splits.test}.items())
        own = self.splits.validation if split == "validation" else None
        return [("", own or self.splits.train)]

    def _batches(self, split: str) -> Iterator[pa.RecordBatch]:
        columns, here = source_columns(self.task), store.SPLITS.index(split)
        groups, rows = Groups(), 0
        # Where each row turns into a dozen with a long text, take fewer.
        size = ROWS // 16 if self.task.kind == "candidates" else ROWS
        for part, source in self.sources(split):
            for batch in reported(source.batches(columns, size), f"{self.name}: {split}"):
                kept = batch.keep(self.places[batch.numbers] == here) if source is self.splits.train else batch
                if len(kept):
                    yield (made := on_disk(self.task, self.found, kept, groups, part if split == "test" else None))
                    rows += made.num_rows
        if groups.empty:
            self.notes.append(f"{split}: {groups.empty:,} questions have no candidate and give no row")
        if not rows:
            raise UserError(f"task '{self.name}': no question of {split} has a candidate; mend the source")


def _plan(name: str, task: Task, mirror: Path | None) -> _Plan:
    check_definition(name, task)
    splits = read_splits(name, task, mirror)
    columns, read = source_columns(task), []
    for rows in (splits.train, splits.validation, *splits.test.values()):
        if rows is not None:
            first = next(rows.batches(columns))  # a missing file or column is not to be told after minutes
            for text in task.texts:
                first.texts(text)
            read += [Path(rows.origin).name] if rows.marks_off(columns) else []
    cuts = [] if "" in splits.test else ["test"]
    cuts += ["validation"] if splits.validation is None else []
    found = survey(task, splits.train, grouped=bool(cuts))
    try:
        positive_class(task.positive, found.space.names if found.space else None)
    except ValueError as error:
        raise UserError(f"task '{name}': {error}") from None
    places, notes = place(task, splits.train.origin, found, cuts)
    return _Plan(name, task, splits, found, places, [*splits.notes, *_quotation(read), *_inferred(task, found), *notes])


def _quotation(files: list[str]) -> Iterator[str]:
    if files:
        names = ", ".join(dict.fromkeys(files))
        yield f"quoting: standard in {names}, marks around values are no part of them; `quoting: none` would keep them"


def _inferred(task: Task, found: Survey) -> Iterator[str]:
    """Yield what the definition leaves open and the rows or the defaults decide."""
    names = found.space.names if found.space else ()
    if names and task.labels is None:
        yield f"labels: found in train, {len(names)}: {shown(names)}"
    yield from found.notes
    if found.by_text:
        yield f"labels: '{task.label}' holds the texts of the right choices"
    if "f1" in task.metrics and task.labels is None and task.positive is None and len(names) == 2:
        yield f"f1: of '{names[1]}', the second label; `positive` names another"
    if not task.metrics:
        yield f"metrics: {task.all_metrics[0]}, the default of kind '{task.kind}', unless the campaign names others"


def _move(made: Path, output: Path) -> None:
    output.mkdir(exist_ok=True)
    (output / "task.json").unlink(missing_ok=True)  # a folder with task.json is never half new, half old
    for file in (*(f"{split}.parquet" for split in store.SPLITS), "task.json"):
        (made / file).replace(output / file)
