"""Records the campaigns that were started in a work directory: their campaign files and `--config` overrides.

The record has one entry for each pair of files and overrides. It does not hold the files' content: the campaign is read
from its files as they are now.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalearn.campaign.campaign_file import read_campaign_file
from scalearn.campaign.plan import Campaign
from scalearn.errors import UserError
from scalearn.storage.notes import read_note, write_note

NOTE = Path("scalearn") / "started.json"  # in Snakemake's folder
LOST = "`scalearn prune` does not know which campaign files were started here"
PLAIN = "config.yaml"  # counts as started if it exists


@dataclass(frozen=True)
class Started:
    """A campaign that was started.

    files: its campaign files, relative to the work directory.
    overrides: the values of `--config`, as JSON.
    when: time of the last start.
    """

    files: tuple[str, ...]
    overrides: str = "{}"
    when: str = ""

    def __str__(self) -> str:
        name = ", ".join(self.files)
        return name if self.overrides == "{}" else f"{name} with --config {self.overrides}"

    def read(self, folder: Path = Path()) -> Campaign:
        """Return the campaign as its files define it now, with its overrides.

        Raises: UserError if a file cannot be read, or a key or a value in it is wrong.
        """
        content: dict[str, Any] = {}
        for file in self.files:
            content = _updated(content, read_campaign_file(folder / file))
        return Campaign.parse(_updated(content, json.loads(self.overrides)), str(self))


def campaign_names(files: Sequence[str]) -> tuple[str, ...]:
    """Return the paths of campaign files relative to the current folder; links are resolved, so that a file has one."""
    return tuple(os.path.relpath(os.path.realpath(file)) for file in files)


def note_start(folder: Path, files: Sequence[str], overrides: Mapping[str, Any]) -> None:
    """Record that a campaign starts now.

    folder: Snakemake's, `.snakemake`.
    files: its campaign files.
    overrides: the values of `--config`.
    """
    current = Started(campaign_names(files), _text(overrides), time.strftime("%Y-%m-%dT%H:%M:%S%z"))
    _write(folder, [*(start for start in _noted(folder) if not _same(start, current)), current])


def campaigns(folder: Path) -> list[Started]:
    """Return the campaigns that were started in a work directory, and the one of its config.yaml if it exists.

    Raises: UserError if the record is damaged.
    """
    starts = _noted(folder / ".snakemake", strict=True)
    if (folder / PLAIN).is_file() and not any(_same(start, Started((PLAIN,))) for start in starts):
        starts.append(Started((PLAIN,)))
    return starts


def started_files(folder: Path) -> list[str]:
    """Return the campaign files that were started in a work directory; none if the record is damaged."""
    return list(dict.fromkeys(file for start in _noted(folder / ".snakemake") for file in start.files))


def forget(folder: Path, file: str) -> int:
    """Remove the starts of a campaign file from the record of a work directory, and return their number.

    If the files of a start are still readable, the start stays in the record, without overrides.
    Raises: UserError if no start of the file is recorded, or if the record is damaged.
    """
    starts = _noted(folder / ".snakemake", strict=True)
    forgotten = [start for start in starts if file in start.files]
    if not forgotten:
        names = ", ".join(dict.fromkeys(name for start in starts for name in start.files)) or "none"
        raise UserError(f"--forget {file}: no start of this file is noted; the noted campaign files are {names}")
    plain = {Started(start.files): None for start in forgotten if _readable(Started(start.files), folder)}
    _write(folder / ".snakemake", [*(start for start in starts if start not in forgotten), *plain])
    return len(forgotten)


def _readable(started: Started, folder: Path) -> bool:
    try:
        started.read(folder)
    except UserError:
        return False
    return True


def _same(one: Started, other: Started) -> bool:
    return (one.files, one.overrides) == (other.files, other.overrides)


def _text(overrides: Mapping[str, Any]) -> str:
    return json.dumps(overrides, sort_keys=True, default=str)


def _updated(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `content` with `changes` merged in, as Snakemake merges campaign files and `--config`."""
    merged = dict(content)
    for key, value in changes.items():
        if isinstance(value, Mapping):
            before = merged.get(key, {})
            merged[key] = _updated(before if isinstance(before, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def _noted(folder: Path, strict: bool = False) -> list[Started]:
    path = folder / NOTE
    content = read_note(path, LOST)
    try:
        return list(_entries(content["starts"]))
    except (KeyError, TypeError, AttributeError):
        if strict and path.exists():
            raise UserError(
                f"{path}: not readable; remove it and start each campaign file of this folder once, then prune"
            ) from None
    return []


def _entries(starts: Sequence[Mapping[str, Any]]) -> Iterator[Started]:
    for start in starts:
        yield Started(tuple(map(str, start["files"])), _text(dict(start["overrides"])), str(start["when"]))


def _write(folder: Path, starts: Sequence[Started]) -> None:
    entries = [
        {"files": list(start.files), "overrides": json.loads(start.overrides), "when": start.when} for start in starts
    ]
    write_note(folder / NOTE, {"starts": entries})
