"""What a killed Snakemake leaves and the next one would misread; the operating system's locks tell who is alive."""

from __future__ import annotations

import fcntl
import os
import shutil
from base64 import urlsafe_b64decode
from pathlib import Path

from scalearn.cluster.unfinished import mark_due


def drop_stale_locks(folder: Path) -> None:
    """Remove the locks in Snakemake's `folder` if no Snakemake that called this is alive; count as alive from now on.

    With them go marks of incompleteness on finished runs; what was due and was not made gets such marks.

    Without it `snakemake` after a kill asks for `snakemake --unlock` first. On a file system without locks of its own,
    and where our file cannot be opened, nothing is removed, and that remains the way.
    """
    try:
        folder.mkdir(exist_ok=True)
        alive = os.open(folder / "alive", os.O_RDWR | os.O_CREAT, 0o644)  # never closed: the end of the process does it
    except OSError:
        return
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for lock in (folder / "locks").glob("*"):
            lock.unlink(missing_ok=True)
        shutil.rmtree(folder / "backups", ignore_errors=True)  # of outputs that were being updated; runs know better
        _unmark_finished_runs(folder / "incomplete")
        mark_due(folder)
    except OSError:
        pass  # somebody is alive, and Snakemake's own locks say what is theirs
    try:
        fcntl.flock(alive, fcntl.LOCK_SH)
    except OSError:
        os.close(alive)


def _unmark_finished_runs(marks: Path) -> None:
    """Remove the marks of runs that are whole: SLURM finished them when nobody was there to see it.

    Snakemake marks outputs before it submits a job, and would have them made again. A training writes run.json last;
    whether parameters or inputs have changed since is asked as ever.
    """
    for mark in marks.rglob("*"):
        if mark.is_file():
            # Its path is the output's, encoded and cut into pieces; all but the last begin with @.
            code = "".join(part.removeprefix("@") for part in mark.relative_to(marks).parts)
            try:
                output = Path(urlsafe_b64decode(code).decode())
            except ValueError:  # no mark of Snakemake's
                continue
            if (output.parent / "run.json").exists() and output.exists():
                mark.unlink(missing_ok=True)
