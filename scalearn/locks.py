"""Snakemake's locks outlive a Snakemake that was killed; the operating system's do not, and so tell the two apart."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path


def drop_stale_locks(folder: Path) -> None:
    """Remove the locks in Snakemake's `folder` if no Snakemake that called this is alive; count as alive from now on.

    Without it `snakemake` after a kill asks for `snakemake --unlock` first. On a file system without locks of its own
    nothing is removed, and that remains the way.
    """
    folder.mkdir(exist_ok=True)
    alive = os.open(folder / "alive", os.O_RDWR | os.O_CREAT, 0o644)  # never closed: the end of the process does it
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for lock in (folder / "locks").glob("*"):
            lock.unlink(missing_ok=True)
        shutil.rmtree(folder / "backups", ignore_errors=True)  # of outputs that were being updated; runs know better
    except OSError:
        pass  # somebody is alive, and Snakemake's own locks say what is theirs
    try:
        fcntl.flock(alive, fcntl.LOCK_SH)
    except OSError:
        os.close(alive)
