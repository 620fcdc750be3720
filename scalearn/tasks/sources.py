"""The rows of a task as its source has them: the hub, a mirror of it, files of the user's, or generated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scalearn.errors import UserError
from scalearn.tasks.definition import FilesSource, HubSource, RuleSource, Task
from scalearn.tasks.generated import generate
from scalearn.tasks.mirror import mirror_files, pattern, required, split_files
from scalearn.tasks.readers import read_table


@dataclass(frozen=True)
class Rows:
    """The text and label columns of a split, under their own names, and where they came from (for messages)."""

    origin: str
    table: pa.Table


@dataclass(frozen=True)
class Splits:
    """The splits of a source. `test` maps a part to its rows: "" are the main ones."""

    train: Rows
    validation: Rows | None
    test: dict[str, Rows]
    notes: tuple[str, ...] = ()


def read_splits(name: str, task: Task, mirror: Path | None) -> Splits:
    """Return the rows of a task's source; a UserError names what is missing and where."""
    source, columns = task.source, (*task.texts, task.label)
    if isinstance(source, HubSource):
        files = mirror_files(mirror, name, source) if mirror else _hub_files(name, source)
        return _from_hub_layout(name, source, files, columns, "the mirror" if mirror else "the hub")
    if isinstance(source, FilesSource):
        found = {
            split: _join([Path(path)], columns)
            for split in ("train", "validation", "test")
            if (path := getattr(source, split)) is not None
        }
        return Splits(found["train"], found.get("validation"), {"": found["test"]})
    if isinstance(source, RuleSource):
        raise UserError(f"task '{name}': its source is a rule of your own; run that rule, not prepare-task")
    made = generate(name)
    train, validation, test = (
        Rows(f"task '{name}', {split}", pa.Table.from_pylist(made[split])) for split in ("train", "validation", "test")
    )
    return Splits(train, validation, {"": test})


def _from_hub_layout(
    name: str, source: HubSource, files: dict[str, list[Path]], columns: Sequence[str], place: str
) -> Splits:
    found = {split: _join(paths, columns) for split, paths in files.items()}
    test, notes = {"": found[source.test or ""]}, []
    for part, split in source.parts.items():
        if split in found:
            test[part] = found[split]
        else:
            notes.append(f"{split} (part '{part}') is left out: {place} has no {source.config}/{split}-*.parquet")
    return Splits(found[source.train], found[source.validation] if source.validation else None, test, tuple(notes))


def _join(paths: Sequence[Path], columns: Sequence[str]) -> Rows:
    """Return the rows of a split's files one after another; every shard must be there."""
    shards = re.search(r"-of-(\d+)\.parquet$", paths[0].name)
    if shards and int(shards[1]) != len(paths):
        raise UserError(f"{paths[0]}: {len(paths)} of {int(shards[1])} files of this split are there; add the others")
    origin = str(paths[0]) if len(paths) == 1 else re.sub(r"-\d+-of-\d+\.parquet$", "-*.parquet", str(paths[0]))
    tables = [read_table(path, columns) for path in paths]
    return Rows(origin, pa.concat_tables(tables, promote_options="permissive"))


def _hub_files(name: str, source: HubSource) -> dict[str, list[Path]]:
    """Fetch the parquet files of each split at the pinned revision; no script of the repository is ever run."""
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
