"""Files that appear whole, written under a temporary name and then renamed, and that show it if they are altered."""

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
TEMPORARY = "scalearn-"  # stands in the name of every temporary file and folder of ours: .<name>.scalearn-<8 signs>
_NEAR = 1 << 16  # bytes
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
    """Refuse to replace a file that no earlier call has written: those have `mark` near their beginning or end."""
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb") as stream:
        found = stream.read(_NEAR)
        stream.seek(max(0, path.stat().st_size - _NEAR))
        found += stream.read()
    if mark not in found:
        raise UserError(f"{path}: it is there already and is no {what}; name another file, or remove it")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`, old content included."""
    with _writing(path), temporary_folder(path) as temporary:
        yield temporary
        temporary.chmod(0o755)
        for file in temporary.rglob("*"):
            _to_disk(file)
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path` that is removed at the end; what killed processes left of theirs goes first."""
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
    """Lock what is being written; where the file system has no locks, nothing of ours asks for this one either."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH)


def _sweep_dead(path: Path) -> None:
    """Remove what processes that were killed left half written of `path`; a living writer holds a lock on its own."""
    for entry in path.parent.glob(f".{glob.escape(path.name)}.{TEMPORARY}????????"):
        _remove_dead(entry, unlocked=False)


def _remove_dead(entry: Path, *, unlocked: bool) -> None:
    """Remove a temporary file or folder that nobody writes; `unlocked`: also on a file system without locks."""
    try:
        handle = os.open(entry, os.O_RDONLY)
    except OSError:  # gone, or somebody else's
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


def is_temporary(name: str) -> bool:
    """Tell whether a file or folder of this name is one that a writer of ours has not finished."""
    return re.fullmatch(rf"\..+\.{TEMPORARY}\w{{8}}", name) is not None


def sweep(folder: Path) -> None:
    """Remove what a killed process of ours left half written in `folder`, and nothing else; the caller works alone."""
    for path in folder.glob(f".*.{TEMPORARY}????????"):
        if is_temporary(path.name):
            _remove_dead(path, unlocked=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` whole, with sorted keys and its checksum; NaN and infinity are refused (they are not JSON)."""
    sealed = {**content, CHECKSUM: _checksum(content)}
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(sealed, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def _checksum(content: Mapping[str, Any]) -> str:
    """Return the hexadecimal SHA-256 of `content` as JSON brings it back."""
    plain = json.loads(json.dumps(content, allow_nan=False))
    return hashlib.sha256(json.dumps(plain, sort_keys=True, allow_nan=False).encode()).hexdigest()


def read_json(path: Path, *, ours: bool = False) -> dict[str, Any]:
    """Return the object that `path` holds; a UserError names the file if it is missing, damaged or no JSON object.

    One without a checksum is not ours, and taken as it is unless `ours` asks for one.
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
