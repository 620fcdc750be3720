"""Keeps a list of outputs that Snakemake was about to rebuild.

Snakemake forgets these outputs when a run fails, and would treat the old files as up to date: it restores the files of
before (or, with `keep-incomplete`, leaves them in place) and still records the new parameters and inputs for them. The
list is therefore written before the first job starts, with the state of each file. A file that has the same state at
the next start was not rebuilt, and is marked as incomplete, so that Snakemake rebuilds it.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path

from scalearn.storage.files import sha256
from scalearn.storage.notes import read_note, write_note

NOTE = Path("scalearn") / "due.json"  # in Snakemake's folder: path -> state of the file before the rebuild
RUN = "run.json"  # Snakemake restores it as a new file with the old content
LOST = "a change whose trainings failed may be forgotten; `scalearn verify` names runs that are not as the config asks"
PIECE = 254  # characters of a mark's name; Snakemake splits a longer one into folders

_planned: set[str] = set()  # outputs that this process is about to build


def note_outdated(folder: Path, outputs: Iterable[str]) -> None:
    """Add the outputs that exist to the list of outdated outputs.

    folder: Snakemake's, `.snakemake`.
    outputs: the outputs of all jobs that are about to start.
    """
    states = _still_outdated(folder)
    _planned.update(map(str, outputs))
    states.update({path: _state(path) for path in _planned if Path(path).is_file()})
    write_note(folder / NOTE, states)


def note_partial(folder: Path, outputs: Iterable[str]) -> None:
    """Add outputs that were built although some of their inputs are missing to the list of outdated outputs.

    Snakemake would treat them as up to date and never build the missing inputs.
    """
    partial = {path: _state(path) for path in map(str, outputs) if Path(path).is_file()}
    write_note(folder / NOTE, {**_still_outdated(folder), **partial})


def forget_outdated(folder: Path, left: Iterable[str] = ()) -> None:
    """Remove the outputs that this process has built from the list, also those whose content did not change.

    left: outputs that it was about to build and has not built.
    """
    built = _planned.difference(map(str, left))
    write_note(folder / NOTE, {path: state for path, state in _still_outdated(folder).items() if path not in built})


def mark_outdated(folder: Path) -> None:
    """Mark the outputs that are still outdated as incomplete, in Snakemake's own way, so that it rebuilds them."""
    for path in _still_outdated(folder):
        code = urlsafe_b64encode(path.encode()).decode()
        pieces = [code[start : start + PIECE] for start in range(0, len(code), PIECE)]
        mark = folder.joinpath("incomplete", *(f"@{piece}" for piece in pieces[:-1]), pieces[-1])
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text("{}")


def outdated_runs(folder: Path) -> set[Path]:
    """Return the folders of runs that are still outdated.

    Their scores belong to the campaign as it was before a change. A table made after a failure must not show them.
    """
    return {Path(path).parent for path in _still_outdated(folder) if Path(path).name == RUN}


def _state(path: str) -> str:
    return sha256(Path(path)) if Path(path).name == RUN else str(Path(path).stat().st_mtime_ns)


def _still_outdated(folder: Path) -> dict[str, str]:
    """Return the state of each listed file that has not changed since it was listed, by path."""
    states = read_note(folder / NOTE, LOST)
    return {path: state for path, state in states.items() if Path(path).is_file() and _state(path) == state}
