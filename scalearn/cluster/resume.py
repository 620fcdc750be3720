"""Resumes a campaign after any interruption: `scalearn resume [SNAKEMAKE ARGUMENTS...]`.

Without arguments, the command repeats the last Snakemake command of this folder. It first cancels SLURM jobs that a
dead Snakemake left behind, so that no run trains twice at the same time; trainings resume from their checkpoints. It
then runs Snakemake as a child process. It starts Snakemake again when Snakemake ends with failed jobs, or when
Snakemake waits for jobs that SLURM no longer has.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scalearn.cluster.command_line import check_config_files
from scalearn.errors import UserError
from scalearn.machine import time_budget
from scalearn.storage.notes import read_note, write_note
from scalearn.workspace import at_work

SNAKEMAKE = Path(".snakemake")
NOTE = SNAKEMAKE / "scalearn" / "command.json"
PREFIX = "scalearn_"  # of our jobs' names: slurm-jobname-prefix in profiles/slurm, and the plugin's separator
QUERIES = ("squeue", "sacct", "scontrol")  # the plugin's queries to SLURM, which go on even when it waits for lost jobs

MINUTE = float(os.environ.get("SCALEARN_MINUTE", "60"))  # seconds; tests shorten it
QUIET = 10  # minutes without a job, a child process or a log entry, after which Snakemake counts as stuck
PAUSES = (1, 5, 30)  # minutes before each restart after a start that finished no job; then resume gives up
ENDING = 10  # minutes within which SLURM must end cancelled jobs


def note_command(executor: str) -> None:
    """Record the command line of this process, a Snakemake, before its first job starts.

    executor: the name of its executor plugin.
    """
    content = {
        "arguments": sys.argv[1:],
        "pid": os.getpid(),
        "slurm": executor == "slurm" or _noted("slurm", False),  # jobs of an earlier command may still run
        "warm": "SCALEARN_WARM" in os.environ,
        "deadline": time_budget.deadline(),
    }
    write_note(NOTE, content)


def _noted(key: str, default: Any) -> Any:
    return read_note(NOTE, "the last command is not known").get(key, default)


def resume(arguments: Sequence[str], max_time: str | None = None) -> int:
    """Run Snakemake until the campaign is done, the time is up or restarts no longer help; return its last exit status.

    arguments: Snakemake's; empty: those of the last command.
    max_time: the time budget, for example 10m.
    Raises: UserError if another process works in this folder, no command is known or an argument is wrong.
    """
    time_budget.begin(max_time)
    command = _command(arguments)
    check_config_files(command)
    with _exclusive(), suppress(KeyboardInterrupt):
        pauses = list(PAUSES)
        while True:
            _cancel_orphans()
            _say("starting " + " ".join(command[command.index("snakemake") :]))
            child = _Snakemake(command)
            status = child.run()
            if child.stopped == signal.SIGINT:
                _cancel(_jobs() or [])  # Snakemake does this itself, except during a status query
            if status == 0 or child.stopped or not child.began():
                return status
            if (end := _noted("deadline", None)) is not None and time.time() >= end - time_budget.EARLY:
                return time_budget.STOPPED
            if child.finished_jobs():
                pauses = list(PAUSES)
                _say(f"Snakemake ended with status {status} after some progress; starting it again")
            elif pauses:
                _say(f"Snakemake ended with status {status}; starting it again in {pauses[0]} minutes")
                time.sleep(pauses.pop(0) * MINUTE)
            else:
                _say(f"no job was finished in {len(PAUSES) + 1} starts; giving up")
                return status
    return 128 + signal.SIGINT


def _command(arguments: Sequence[str]) -> list[str]:
    """Return the command to run, with these arguments or else those of the last command."""
    if not Path("Snakefile").exists():
        raise UserError("resume: no Snakefile here; change to the campaign's folder")
    snakemake = [sys.executable, "-m", "snakemake"]
    if arguments:
        return [*snakemake, *arguments]
    last = _noted("arguments", None)
    if last is None:
        why = "the note of the last command is damaged" if NOTE.exists() else "no command is noted in this folder"
        raise UserError(f"resume: {why}; give Snakemake's arguments, for example `scalearn resume --profile slurm`")
    warm = [sys.executable, "-m", "scalearn", "warm"] if _noted("warm", False) else []
    return [*warm, *snakemake, *last]


@contextmanager
def _exclusive() -> Iterator[None]:
    """Hold the folder's lock; refuse if another `scalearn resume` or a Snakemake is alive.

    It does not wait for the other process, which may be stuck; only its user can tell.
    """
    with at_work.holding(SNAKEMAKE, at_work.RESUME):
        at_work.check_no_snakemake(SNAKEMAKE)
        yield


class _Snakemake:
    """A Snakemake child process. It receives our signals, and is killed when it is stuck."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self.stopped = 0  # the signal with which the user stopped us, if any
        self.earlier_logs = set(SNAKEMAKE.glob("log/*.log"))
        self.written = 0.0  # modification time of its log
        self.alive = time.monotonic()  # monotonic time of its last activity

    def run(self) -> int:
        """Run it to its end and return its exit status."""
        # In its own process group, it receives Ctrl-C once, from us. A second one would interrupt its clean-up.
        with subprocess.Popen(self.command, process_group=0) as self.process, _handled(self._forward):
            while True:
                try:
                    status = self.process.wait(QUIET * MINUTE / 20)
                    return status if status >= 0 else 128 - status
                except subprocess.TimeoutExpired:
                    self._watch()

    def _forward(self, number: int, _: object) -> None:
        self.stopped = number
        self.process.send_signal(number)

    def _watch(self) -> None:
        """Kill Snakemake if there has been no job to wait for during the last QUIET minutes.

        The SLURM plugin may lose track of a job when a status query fails, and then waits for it forever. Killing
        Snakemake loses nothing, since no job is left.
        """
        written = max((log.stat().st_mtime for log in self._logs()), default=0.0)
        if (
            not (self.began() and _noted("slurm", False))
            or written != self.written
            or any(name not in QUERIES for name in _children(self.process.pid))
            or _jobs() != []
        ):
            self.alive, self.written = time.monotonic(), written
        elif time.monotonic() - self.alive > QUIET * MINUTE:
            _say(f"Snakemake waits, but for {QUIET} minutes there was no job to wait for; killing it")
            self.process.kill()

    def began(self) -> bool:
        """Return whether it started its first job; if not, another start would fail in the same way."""
        return bool(_noted("pid", None) == self.process.pid)

    def finished_jobs(self) -> int:
        """Return how many jobs it finished."""
        return sum(log.read_text(errors="replace").count("\nFinished jobid: ") for log in self._logs())

    def _logs(self) -> list[Path]:
        return [log for log in SNAKEMAKE.glob("log/*.log") if log not in self.earlier_logs]


@contextmanager
def _handled(forward: Callable[[int, object], None]) -> Iterator[None]:
    """Call `forward` at signals that end programs; signals that are ignored, for example by nohup, stay ignored."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] != signal.SIG_IGN:
            signal.signal(number, forward)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def _children(parent: int) -> list[str]:
    """Return the names of a process's live children."""
    names = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            head, _, tail = path.read_text().rpartition(")")  # number (name) state parent ...
            state, parent_id = tail.split()[:2]
            if int(parent_id) == parent and state != "Z":
                names.append(head.partition("(")[2])
    return names


def _jobs() -> list[str] | None:
    """Return the job IDs of this folder's pending and running SLURM jobs; None if SLURM does not answer."""
    line = ["squeue", "--me", "--noheader", "--format=%i|%j|%Z"]
    try:
        done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60)
    except FileNotFoundError:
        return []  # no SLURM on this machine
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    rows = [row.split("|", 2) for row in done.stdout.splitlines()]
    here = Path.cwd().resolve()
    return [number for number, name, folder in rows if name.startswith(PREFIX) and Path(folder).resolve() == here]


def _cancel(jobs: Sequence[str]) -> None:
    if jobs:
        subprocess.run(["scancel", *jobs], capture_output=True, check=False)


def _cancel_orphans() -> None:
    """Cancel the SLURM jobs that a dead Snakemake left behind, and wait until they have ended.

    Raises: UserError if they do not end within ENDING minutes.
    """
    last_text, end = "", time.monotonic() + ENDING * MINUTE
    while _noted("slurm", True) and (jobs := _jobs()) != []:
        if jobs is None:
            text, end = "SLURM does not answer; waiting until it does", time.monotonic() + ENDING * MINUTE
        else:
            text = "cancelling SLURM jobs that Snakemake left behind, and waiting for their end"
            _cancel(jobs)
        if text != last_text:
            _say(text)
            last_text = text
        if time.monotonic() > end:
            raise UserError(f"resume: cancelled SLURM jobs do not end: {' '.join(jobs or [])}; ask squeue why")
        time.sleep(MINUTE / 20)


def _say(text: str) -> None:
    print(f"scalearn resume: {text}", file=sys.stderr, flush=True)
