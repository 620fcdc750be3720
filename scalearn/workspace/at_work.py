"""Who works in a folder. A lock that ends with its process tells that somebody does; the lock's file says who.

Snakemake has a lock of its own, which a killed Snakemake leaves behind, and its refusal names nobody.
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

WORK = Path("scalearn") / "at_work"  # in Snakemake's folder: held by a Snakemake that makes something, or by `prune`
RESUME = Path("scalearn") / "resume"  # held by `scalearn resume`, also while it pauses between two starts
COMMAND = 200  # characters of a command line in a refusal


def hold_until_exit(folder: Path, files: Sequence[str]) -> None:
    """Count as at work in Snakemake's `folder` until this process ends, with these campaign files.

    On a file system without locks nobody is ever at work.
    Raises: UserError if somebody else is; a Snakemake that `scalearn resume` has started is not somebody else.
    """
    if (other := _holder(folder / RESUME)) is not None and other.get("pid") != os.getppid():
        raise UserError(_sentence(other))
    _hold(folder / WORK, files)  # never closed: the end of the process does it


@contextmanager
def holding(folder: Path, name: Path) -> Iterator[None]:
    """Hold the lock `name`, WORK or RESUME, in Snakemake's `folder`; refuse if anybody else is at work there."""
    for place in (WORK, RESUME):
        if place != name:
            check_free(folder, place)
    file = _hold(folder / name, ())
    try:
        yield
    finally:
        os.close(file)


def check_free(folder: Path, name: Path) -> None:
    """Refuse if another process holds the lock `name` in Snakemake's `folder`."""
    if (other := _holder(folder / name)) is not None:
        raise UserError(_sentence(other))


def check_no_snakemake(folder: Path) -> None:
    """Refuse beside any Snakemake that is alive in its `folder`, one that only looks included."""
    if _holder(folder / "alive") is not None:
        raise UserError("another Snakemake, perhaps a dry run, is alive in this folder; wait for its end, or end it")


def _hold(path: Path, files: Sequence[str]) -> int:
    """Take the lock, write into its file who holds it, and return the open file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise UserError(_sentence(_read(path))) from None
    except OSError:
        return file  # a file system without locks
    who = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "files": list(files),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps(who).encode(), 0)
    return file


def _holder(path: Path) -> dict[str, object] | None:
    """Return who holds the lock: None if nobody does, an empty mapping if its file does not say."""
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
        who = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # just being written
        return {}
    return who if isinstance(who, dict) else {}


def _sentence(who: dict[str, object]) -> str:
    """Return who is at work, and what to do."""
    wait = "wait for its end, or end it"
    if not {"pid", "host", "since", "command"} <= who.keys():
        return f"another process is at work in this folder; {wait}"
    files = who.get("files")
    campaign = f" on {', '.join(map(str, files))}" if isinstance(files, list) and files else ""
    command = str(who["command"])
    shown = command if len(command) <= COMMAND else f"{command[:COMMAND]}..."
    return (
        f"process {who['pid']} on {who['host']} is at work in this folder{campaign} since {who['since']} "
        f"(`{shown}`); {wait}"
    )
