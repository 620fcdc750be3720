"""Where the files of a dataset repository lie below a local folder: a mirror, or what the hub's client fetched."""

from __future__ import annotations

from pathlib import Path

from scalearn.errors import UserError
from scalearn.tasks.definition import HubSource


def mirror_files(mirror: Path, task: str, source: HubSource) -> dict[str, list[Path]]:
    """Return the files of each split that the mirror holds; those of parts may be missing, the others not.

    A mirror is a folder in the hub's layout: <repository name>/<config>/<split>-00000-of-00001.parquet, or what the
    source's `files` says instead.
    """
    folder = mirror / source.repository.split("/")[1]
    if not folder.is_dir():
        raise UserError(f"mirror {mirror}: no folder {folder} for task '{task}'; add it there or leave the task out")
    found = split_files(folder, source)
    for split in required(source):
        if split not in found:
            raise UserError(
                f"mirror {mirror}: no {folder / pattern(source, split)} for task '{task}'; add it or leave the task out"
            )
    return found


def split_files(repository: Path, source: HubSource) -> dict[str, list[Path]]:
    """Return the files, in order, of each split that the folder of a repository holds."""
    splits = dict.fromkeys([*required(source), *source.parts.values()])
    files = {split: sorted(repository.glob(pattern(source, split))) for split in splits}
    return {split: paths for split, paths in files.items() if paths}


def required(source: HubSource) -> list[str]:
    """Return the splits that must be there."""
    return [split for split in (source.train, source.validation, source.test) if split is not None]


def pattern(source: HubSource, split: str) -> str:
    """Return the glob of a split's files in the repository."""
    return source.files.replace("{config}", source.config).replace("{split}", split)
