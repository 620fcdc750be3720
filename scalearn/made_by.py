"""Which campaign file made what, so that another campaign in the same folder does not train over its runs.

Until a path says all that lies there, two campaign files may ask for different runs, tasks or encoders at one path. A
note says whose each is, and with which values it was asked for. It is no part of a run: runs are the same without it.
One file holds it for all campaigns, so that a start reads one file and replaces it at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from scalearn.notes import read_note

NOTE = Path("scalearn") / "made_by.json"  # in Snakemake's folder
LOST = "runs of another campaign file in this folder may be trained over"
SHOWN = 200  # characters of values in a refusal

Files = tuple[str, ...]  # of a campaign; more than one if the command line names more
Values = dict[str, Any]
Makers = dict[str, tuple[Files, Values]]  # whose the run, task or encoder is that this record belongs to


def campaign_files(folder: Path) -> list[str]:
    """Return the campaign files that have run in a work directory and are still there, and its config.yaml."""
    makers = _read(folder / ".snakemake" / NOTE).values()
    files = dict.fromkeys(["config.yaml", *(file for maker, _ in makers for file in maker)])
    return [file for file in files if (folder / file).is_file()]


def _read(path: Path) -> Makers:
    content = read_note(path, LOST)
    try:
        files, values = [tuple(names) for names in content.get("files", [])], content.get("values", [])
        return {record: (files[file], values[value]) for record, (file, value) in content.get("made", {}).items()}
    except (AttributeError, IndexError, TypeError, ValueError):
        print(f"warning: {path}: not as it was written; {LOST}", file=sys.stderr, flush=True)
        return {}
