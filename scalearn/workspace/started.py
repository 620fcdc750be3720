"""Which campaigns were started in a work directory: their campaign files and their `--config` overrides.

A note keeps one entry for each pair of files and overrides. What such a campaign asks for follows from its files as
they are when the note is read, so that an edited file counts as it stands.
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
PLAIN = "config.yaml"  # counts wherever it is there, started or not


@dataclass(frozen=True)
class Started:
    """One campaign that was started: its campaign files, relative to the folder, and its overrides as JSON."""

    files: tuple[str, ...]
    overrides: str = "{}"
    when: str = ""  # of the last start

    def __str__(self) -> str:
        name = ", ".join(self.files)
        return name if self.overrides == "{}" else f"{name} with --config {self.overrides}"

    def read(self, folder: Path = Path()) -> Campaign:
        """Return the campaign as its files are now, with its overrides; a UserError says why it cannot be read."""
        content: dict[str, Any] = {}
        for file in self.files:
            content = _updated(content, read_campaign_file(folder / file))
        return Campaign.parse(_updated(content, json.loads(self.overrides)), str(self))


def campaign_names(files: Sequence[str]) -> tuple[str, ...]:
    """Return campaign files relative to the current folder, links followed: one name for each file."""
    return tuple(os.path.relpath(os.path.realpath(file)) for file in files)


def note_start(folder: Path, files: Sequence[str], overrides: Mapping[str, Any]) -> None:
    """Write down, in Snakemake's `folder`, that a campaign of these files and overrides starts now."""
    mine = Started(campaign_names(files), _text(overrides), time.strftime("%Y-%m-%dT%H:%M:%S%z"))
    _write(folder, [*(known for known in _noted(folder) if not _same(known, mine)), mine])


def campaigns(folder: Path) -> list[Started]:
    """Return each campaign that was started in a work directory, with its config.yaml if that is there.

    Raises: UserError if the note is damaged.
    """
    found = _noted(folder / ".snakemake", strict=True)
    if (folder / PLAIN).is_file() and not any(_same(known, Started((PLAIN,))) for known in found):
        found.append(Started((PLAIN,)))
    return found


def started_files(folder: Path) -> list[str]:
    """Return every campaign file that was started in a work directory; a damaged note names none."""
    return list(dict.fromkeys(file for known in _noted(folder / ".snakemake") for file in known.files))


def forget(folder: Path, file: str) -> int:
    """Forget the starts of a campaign file in a work directory, and return how many there were.

    A campaign whose files are still there and readable stays, without overrides: only a removed file is given up.
    Raises: UserError if no start of the file is noted.
    """
    known = _noted(folder / ".snakemake", strict=True)
    gone = [entry for entry in known if file in entry.files]
    if not gone:
        names = ", ".join(dict.fromkeys(name for entry in known for name in entry.files)) or "none"
        raise UserError(f"--forget {file}: no start of this file is noted; the noted campaign files are {names}")
    plain = {Started(entry.files): None for entry in gone if _readable(Started(entry.files), folder)}
    _write(folder / ".snakemake", [*(entry for entry in known if entry not in gone), *plain])
    return len(gone)


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
