"""Atomic files and folders (written under a temporary name, then renamed), locks, and checksums."""

from __future__ import annotations

import errno
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scalearn.errors import UserError

LOCK = ".lock"
TEMPORARY = "scalearn-"  # temporary files and folders are named .<name>.scalearn-<8 characters>
_NEAR = 1 << 16  # bytes at each end of a file in which `check_replaced` looks for a mark
CHECKSUM = "checksum"  # the key of a JSON file that holds the checksum of its other entries
MENDS = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "raise the limit of file sizes",
    errno.EROFS: "write somewhere else",
    errno.EACCES: "make its folder writable for you",
    errno.EPERM: "make its folder writable for you",
}
MAKERS = {  # JSON file that a command needs -> how to make it
    "model.json": "`scalearn fetch-model NAME --source SOURCE --output {folder}` makes it, also from a local model",
    "adapter.json": "`scalearn fetch-adapter NAME --source SOURCE --output {folder}` makes it",
    "task.json": "`scalearn prepare-task NAME --output {folder}` makes it",
    "encoding.json": "`scalearn encode --task TASK --model MODEL --output {folder}` makes it",
    "run.json": "`scalearn train` makes it at the end of a run with `--output {folder}`",
    "score.json": "`scalearn score {folder}` makes it",
}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` on success.

    The content is on the disk before the name is, so that a power loss leaves the old file or the complete new one.

    Raises: UserError if the disk is full, or `path` cannot be written for another reason that the user can mend.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_dead(path)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.{TEMPORARY}", dir=path.parent)
        temporary = Path(name)
        try:
            _hold(handle)
            yield temporary
            temporary.chmod(0o644)
            _to_disk(temporary)
            temporary.replace(path)
        finally:
            os.close(handle)
            temporary.unlink(missing_ok=True)


def check_replaced(path: Path, mark: bytes, what: str) -> None:
    """Refuse to replace a file that we did not write.

    Args:
        mark: bytes near the beginning or end of every file that we write.
        what: the kind of file, for the message.

    Raises: UserError if `path` exists, is not empty, and lacks the mark.
    """
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb") as stream:
        ends = stream.read(_NEAR)
        stream.seek(max(0, path.stat().st_size - _NEAR))
        ends += stream.read()
    if mark not in ends:
        raise UserError(f"{path}: it exists already and is no {what}; name another file, or remove it")


@contextmanager
def whole_folder(path: Path, *, new: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `path`. On success it replaces `path` and all its old content.

    new: refuse to replace what appeared at `path` in the meantime.

    Raises: UserError if the disk is full, or `path` cannot be written for another reason that the user can mend.
    """
    with _writing(path), temporary_folder(path) as temporary:
        yield temporary
        temporary.chmod(0o755)
        for file in temporary.rglob("*"):
            _to_disk(file)
        if new:
            check_new(path)
        elif path.exists():
            shutil.rmtree(path)
        temporary.replace(path)


def check_new(path: Path) -> None:
    """Refuse a folder that is there already, or that has a file among the folders above it."""
    if path.exists() or path.is_symlink():
        raise UserError(f"{path}: it is there already; name another folder, or remove it")
    check_parents(path)


def check_parents(path: Path) -> None:
    """Refuse a path that has a file among the folders above it."""
    above = next((place for place in path.parents if place.exists()), None)
    if above is not None and not above.is_dir():
        raise UserError(f"{path}: {above} is a file, not a folder; name another path, or remove that file")


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path` that is removed at the end. Leftovers of killed processes are removed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_dead(path)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.{TEMPORARY}", dir=path.parent))
    handle = os.open(temporary, os.O_RDONLY)
    try:
        _hold(handle)
        yield temporary
    finally:
        os.close(handle)
        shutil.rmtree(temporary, ignore_errors=True)


def _hold(handle: int) -> None:
    """Lock a file or folder that is being written. On a file system without locks this does nothing."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH)


def _sweep_dead(path: Path) -> None:
    """Remove the temporary files of `path` that killed processes left. A living writer holds a lock on its file."""
    for entry in path.parent.glob(f".{glob.escape(path.name)}.{TEMPORARY}????????"):
        _remove_dead(entry, unlocked=False)


def _remove_dead(entry: Path, *, unlocked: bool) -> None:
    """Remove a temporary file or folder that no process writes.

    unlocked: remove it also on a file system without locks.
    """
    try:
        handle = os.open(entry, os.O_RDONLY)
    except OSError:  # removed already, or another user's
        return
    try:
        if _is_free(handle, unlocked):
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _is_free(handle: int, without_locks: bool) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return without_locks
    return True


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an operating system error on writing `path`, such as a full disk, into a UserError. The old file stays."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        for code, mend in MENDS.items():
            # safetensors raises an exception that has the number only in its text.
            if getattr(error, "errno", None) == code or f"(os error {code})" in str(error):
                raise UserError(f"{path}: cannot be written ({os.strerror(code)}); {mend} and run again") from error
        raise


def _to_disk(path: Path) -> None:
    """Flush a file to the disk before it is renamed, so that a power loss leaves no incomplete file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def alone(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock file `path`. If another process holds it, print `waiting` and wait until that process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(waiting, flush=True)
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError:
            print(f"{path}: this file system has no locks; make sure that no other process works here", flush=True)
        yield


def is_temporary(name: str) -> bool:
    """Tell whether this is the name of one of our temporary files or folders."""
    return re.fullmatch(rf"\..+\.{TEMPORARY}\w{{8}}", name) is not None


def sweep(folder: Path) -> None:
    """Remove our temporary files in `folder` that killed processes left. No other process may write there."""
    for path in folder.glob(f".*.{TEMPORARY}????????"):
        if is_temporary(path.name):
            _remove_dead(path, unlocked=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` atomically, with sorted keys and a checksum.

    Raises: ValueError if it holds NaN or infinity, which JSON does not have.
    """
    sealed = {**content, CHECKSUM: _checksum(content)}
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(sealed, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def _checksum(content: Mapping[str, Any]) -> str:
    """Return the hexadecimal SHA-256 of `content` after a round trip through JSON."""
    plain = json.loads(json.dumps(content, allow_nan=False))
    return hashlib.sha256(json.dumps(plain, sort_keys=True, allow_nan=False).encode()).hexdigest()


def read_json(path: Path, *, ours: bool = False) -> dict[str, Any]:
    """Return the content of a JSON file.

    Args:
        ours: require the checksum that `write_json` adds. Otherwise it is checked only if the file has one.

    Raises: UserError if the file is missing, is not a JSON object, or its checksum differs.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        how = MAKERS.get(path.name, "mend the path").format(folder=path.parent)
        raise UserError(f"{path}: no such file; {how}") from None
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path}: not readable as JSON ({error}); mend it, or delete it and run again") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: a JSON object is expected, found {type(content).__name__}")
    if (ours or CHECKSUM in content) and content.pop(CHECKSUM, None) != _checksum(content):
        raise UserError(
            f"{path}: not as it was written (its checksum differs); delete it and run again, "
            f"or, if you changed it, remove the line `{CHECKSUM}`"
        )
    return content


def altered(folder: Path, checksums: Mapping[str, str]) -> list[str]:
    """Return the names of the files in `folder` that are missing or whose SHA-256 differs from `checksums`."""
    return [
        name
        for name, checksum in checksums.items()
        if not (folder / name).is_file() or sha256(folder / name) != checksum
    ]


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
