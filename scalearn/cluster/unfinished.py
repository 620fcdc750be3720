"""Outputs that were to be made again, and were not: Snakemake would take them for new at its next start.

When a job fails Snakemake puts back the runs of before (or, with `keep-incomplete`, leaves everything where it is) and
notes the new parameters and inputs beside them all the same. So what is due is written down before the first job
starts, as it is then; what is still like that at the next start has not been made, and is marked as incomplete.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path

from scalearn.storage.files import sha256
from scalearn.storage.notes import read_note, write_note

NOTE = Path("scalearn") / "due.json"  # in Snakemake's folder: path -> what tells its content of now from another
RUN = "run.json"  # put back, it is a new file with the old content
LOST = "a change whose trainings failed may be forgotten; `scalearn verify` names runs that are not as the config asks"
PIECE = 254  # characters of a mark's name; Snakemake cuts what is longer into folders

_mine: set[str] = set()  # what this process makes


def note_due(folder: Path, outputs: Iterable[str]) -> None:
    """Write down those of the outputs of all jobs to come that exist, beside what was due already and still is."""
    known = _still_due(folder)
    _mine.update(map(str, outputs))
    known.update({path: _state(path) for path in _mine if Path(path).is_file()})
    write_note(folder / NOTE, known)


def keep_due(folder: Path, outputs: Iterable[str]) -> None:
    """Write down outputs that were made of what there was, while some of what they need was missing.

    Snakemake would take them for up to date, and never try again what is missing.
    """
    made = {path: _state(path) for path in map(str, outputs) if Path(path).is_file()}
    write_note(folder / NOTE, {**_still_due(folder), **made})


def settle_due(folder: Path, left: Iterable[str] = ()) -> None:
    """Forget what this process was to make but for what is left: its job has succeeded, even if it changed nothing."""
    settled = _mine.difference(map(str, left))
    write_note(folder / NOTE, {path: state for path, state in _still_due(folder).items() if path not in settled})


def mark_due(folder: Path) -> None:
    """Mark what is still due as incomplete, as Snakemake does itself, so that it is made."""
    for path in _still_due(folder):
        code = urlsafe_b64encode(path.encode()).decode()
        pieces = [code[start : start + PIECE] for start in range(0, len(code), PIECE)]
        mark = folder.joinpath("incomplete", *(f"@{piece}" for piece in pieces[:-1]), pieces[-1])
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text("{}")


def due_runs(folder: Path) -> set[Path]:
    """Return the folders of runs that are still due.

    Their scores are those of the campaign before a change; a table of what there is must not show them as today's.
    """
    return {Path(path).parent for path in _still_due(folder) if Path(path).name == RUN}


def _state(path: str) -> str:
    return sha256(Path(path)) if Path(path).name == RUN else str(Path(path).stat().st_mtime_ns)


def _still_due(folder: Path) -> dict[str, str]:
    """Return what was due and has not changed since."""
    known = read_note(folder / NOTE, LOST)
    return {path: state for path, state in known.items() if Path(path).is_file() and _state(path) == state}
