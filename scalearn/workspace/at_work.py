"""Locks that show which process works in a folder.

A lock ends with its process; its file holds the process's ID, host and command line. Snakemake's own lock is not
enough: a killed Snakemake leaves it behind, and Snakemake's error message does not name the process.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scalearn.errors import UserError

WORK = Path("scalearn") / "at_work"  # in Snakemake's folder: held by a Snakemake that writes files, or by `prune`
RESUME = Path("scalearn") / "resume"  # held by `scalearn resume`, also during its pauses
COMMAND = 200  # characters of a command line in a message


def hold_until_exit(folder: Path, files: Sequence[str]) -> None:
    """Hold the lock WORK until this process ends. On a file system without locks, this has no effect.

    folder: Snakemake's, `.snakemake`.
    files: the campaign files, for other processes' messages.
    Raises: UserError if another process works in the folder; the `scalearn resume` that started this Snakemake may.
    """
    if (other := _holder(folder / RESUME)) is not None and other.get("pid") != os.getppid():
        raise UserError(_sentence(other))
    _hold(folder / WORK, files)  # never closed: the process holds it until it ends


@contextmanager
def holding(folder: Path, name: Path) -> Iterator[None]:
    """Hold a lock while the block runs.

    folder: Snakemake's, `.snakemake`.
    name: WORK or RESUME.
    Raises: UserError if another process holds either lock.
    """
    for place in (WORK, RESUME):
        if place != name:
            check_not_held(folder, place)
    file = _hold(folder / name, ())
    try:
        yield
    finally:
        os.close(file)


def check_not_held(folder: Path, name: Path) -> None:
    """Check that no other process holds the lock `name` in Snakemake's `folder`.

    Raises: UserError if one does.
    """
    if (other := _holder(folder / name)) is not None:
        raise UserError(_sentence(other))


def check_no_snakemake(folder: Path) -> None:
    """Check that no Snakemake is alive, not even one that writes nothing, such as a dry run.

    folder: Snakemake's, `.snakemake`.
    Raises: UserError if one is.
    """
    if _holder(folder / "alive") is not None:
        raise UserError("another Snakemake, perhaps a dry run, is alive in this folder; wait for its end, or end it")


def _hold(path: Path, files: Sequence[str]) -> int:
    """Take the lock, write this process's description into its file, and return the file descriptor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise UserError(_sentence(_read(path))) from None
    except OSError:
        return file  # a file system without locks
    process = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "files": list(files),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps(process).encode(), 0)
    return file


def _holder(path: Path) -> dict[str, object] | None:
    """Return the description of the process that holds the lock; None if none does, empty if its file is unreadable."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(path)
    except OSError:
        pass  # a file system without locks
    finally:
        os.close(file)
    return None


def _read(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the other process is just writing it
        return {}
    return content if isinstance(content, dict) else {}


def _sentence(process: dict[str, object]) -> str:
    """Return the message that names the process at work and says what to do."""
    mend = "wait for its end, or end it"
    if not {"pid", "host", "since", "command"} <= process.keys():
        return f"another process is at work in this folder; {mend}"
    files = process.get("files")
    campaign = f" on {', '.join(map(str, files))}" if isinstance(files, list) and files else ""
    command = str(process["command"])
    shown = command if len(command) <= COMMAND else f"{command[:COMMAND]}..."
    return (
        f"process {process['pid']} on {process['host']} is at work in this folder{campaign} since {process['since']} "
        f"(`{shown}`); {mend}"
    )
