"""Distributes runs over the GPUs of a machine: each run uses the GPU that the fewest runs use, and sees no other.

A training of a base encoder leaves most of a modern GPU idle, so that several runs can share one. Snakemake does not
assign GPUs. A run therefore locks a file, its slot, for the lifetime of its process; the lock ends with the process in
any case. This module imports no heavy library, since a run must choose its GPU before CUDA is initialised.
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
LIMIT = "SCALEARN_RUNS_PER_GPU"  # an environment variable reaches all processes of a campaign, also on other nodes
QUERY = ("nvidia-smi", "--query-gpu=index,uuid,memory.used", "--format=csv,noheader,nounits")
PAUSE = 1.0  # seconds between two attempts to find a free slot

_slots: list[int] = []  # file descriptors of this process's slots; they close when it ends


@dataclass(frozen=True)
class Gpu:
    """A GPU that this process may use.

    entry: its entry in CUDA_VISIBLE_DEVICES.
    key: its name in slots, the same in all our processes.
    memory: MiB in use.
    """

    entry: str
    key: str
    memory: int


def set_limit(runs: int | None) -> None:
    """Limit how many runs share a GPU, for this process and those that it starts; None changes nothing."""
    if runs is not None:
        os.environ[LIMIT] = str(runs)


def limit() -> int | None:
    """Return how many runs may share a GPU; None if there is no limit.

    Raises: UserError if the environment variable SCALEARN_RUNS_PER_GPU is not a positive number.
    """
    text = os.environ.get(LIMIT)
    if text is not None and not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise UserError(f"environment: {LIMIT}: '{text}' is not a number of runs; give 1 or more, or unset it")
    return None if text is None else int(text)


def take_gpu() -> None:
    """Choose the GPU that the fewest runs use, take a slot of it and hide the others; without a GPU, do nothing.

    If all GPUs are at their limit, this function waits for a slot.
    Raises: Stopped if the time budget is used up meanwhile; UserError if the folder of slots is not safe to use.
    """
    runs, gpus = limit(), visible()
    if not gpus:
        return
    try:
        folder = _folder()
        if (chosen := _choose(folder, gpus, runs)) is None:
            print(f"each GPU has {runs} runs, the limit (runs_per_gpu); waiting for the end of one", flush=True)
        while chosen is None:
            time_budget.check_time_left()
            time.sleep(PAUSE)
            chosen = _choose(folder, gpus, runs)
    except OSError as error:  # for example a full disk, or a file system without locks
        print(f"cannot find the GPU with the fewest runs ({error.strerror}); using the first", flush=True)
        chosen = gpus[0]
    os.environ[VISIBLE] = chosen.entry


def visible() -> list[Gpu]:
    """Return the GPUs that CUDA shows to this process, in CUDA's order."""
    text = os.environ.get(VISIBLE)
    installed = _installed() if text is None or text.strip(" ,") else {}
    if text is None:
        return [Gpu(uuid, _name(uuid), memory) for uuid, memory in installed.values()]
    gpus = []
    for entry in map(str.strip, text.split(",")):
        gpu = _gpu(entry, installed)
        if gpu is None:
            break  # CUDA also stops at the first unknown entry
        gpus.append(gpu)
    return gpus


def _gpu(entry: str, installed: dict[int, tuple[str, int]]) -> Gpu | None:
    """Return the GPU of an entry of CUDA_VISIBLE_DEVICES; None if the entry is unknown.

    installed: UUID and MiB in use, by index.
    """
    if entry.isdecimal():
        if installed:
            uuid, memory = installed.get(int(entry), ("", 0))
            return Gpu(entry, _name(uuid), memory) if uuid else None
        # A cluster may hide the GPUs of other jobs. The GPU of every job then has the index 0.
        return Gpu(entry, _name(f"{os.environ.get('SLURM_JOB_ID', '')}-{entry}"), 0)
    if entry.startswith("GPU-"):  # possibly the beginning of a UUID
        matches = [(uuid, memory) for uuid, memory in installed.values() if uuid.startswith(entry)]
        uuid, memory = matches[0] if matches else (entry, 0)
        return Gpu(entry, _name(uuid), memory)
    return Gpu(entry, _name(entry), 0) if entry.startswith("MIG-") else None


def _installed() -> dict[int, tuple[str, int]]:
    """Return UUID and MiB in use of each GPU that nvidia-smi lists, by index; empty without nvidia-smi."""
    if shutil.which(QUERY[0]) is None:
        return {}
    try:
        output = subprocess.run(QUERY, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = re.findall(r"^(\d+), *(GPU-[\w-]+), *(\d*)", output, re.MULTILINE)  # the memory of some GPUs is [N/A]
    return {int(index): (uuid, int(memory or 0)) for index, uuid, memory in rows}


def _name(text: str) -> str:
    """Return `text` as part of a file name."""
    return re.sub(r"[^\w-]", "_", text)


def _folder() -> Path:
    """Return the folder of this user's slots on this machine; create it if it is missing.

    Raises: UserError if other users can enter the folder.
    """
    folder = Path(tempfile.gettempdir()) / f"scalearn-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise UserError(f"{folder}: not a folder of your own that others cannot enter; remove it, or set TMPDIR")
    return folder


def _choose(folder: Path, gpus: list[Gpu], runs: int | None) -> Gpu | None:
    """Take a slot of the GPU with the fewest runs, and of several the least memory in use; None if all are full.

    runs: how many runs may share a GPU; None: any number.
    """
    with (folder / "choosing").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # one process at a time counts runs and takes a slot
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
    """Lock a slot and return its file descriptor; None if another process holds it."""
    slot = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(slot)
        return None
    return slot
