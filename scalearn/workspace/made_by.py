"""Which campaign file made what, as earlier versions noted it; paths say it now, and starts are noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalearn.storage.notes import read_note
from scalearn.workspace.started import started_files

NOTE = Path("scalearn") / "made_by.json"  # in Snakemake's folder
LOST = "what earlier versions made here is not known"


def campaign_files(folder: Path) -> list[str]:
    """Return the campaign files that have run in a work directory and are still there, and its config.yaml."""
    earlier = (str(file) for files in _note(folder).get("files", []) for file in files)
    files = dict.fromkeys(["config.yaml", *started_files(folder), *earlier])
    return [file for file in files if (folder / file).is_file()]


def values_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return with which values each run, task and encoder was asked for, by the path of its record."""
    note = _note(folder)
    try:
        return {record: note["values"][value] for record, (_, value) in note.get("made", {}).items()}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return {}


def _note(folder: Path) -> dict[str, Any]:
    return read_note(folder / ".snakemake" / NOTE, LOST)
