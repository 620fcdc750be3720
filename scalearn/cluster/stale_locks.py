"""Removes what a killed Snakemake leaves behind and the next one would misread.

A lock of the operating system, which ends with its process, shows whether another Snakemake is alive.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from base64 import urlsafe_b64decode
from pathlib import Path

from scalearn.cluster.unfinished import mark_outdated


def drop_stale_locks(folder: Path) -> None:
    """Remove Snakemake's stale locks, unless another Snakemake that called this function is alive.

    Also removes marks of incompleteness from finished runs, and marks outdated outputs as incomplete. From now on, this
    process counts as alive until it ends.

    Without this, the user of a killed Snakemake must type `snakemake --unlock` first. This remains necessary on a file
    system without locks, and where the file `alive` cannot be opened.

    folder: Snakemake's, `.snakemake`.
    """
    try:
        folder.mkdir(exist_ok=True)
        alive = os.open(
            folder / "alive", os.O_RDWR | os.O_CREAT, 0o644
        )  # never closed: the process holds it until it ends
    except OSError:
        return
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for lock in (folder / "locks").glob("*"):
            lock.unlink(missing_ok=True)
        shutil.rmtree(folder / "backups", ignore_errors=True)  # of outputs with `update`; runs keep checkpoints instead
        _unmark_finished_runs(folder / "incomplete")
        mark_outdated(folder)
    except OSError:
        pass  # another Snakemake is alive, and its locks are valid
    try:
        fcntl.flock(alive, fcntl.LOCK_SH)
    except OSError:
        os.close(alive)


def _unmark_finished_runs(marks: Path) -> None:
    """Remove the marks of incompleteness of finished runs: SLURM finished them after Snakemake had died.

    Snakemake marks outputs before it submits a job, and would rebuild them. A training writes run.json last, so that
    this file shows that the run is complete. Snakemake still checks whether parameters or inputs have changed.
    """
    for mark in marks.rglob("*"):
        if mark.is_file():
            # A mark's path is the output's path, encoded and split into pieces; all but the last begin with @.
            code = "".join(part.removeprefix("@") for part in mark.relative_to(marks).parts)
            try:
                output = Path(urlsafe_b64decode(code).decode())
            except ValueError:  # not one of Snakemake's marks
                continue
            if (output.parent / "run.json").exists() and output.exists():
                mark.unlink(missing_ok=True)
