"""Files that appear whole, written under a temporary name and then renamed, and that show it if they are altered."""

from __future__ import annotations

import errno
import fcntl
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scalearn.errors import UserError

LOCK = ".lock"
CHECKSUM = "checksum"  # of a JSON file's other entries
MENDS = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "raise the limit of file sizes",
    errno.EROFS: "write somewhere else",
    errno.EACCES: "make its folder writable for you",
    errno.EPERM: "make its folder writable for you",
}
MAKERS = {  # of the JSON files that commands start from
    "model.json": "`scalearn fetch-model NAME --source SOURCE --output {folder}` makes it, of a model on disk, too",
    "task.json": "`scalearn prepare-task NAME --output {folder}` makes it",
    "encoding.json": "`scalearn encode --task TASK --model MODEL --output {folder}` makes it",
    "run.json": "`scalearn train` makes it at the end of a run with `--output {folder}`",
    "score.json": "`scalearn score {folder}` makes it",
}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; what was written there becomes `path` on success."""
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_dead(path)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
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


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`, old content included."""
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_dead(path)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        handle = os.open(temporary, os.O_RDONLY)
        try:
            _hold(handle)
            yield temporary
            temporary.chmod(0o755)
            for file in temporary.rglob("*"):
                _to_disk(file)
            if path.exists():
                shutil.rmtree(path)
            temporary.replace(path)
        finally:
            os.close(handle)
            shutil.rmtree(temporary, ignore_errors=True)


def _hold(handle: int) -> None:
    """Lock what is being written; where the file system has no locks, nothing of ours asks for this one either."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH)


def _sweep_dead(path: Path) -> None:
    """Remove what processes that were killed left half written of `path`; a living writer holds a lock on its own."""
    for entry in path.parent.glob(f".{glob.escape(path.name)}.????????"):
        try:
            handle = os.open(entry, os.O_RDONLY)
        except OSError:  # gone, or somebody else's
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
        except OSError:
            continue  # alive, or on a file system without locks
        finally:
            os.close(handle)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what the system says of a full or closed disk into a UserError on `path`; what was there stays."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        for code, mend in MENDS.items():
            # safetensors' own exception tells the number in its text only.
            if getattr(error, "errno", None) == code or f"(os error {code})" in str(error):
                raise UserError(f"{path}: cannot be written ({os.strerror(code)}); {mend} and run again") from error
        raise


def _to_disk(path: Path) -> None:
    """Have the content on the disk before the name is: a node that loses its power leaves no file half empty."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def alone(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock file `path`; if another process does, print `waiting` and wait until it ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(waiting, flush=True)
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError:
            print(f"{path}: this file system has no locks; see to it that no other process works here", flush=True)
        yield


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written in a folder that is ours alone: all that begins with a dot.

    The lock stays.
    """
    for path in folder.glob(".*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            path.unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` whole, with sorted keys and its checksum; NaN and infinity are refused (they are not JSON)."""
    sealed = {**content, CHECKSUM: _checksum(content)}
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(sealed, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def _checksum(content: Mapping[str, Any]) -> str:
    """Return the hexadecimal SHA-256 of `content` as JSON brings it back."""
    plain = json.loads(json.dumps(content, allow_nan=False))
    return hashlib.sha256(json.dumps(plain, sort_keys=True, allow_nan=False).encode()).hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Return the object that `path` holds; a UserError names the file if it is missing, damaged or no JSON object.

    One without a checksum is not ours, and taken as it is.
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
    if CHECKSUM in content and content.pop(CHECKSUM) != _checksum(content):
        raise UserError(
            f"{path}: not as it was written (its checksum differs); delete it and run again, "
            f"or, if the change is yours, take the line `{CHECKSUM}` out"
        )
    return content


def altered(folder: Path, checksums: Mapping[str, str]) -> list[str]:
    """Return which of these files of `folder`, by name, are missing or have another checksum."""
    return [
        name
        for name, checksum in checksums.items()
        if not (folder / name).is_file() or sha256(folder / name) != checksum
    ]


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
