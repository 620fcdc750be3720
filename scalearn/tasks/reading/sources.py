"""The splits of a task's source: the hub, a mirror of it, local files, or generated rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.tasks.definition import DiskSource, FilesSource, HubSource, Quoting, RuleSource, Task
from scalearn.tasks.generated import generate
from scalearn.tasks.reading.disk import disk_files, saved_splits
from scalearn.tasks.reading.mirror import SHARD, check_shards, mirror_files, required_splits, split_files, split_pattern
from scalearn.tasks.reading.readers import file_class_names, read_batches, removes_marks
from scalearn.tasks.reading.rows import Rows


@dataclass(frozen=True)
class Splits:
    """The splits of a source.

    validation: None if it is cut from train.
    test: part -> its rows. The main rows are part ""; it is absent if they are cut from train.
    notes: what the source lacks.
    """

    train: Rows
    validation: Rows | None = None
    test: dict[str, Rows] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_splits(name: str, task: Task, mirror: Path | None) -> Splits:
    """Return the splits of a task's source, without reading their rows. Hub files are downloaded first.

    Args:
        mirror: a local folder in the hub's layout, which replaces the hub.

    Raises: UserError if a file is missing, the hub cannot be reached, or a rule makes the task.
    """
    source = task.source
    if isinstance(source, HubSource) and source.by_name:
        from scalearn.tasks.reading.hub_datasets import hub_rows

        return _splits(*hub_rows(name, source, mirror))
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
    if isinstance(source, DiskSource):
        return _from_disk(source)
    if isinstance(source, RuleSource):
        raise UserError(f"task '{name}': a rule of your own makes this task; run that rule instead of prepare-task")
    splits = {split: _generated(name, split, pa.Table.from_pylist(rows)) for split, rows in generate(name).items()}
    return Splits(splits["train"], splits["validation"], {"": splits["test"]})


def _from_hub_layout(source: HubSource, files: dict[str, list[Path]], place: str) -> Splits:
    rows = {split: _rows(paths, source.quoting) for split, paths in files.items()}
    test = {"": rows[source.test]} if source.test else {}
    notes = []
    for part, split in source.parts.items():
        if split in rows:
            test[part] = rows[split]
        else:
            notes.append(f"{split} (part '{part}') is left out: {place} has no {split_pattern(source, split)}")
    return Splits(rows[source.train], rows[source.validation] if source.validation else None, test, tuple(notes))


def _from_disk(source: DiskSource) -> Splits:
    splits = {use: _rows(paths, None) for use, paths in disk_files(source).items()}
    unused = [split for split in saved_splits(source) if split not in source.splits.named().values()]
    return _splits(splits, [f"splits that the task does not read: {', '.join(unused)}"] if unused else [])


def _splits(rows: dict[str, Rows], notes: Sequence[str]) -> Splits:
    test = {"": rows["test"]} if "test" in rows else {}
    return Splits(rows["train"], rows.get("validation"), test, tuple(notes))


def _rows(paths: Sequence[Path], quoting: Quoting | None) -> Rows:
    """Return the rows of a split whose files are read one after another.

    Raises: UserError if file names such as a-00000-of-00002 tell that a file is missing.
    """
    check_shards(paths)
    origin = str(paths[0])
    if len(paths) > 1:
        more = f"{origin} and {len(paths) - 1} more"
        origin = SHARD.sub(r"-*\2", origin) if SHARD.search(origin) else more

    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        for path in paths:
            yield from read_batches(path, columns, quoting)

    def any_removes_marks(columns: Sequence[str]) -> bool:
        return any(removes_marks(path, columns, quoting) for path in paths)

    def shared_class_names(column: str) -> tuple[str, ...] | None:
        names = {file_class_names(path, column) for path in paths}
        if len(names) > 1:
            raise UserError(
                f"{origin}: the files have different ClassLabel names for '{column}'; write them with the same features"
            )
        return names.pop()

    return Rows(origin, read, any_removes_marks, shared_class_names)


def _generated(name: str, split: str, table: pa.Table) -> Rows:
    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        yield from table.select(columns).to_batches()

    return Rows(f"task '{name}', {split}", read)


def _hub_files(name: str, source: HubSource) -> dict[str, list[Path]]:
    """Download the files of each split at the pinned revision. Scripts in the repository are never run."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    where = f"task '{name}': {source.repository} at {source.revision[:12]}"
    try:
        folder = snapshot_download(
            source.repository,
            repo_type="dataset",
            revision=source.revision,
            allow_patterns=[
                split_pattern(source, split) for split in [*required_splits(source), *source.parts.values()]
            ],
        )
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise UserError(f"{where}: the hub has no such repository or revision; mend the task's `source`") from None
    except (OSError, ValueError) as error:  # requests raises OSErrors, the hub's client raises both
        raise UserError(
            f"{where}: the hub cannot be reached ({type(error).__name__}); run this on a login node, "
            "or set `mirror` to a folder in the hub's layout"
        ) from None
    files = split_files(Path(folder), source)
    for split in required_splits(source):
        if split not in files:
            raise UserError(
                f"{where}: no {split_pattern(source, split)}; mend `source`, "
                "or run this on a machine that can reach the hub"
            )
    return files
