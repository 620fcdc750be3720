"""The rows of a task as its source has them: the hub, a mirror of it, files of the user's, or generated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.tasks.definition import FilesSource, HubSource, Quoting, RuleSource, Task
from scalearn.tasks.generated import generate
from scalearn.tasks.reading.mirror import mirror_files, pattern, required, split_files
from scalearn.tasks.reading.readers import read_batches, takes_marks_off
from scalearn.tasks.reading.rows import Rows

_SHARD = re.compile(r"-\d+-of-(\d+)(\.\w+)$")


@dataclass(frozen=True)
class Splits:
    """The splits of a source. `test` maps a part to its rows: "" are the main ones, absent if they are to be cut."""

    train: Rows
    validation: Rows | None = None
    test: dict[str, Rows] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_splits(name: str, task: Task, mirror: Path | None) -> Splits:
    """Return the rows of a task's source, still unread; a UserError names what is missing and where."""
    source = task.source
    if isinstance(source, HubSource):
        files = mirror_files(mirror, name, source) if mirror else _hub_files(name, source)
        return _from_hub_layout(source, files, "the mirror" if mirror else "the hub")
    if isinstance(source, FilesSource):

        def rows(path: str) -> Rows:
            return _rows([local_path(path)], source.quoting)

        return Splits(
            rows(source.train),
            None if source.validation is None else rows(source.validation),
            {} if source.test is None else {"": rows(source.test)},
        )
    if isinstance(source, RuleSource):
        raise UserError(f"task '{name}': its source is a rule of your own; run that rule, not prepare-task")
    made = {split: _generated(name, split, pa.Table.from_pylist(rows)) for split, rows in generate(name).items()}
    return Splits(made["train"], made["validation"], {"": made["test"]})


def _from_hub_layout(source: HubSource, files: dict[str, list[Path]], place: str) -> Splits:
    found = {split: _rows(paths, source.quoting) for split, paths in files.items()}
    test = {"": found[source.test]} if source.test else {}
    notes = []
    for part, split in source.parts.items():
        if split in found:
            test[part] = found[split]
        else:
            notes.append(f"{split} (part '{part}') is left out: {place} has no {pattern(source, split)}")
    return Splits(found[source.train], found[source.validation] if source.validation else None, test, tuple(notes))


def _rows(paths: Sequence[Path], quoting: Quoting | None) -> Rows:
    """Return the rows of a split's files one after another; every shard must be there."""
    origin, shards = str(paths[0]), _SHARD.search(paths[0].name)
    if shards and int(shards[1]) != len(paths):
        raise UserError(f"{paths[0]}: {len(paths)} of {int(shards[1])} files of this split are there; add the others")

    if len(paths) > 1:
        origin = _SHARD.sub(r"-*\2", origin) if shards else f"{origin} and {len(paths) - 1} more"

    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        for path in paths:
            yield from read_batches(path, columns, quoting)

    def marks_off(columns: Sequence[str]) -> bool:
        return any(takes_marks_off(path, columns, quoting) for path in paths)

    return Rows(origin, read, marks_off)


def _generated(name: str, split: str, table: pa.Table) -> Rows:
    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        yield from table.select(columns).to_batches()

    return Rows(f"task '{name}', {split}", read)


def _hub_files(name: str, source: HubSource) -> dict[str, list[Path]]:
    """Fetch the files of each split at the pinned revision; no script of the repository is ever run."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    where = f"task '{name}': {source.repository} at {source.revision[:12]}"
    try:
        folder = snapshot_download(
            source.repository,
            repo_type="dataset",
            revision=source.revision,
            allow_patterns=[pattern(source, split) for split in [*required(source), *source.parts.values()]],
        )
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise UserError(f"{where}: the hub has no such repository or revision; mend the task's `source`") from None
    except (OSError, ValueError) as error:  # requests' errors are OSErrors, the hub's are one or the other
        raise UserError(
            f"{where}: the hub cannot be reached ({type(error).__name__}); run this on a login node, "
            "or set `mirror` to a folder in the hub's layout"
        ) from None
    found = split_files(Path(folder), source)
    for split in required(source):
        if split not in found:
            raise UserError(
                f"{where}: no {pattern(source, split)}; mend `source`, or run this where the hub is in reach"
            )
    return found
