"""Finds and removes files of a work directory that no campaign there needs; only files that scalearn wrote."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scalearn.campaign.input_files import ADAPTER_RECORD
from scalearn.campaign.places import ADAPTERS, EMBEDDED, ENCODED, MODELS, RUNS, SIMILARITIES, SOURCES, TASKS
from scalearn.campaign.plan import Campaign
from scalearn.campaign.run_folder import FILES, SUBFOLDERS, SYSTEM, check_output
from scalearn.encoders.fetching import FILES as ENCODER
from scalearn.errors import UserError, shown
from scalearn.foreign.fetching import FILES as ADAPTER
from scalearn.storage.files import CHECKSUM, LOCK, check_replaced, is_temporary
from scalearn.tasks.card import is_card
from scalearn.tasks.store import SPLITS
from scalearn.workspace import at_work, made_by
from scalearn.workspace.started import campaigns, forget

SNAKEMAKE = Path(".snakemake")
# Pattern of the folders that commands write -> the record and the other files in such a folder.
FOLDERS = {
    "resources/tasks/*": ("task.json", {f"{split}.parquet" for split in SPLITS}),
    "resources/encoded/*/*": ("encoding.json", {f"{split}.arrow" for split in SPLITS}),
    "resources/models/*": ("model.json", set(ENCODER)),
    "resources/adapters/*": (ADAPTER_RECORD, set(ADAPTER)),
}
# Pattern of the single files that commands write -> bytes near the beginning or the end of such a file.
SINGLE = {
    "results/sources/**/*.safetensors": b'"__metadata__":{"sources"',
    "resources/embedded/*/*.safetensors": b'"__metadata__":{"embedding"',
    "results/similarities/*/*.json": b'{\n "all": {',
}


@dataclass(frozen=True)
class Unneeded:
    """A file or folder that no campaign needs.

    size: in bytes.
    stays: why it is not removed; empty if scalearn wrote it and may remove it.
    """

    path: Path
    size: int
    stays: str = ""


def prune(removing: bool, forgotten: str | None) -> None:
    """Print the files that no campaign of the current folder needs, and remove them if `removing`.

    forgotten: a campaign file whose starts are first removed from the record.
    Raises: UserError if another process works in the folder, or if it is not known what the campaigns need.
    """
    with at_work.holding(SNAKEMAKE, at_work.WORK) if removing or forgotten else nullcontext():
        if removing:
            at_work.check_no_snakemake(SNAKEMAKE)
        if forgotten:
            print(f"{forgotten}: its recorded starts are forgotten ({forget(Path(), forgotten)})")
        entries = unneeded()
        ours = [entry for entry in entries if not entry.stays]
        if removing:
            remove(entries)
    for entry in ours:
        print(f"{size_text(entry.size):>9}  {entry.path}")
    for entry in entries:
        if entry.stays:
            print(f"left alone: {entry.path} ({entry.stays})")
    total = f"{len(ours)} in all, {size_text(sum(entry.size for entry in ours))}"
    if not ours:
        print("nothing to remove: the campaigns of this folder need all runs and files here")
    elif removing:
        print(f"removed: {total}")
    else:
        print(f"no campaign of this folder needs these: {total}; `scalearn prune --remove` removes them")


def size_text(size: float) -> str:
    """Return a number of bytes with a unit, such as 1.5 GB (powers of 1000)."""
    units = ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        del units[0]
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def needed_paths(campaign: Campaign) -> set[Path]:
    """Return the paths that a campaign needs, relative to its work directory: its runs, and what they are made from."""
    paths = {TASKS / task for task in campaign.task_names} | {MODELS / model for model in campaign.model_names}
    paths |= {ADAPTERS / adapter for adapter in campaign.adapters}
    for run in campaign.trainings.values():
        paths.add(RUNS / run.path)
        paths |= {ENCODED / run.model / task for task in run.tasks}
    paths |= {SOURCES / f"{stack}.safetensors" for stack in campaign.stacks}
    for place, tasks in campaign.comparisons.items():
        paths.add(SIMILARITIES / f"{place}.json")
        paths |= {EMBEDDED / Path(place).parent / f"{task}.safetensors" for task in tasks}
    return paths


def unneeded(folder: Path = Path()) -> list[Unneeded]:
    """Return the files and folders that no campaign of a work directory needs, largest first.

    Raises: UserError if no campaign was started there, or if one cannot be read, so that its needs are not known.
    """
    needed = _needed(folder)
    needed |= {above for path in needed for above in path.parents}
    entries = [Unneeded(path, _size(folder / path), why) for path, why in _candidates(folder) if path not in needed]
    return sorted(entries, key=lambda entry: (-entry.size, entry.path))


def remove(entries: Iterable[Unneeded], folder: Path = Path()) -> None:
    """Remove those of the entries that scalearn wrote.

    entries: the result of `unneeded` for the work directory `folder`.
    Raises: UserError, before anything is removed, if a run among them is being trained.
    """
    ours = [entry.path for entry in entries if not entry.stays]
    with ExitStack() as held:
        for path in ours:
            held.enter_context(_untouched(folder / path))
        for path in ours:
            where = folder / path
            shutil.rmtree(where) if where.is_dir() else where.unlink(missing_ok=True)
            _remove_empty(where.parent, folder / Path(*path.parts[:2]))


def _needed(folder: Path) -> set[Path]:
    starts = campaigns(folder)
    noted = {file for start in starts for file in start.files}
    if older := [file for file in made_by.campaign_files(folder) if file not in noted]:
        raise UserError(
            f"prune: an earlier version of scalearn started {shown(older)} here and did not record its `--config`; "
            "start each file once (if all is done, that makes nothing), or move away a file that you gave up"
        )
    if not starts:
        raise UserError("prune: no campaign was started in this folder; change to a campaign's folder")
    needed: set[Path] = set()
    for start in starts:
        try:
            needed |= needed_paths(start.read(folder))
        except UserError as error:
            file = start.files[0]
            raise UserError(
                f"prune: nothing is removed, since a campaign that was started here cannot be read ({error}); mend "
                f"the file, or give it up with `scalearn prune --forget {file}`"
            ) from None
    return needed


def _candidates(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each path where scalearn may have written, and why it stays; '' if scalearn did write it."""
    for path in _run_folders(folder / RUNS):
        yield path.relative_to(folder), _complaint(partial(check_output, path))
    for pattern, (record, files) in FOLDERS.items():
        for path in sorted(folder.glob(pattern)):
            if not path.name.startswith("."):
                yield path.relative_to(folder), _strange(path, record, files)
    for pattern, mark in SINGLE.items():
        for path in sorted(folder.glob(pattern)):
            if not path.name.startswith("."):
                yield path.relative_to(folder), _complaint(partial(_check_single, path, mark))


def _run_folders(root: Path) -> Iterator[Path]:
    """Yield the folders that hold a run or a part of one, and those that hold other files.

    root: the folder of all runs.
    """
    for place, folders, files in os.walk(root):
        if Path(place) == root and LOCK in files:
            files.remove(LOCK)  # not a run's: whoever scores holds it
        parts = any(any(Path(place).glob(f"{name}/*/{file}")) for name, file in SUBFOLDERS.items() if name in folders)
        if parts or any(not name.startswith(SYSTEM) for name in files):
            yield Path(place)
            if parts or set(files) & set(FILES):
                folders.clear()
        folders.sort()


def _complaint(check: Callable[[], None]) -> str:
    try:
        check()
    except UserError as error:
        return str(error).partition(": ")[2].partition(";")[0]
    return ""


def _check_single(path: Path, mark: bytes) -> None:
    if path.is_symlink() or not path.is_file():
        raise UserError(f"{path}: it is a link or a folder")
    check_replaced(path, mark, "file of a campaign")


def _strange(path: Path, record: str, files: set[str]) -> str:
    """Return why this folder was not written by a command of scalearn; '' if it was.

    record: the name of its record.
    files: the names of its other files.
    """
    if path.is_symlink() or not path.is_dir():
        return "it is a link or a file"
    for entry in sorted(path.iterdir()):
        expected = entry.name in {record, *files} or entry.name.startswith(SYSTEM) or is_temporary(entry.name)
        if not (expected or is_card(entry)) or entry.is_dir():
            return f"it holds other things ({entry.name})"
    try:
        content = json.loads((path / record).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return f"without a readable {record}"
    sealed = isinstance(content, dict) and CHECKSUM in content
    return "" if sealed else f"its {record} was not written by scalearn"


def _size(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(entry.lstat().st_size for entry in path.rglob("*") if not entry.is_dir())
    return path.lstat().st_size


def _untouched(path: Path) -> ExitStack:
    """Return a context that holds the lock of a run's folder.

    Raises: UserError if the run is being trained.
    """
    held = ExitStack()
    if (path / LOCK).is_file():
        stream = held.enter_context((path / LOCK).open("a"))
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            raise UserError(f"{path}: it is being trained; nothing was removed, wait for its end") from None
        except OSError:
            pass  # a file system without locks
    return held


def _remove_empty(path: Path, root: Path) -> None:
    """Remove this folder and the folders above it that are empty and below `root`."""
    while path != root and path.is_relative_to(root) and not any(path.iterdir()):
        path.rmdir()
        path = path.parent
