"""Finding the files of a dataset repository in a local folder: a mirror, or the hub client's cache."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from scalearn.errors import UserError
from scalearn.tasks.definition import HubSource

SHARD = re.compile(r"-\d+-of-(\d+)((?:\.\w+)+)$")


def mirror_files(mirror: Path, task: str, source: HubSource) -> dict[str, list[Path]]:
    """Return split -> its files in the mirror; "" -> all files of the repository if `datasets` loads it.

    A mirror is a folder in the hub's layout: <repository name>/<config>/<split>-00000-of-00001.parquet, or the path in
    the source's `files`.

    Args:
        task: the task's name, for messages.

    Raises: UserError if the files of train, validation or test are missing. Further test splits (`parts`) may be.
    """
    folder = mirror_folder(mirror, task, source)
    if source.by_name:  # `datasets` finds the files of a split
        return {"": sorted(path for path in folder.rglob("*") if path.is_file())}
    files = split_files(folder, source)
    for split in required_splits(source):
        if split not in files:
            raise UserError(
                f"mirror {mirror}: no {folder / split_pattern(source, split)} for task '{task}'; "
                "add it, or remove the task from the campaign"
            )
    return files


def mirror_folder(mirror: Path, task: str, source: HubSource) -> Path:
    """Return the folder of a repository in the mirror.

    Raises: UserError if it is missing.
    """
    folder = mirror / source.repository.split("/")[1]
    if not folder.is_dir():
        raise UserError(
            f"mirror {mirror}: no folder {folder} for task '{task}'; add it, or remove the task from the campaign"
        )
    return folder


def check_shards(files: Sequence[Path | str]) -> None:
    """Refuse files of a split whose names, such as a-00000-of-00002, tell that another is missing.

    Raises: UserError if one is missing.
    """
    present = Counter(SHARD.sub(r"-*-of-\1\2", str(file)) for file in files)
    for file in files:
        shard = SHARD.search(str(file))
        count = present[SHARD.sub(r"-*-of-\1\2", str(file))]
        if shard and int(shard[1]) != count:
            raise UserError(f"{file}: only {count} of the {int(shard[1])} files of this split exist; add the others")


def split_files(repository: Path, source: HubSource) -> dict[str, list[Path]]:
    """Return split -> its files, in order, for the splits that the repository's folder holds."""
    splits = dict.fromkeys([*required_splits(source), *source.parts.values()])
    files = {split: sorted(repository.glob(split_pattern(source, split))) for split in splits}
    return {split: paths for split, paths in files.items() if paths}


def required_splits(source: HubSource) -> list[str]:
    """Return the splits that the repository must have: those that are not cut from train."""
    return [split for split in (source.train, source.validation, source.test) if split is not None]


def split_pattern(source: HubSource, split: str) -> str:
    """Return the glob pattern of a split's files in the repository."""
    return source.files.replace("{config}", source.config).replace("{split}", split)
