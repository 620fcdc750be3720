"""GPUs shared by runs: each run takes the GPU that the fewest runs of ours hold, and sees no other.

A training of a base encoder leaves most of a modern GPU idle, so that several belong on one; and what starts them,
Snakemake or a person, knows no GPUs by name. A run holds a locked file, a slot, as long as its process lives: however
that ends, the slot is free. Light: this must happen before CUDA is initialised, and may have to wait.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from scalearn.errors import UserError
from scalearn.machine import time_budget

VISIBLE = "CUDA_VISIBLE_DEVICES"
LIMIT = "SCALEARN_RUNS_PER_GPU"  # in the environment it reaches all processes of a campaign, also on other nodes
QUERY = ("nvidia-smi", "--query-gpu=index,uuid,memory.used", "--format=csv,noheader,nounits")
PAUSE = 1.0  # seconds between two looks for a free slot

_slots: list[int] = []  # handles of the slots that this process holds; its end closes them


@dataclass(frozen=True)
class Gpu:
    """A GPU that this process may use.

    entry: what stands for it in CUDA_VISIBLE_DEVICES; key: what every process of ours calls it; memory: MiB in use.
    """

    entry: str
    key: str
    memory: int


def begin(runs: int | None) -> None:
    """Let this process and those that it starts put no more than so many runs on a GPU; None changes nothing."""
    if runs is not None:
        os.environ[LIMIT] = str(runs)


def limit() -> int | None:
    """Return how many runs a GPU may have, or None if any number."""
    text = os.environ.get(LIMIT)
    if text is not None and not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise UserError(f"environment: {LIMIT}: '{text}' is no number of runs; give 1 or more, or unset it")
    return None if text is None else int(text)


def take() -> None:
    """Have this process see the GPU that the fewest runs hold, and hold it; without a GPU do nothing.

    Where each has as many runs as it may it waits, at most until the time budget is used up (Stopped).
    """
    runs, gpus = limit(), visible()
    if not gpus:
        return
    try:
        folder = _folder()
        if (chosen := _choose(folder, gpus, runs)) is None:
            print(f"each GPU has {runs} runs, as many as it may (runs_per_gpu); waiting for the end of one", flush=True)
        while chosen is None:
            time_budget.check()
            time.sleep(PAUSE)
            chosen = _choose(folder, gpus, runs)
    except OSError as error:  # a full disk, a file system without locks
        print(f"cannot tell which GPU is used least ({error.strerror}); taking the first", flush=True)
        chosen = gpus[0]
    os.environ[VISIBLE] = chosen.entry


def visible() -> list[Gpu]:
    """Return the GPUs that CUDA would show this process, in its order."""
    text = os.environ.get(VISIBLE)
    known = _known() if text is None or text.strip(" ,") else {}
    if text is None:
        return [Gpu(uuid, _name(uuid), memory) for uuid, memory in known.values()]
    found = []
    for entry in map(str.strip, text.split(",")):
        gpu = _gpu(entry, known)
        if gpu is None:
            break  # CUDA, too, stops at the first entry that it does not know
        found.append(gpu)
    return found


def _gpu(entry: str, known: dict[int, tuple[str, int]]) -> Gpu | None:
    """Return the GPU behind an entry of CUDA_VISIBLE_DEVICES, or None if it names none."""
    if entry.isdecimal():
        if known:
            return Gpu(entry, _name(known[int(entry)][0]), known[int(entry)][1]) if int(entry) in known else None
        # On a cluster that hides other jobs' GPUs every job calls its own 0.
        return Gpu(entry, _name(f"{os.environ.get('SLURM_JOB_ID', '')}-{entry}"), 0)
    if entry.startswith("GPU-"):  # may be cut short
        whole = [(uuid, memory) for uuid, memory in known.values() if uuid.startswith(entry)]
        uuid, memory = whole[0] if whole else (entry, 0)
        return Gpu(entry, _name(uuid), memory)
    return Gpu(entry, _name(entry), 0) if entry.startswith("MIG-") else None


def _known() -> dict[int, tuple[str, int]]:
    """Return UUID and MiB in use of each GPU that the driver's own tool lists, by index; none if there is no such."""
    if shutil.which(QUERY[0]) is None:
        return {}
    try:
        said = subprocess.run(QUERY, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = re.findall(r"^(\d+), *(GPU-[\w-]+), *(\d*)", said, re.MULTILINE)  # some GPUs have no figure: [N/A]
    return {int(index): (uuid, int(memory or 0)) for index, uuid, memory in rows}


def _name(text: str) -> str:
    """Return `text` as part of a file name."""
    return re.sub(r"[^\w-]", "_", text)


def _folder() -> Path:
    """Return the folder of slots, made if need be: this user's on this machine, and nobody else's."""
    folder = Path(tempfile.gettempdir()) / f"scalearn-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UserError(f"{folder}: not a folder of your own that others cannot enter; remove it, or set TMPDIR")
    return folder


def _choose(folder: Path, gpus: list[Gpu], runs: int | None) -> Gpu | None:
    """Take a slot of the GPU with the fewest runs, then the least memory in use; None if all have `runs` of them."""
    with (folder / "choosing").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # one process at a time counts and takes
        held = {gpu: sum(_is_held(slot) for slot in folder.glob(f"{gpu.key}.*")) for gpu in gpus}
        chosen = min(gpus, key=lambda gpu: (held[gpu], gpu.memory))
        if runs is not None and held[chosen] >= runs:
            return None
        slots = (_lock(folder / f"{chosen.key}.{number}") for number in count())
        _slots.append(next(slot for slot in slots if slot is not None))
        return chosen


def _is_held(path: Path) -> bool:
    slot = _lock(path)
    if slot is None:
        return True
    os.close(slot)
    return False


def _lock(path: Path) -> int | None:
    """Return the handle of a slot that is ours now, or None if another process holds it."""
    slot = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(slot)
        return None
    return slot
