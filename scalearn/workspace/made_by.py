"""Reads the note in which earlier versions recorded which campaign file made which output.

This version records starts instead (scalearn.workspace.started), and the path of an output identifies it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalearn.storage.notes import read_note
from scalearn.workspace.started import started_files

NOTE = Path("scalearn") / "made_by.json"  # in Snakemake's folder
LOST = "it is not known what earlier versions made here"


def campaign_files(folder: Path) -> list[str]:
    """Return the campaign files that were started in a work directory, and its config.yaml; only those that exist."""
    earlier = (str(file) for files in _note(folder).get("files", []) for file in files)
    files = dict.fromkeys(["config.yaml", *started_files(folder), *earlier])
    return [file for file in files if (folder / file).is_file()]


def noted_values(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the config values behind each run, task and encoder of earlier versions, by the path of its record."""
    note = _note(folder)
    try:
        return {record: note["values"][value] for record, (_, value) in note.get("made", {}).items()}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return {}


def _note(folder: Path) -> dict[str, Any]:
    return read_note(folder / ".snakemake" / NOTE, LOST)
