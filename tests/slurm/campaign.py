"""A small campaign on a real SLURM: four trainings of a tiny model, and what a test may do to them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.workflow.clone import configure, environment, outputs, records

Found = TypeVar("Found")

CAMPAIGN: dict[str, Any] = {
    "methods": ["adapter", "scalearn_uniform_pp"],
    "seeds": [0],
    "hyperparameters": {"all": {"epochs": 3, "batch_size": 8}, "scalearn_uniform_pp": {"epochs": 25}},
}
# The profile under test, with limits of this machine, and with less waiting. A batch job of Snakemake asks for its
# threads, so they are few here.
RULES = ("train_adapter", "train_composition", "encode")
QUICK = [
    *("--profile", "slurm", "--latency-wait", "10"),
    *("--slurm-init-seconds-before-status-checks", "8", "--seconds-between-status-checks", "1"),
    *("--set-threads", *(f"{rule}=1" for rule in RULES)),
]


def until(what: Callable[[], Found], seconds: float = 900) -> Found:
    """Return what `what` returns, as soon as that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing after {seconds} s")


def ask(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@dataclass
class Campaign:
    """A project folder, and the commands that run in it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def copy(self, folder: Path) -> Campaign:
        """Return a copy of it, with Snakemake's memory."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Campaign(folder)

    def configure(self, **changes: Any) -> None:
        configure(self.folder, **{**CAMPAIGN, **changes})

    @property
    def said(self) -> str:
        """What the commands started here have printed so far."""
        return (self.folder / "said.txt").read_text()

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command; what it prints is added to `said`."""
        env = {**environment(), **self.environment}
        with (self.folder / "said.txt").open("ab") as said:
            process = subprocess.Popen(command, cwd=self.folder, env=env, stdout=said, stderr=said, process_group=0)
        self.started.append(process)
        return process

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Leave no command behind that was started here, `resume` before its Snakemake."""
        try:
            yield
        finally:
            for process in self.started:
                process.kill()
                process.wait()
            for process_id in self._processes("snakemake"):
                os.kill(process_id, signal.SIGKILL)

    def snakemake(self, *more: str) -> subprocess.Popen[bytes]:
        return self.start("snakemake", *QUICK, *more)

    def start_here(self) -> None:
        """Start Snakemake without SLURM."""
        options = ["--profile", "local", "--cores", "2", "--resources", "gpu=2", "--set-threads"]
        self.start("scalearn", "warm", "snakemake", *options, *(f"{rule}=1" for rule in RULES))

    def resume(self, *more: str, minute: float = 1) -> subprocess.Popen[bytes]:
        """Start `scalearn resume`, whose minutes have so many seconds."""
        self.environment["SCALEARN_MINUTE"] = str(minute)
        return self.start("scalearn", "resume", *more)

    def end(self, process: subprocess.Popen[bytes], status: int = 0, seconds: float = 900) -> None:
        """Wait for the end of a command that was started here, and assert its exit status."""
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        assert process.returncode == status, self.said[-6000:] + ask("squeue", "-o", "%i %T %r %Z")

    def _processes(self, program: str, command: str | None = None) -> dict[int, list[str]]:
        """Return the processes of a Python program that run in this folder, with their command lines."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes().decode().split("\0")
                here = (process / "cwd").readlink() == self.folder
                if here and any(word.endswith(program) for word in words[1:3]) and command in (None, *words[2:4]):
                    found[int(process.name)] = words
        return found

    def training(self) -> int | None:
        """Return the process id of a training that runs here and has a checkpoint, or None."""
        for process, words in self._processes("scalearn", "train").items():
            run = self.folder / words[words.index("--output") + 1]
            if any(run.glob("checkpoints/checkpoint-*")):
                return process
        return None

    def trainings(self) -> list[dict[str, str]]:
        """Return the environments in which trainings that run here were started."""
        found = []
        for process in self._processes("scalearn", "train"):
            with suppress(OSError):
                found.append(_started_with(process))
        return found

    def freeze(self) -> str:
        """Stop a training between two epochs, and return its SLURM job's number; SIGCONT lets it go on."""
        process = until(self.training)
        os.kill(process, signal.SIGSTOP)
        self.frozen = process
        return _started_with(process)["SLURM_JOB_ID"]

    def thaw(self) -> None:
        os.kill(self.frozen, signal.SIGCONT)

    def jobs(self, states: str = "PENDING,RUNNING,COMPLETING") -> list[str]:
        """Return the numbers of this folder's jobs in these states."""
        listed = ask("squeue", "-h", "-o", "%i|%Z", "-t", states).splitlines()
        return [line.split("|")[0] for line in listed if line.endswith(f"|{self.folder}")]

    def logs(self) -> str:
        """Return what the trainings have said, each in its last start."""
        return "".join(path.read_text() for path in sorted((self.folder / "logs/train").rglob("*.log")))

    def times(self) -> dict[str, int]:
        """Return when each finished training ended."""
        return {str(path): path.stat().st_mtime_ns for path in records(self.folder)}

    def results(self) -> dict[str, bytes]:
        return outputs(self.folder)


def same(campaign: Campaign, undisturbed: Campaign) -> None:
    """Assert that two campaigns have the same results, and all of them."""
    mine, whole = campaign.results(), undisturbed.results()
    assert "missing" not in mine["results/pair_table.md"].decode()
    assert sorted(name for name in mine.keys() | whole.keys() if mine.get(name) != whole.get(name)) == []


def _started_with(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def has_slurm() -> bool:
    return all(
        shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") for name in ("slurmd", "slurmctld", "munged")
    )
