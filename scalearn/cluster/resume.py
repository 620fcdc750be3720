"""One command that goes on with a campaign after anything: `scalearn resume [SNAKEMAKE ARGUMENTS...]`.

Without arguments it repeats the last Snakemake command of this folder. SLURM jobs that a dead Snakemake left behind are
cancelled first, so that no run is at work twice; trainings go on from their checkpoints. Snakemake then runs as a child
that is started again when it ends with failed jobs, and when it waits for jobs that SLURM no longer has.
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
PREFIX = "scalearn_"  # of our jobs' names: slurm-jobname-prefix in profiles/slurm, and what the plugin puts behind it
QUERIES = ("squeue", "sacct", "scontrol")  # the plugin's questions to SLURM; they go on when it waits in vain, too

MINUTE = float(os.environ.get("SCALEARN_MINUTE", "60"))  # seconds; tests have shorter ones
QUIET = 10  # minutes without a job, a child at work or a word in the log, after which Snakemake waits in vain
PAUSES = (1, 5, 30)  # minutes before each start that follows one in which no job was finished; then we give up
ENDING = 10  # minutes that SLURM has to take cancelled jobs off their nodes


def note(executor: str) -> None:
    """Write down this process's command line; the Snakefile calls it when the first job is about to start."""
    content = {
        "arguments": sys.argv[1:],
        "pid": os.getpid(),
        "slurm": executor == "slurm" or _noted("slurm", False),  # jobs may be left from an earlier command
        "warm": "SCALEARN_WARM" in os.environ,
        "deadline": time_budget.deadline(),
    }
    write_note(NOTE, content)


def _noted(key: str, otherwise: Any) -> Any:
    return read_note(NOTE, "the last command is not known").get(key, otherwise)


def resume(arguments: Sequence[str], max_time: str | None = None) -> int:
    """Run Snakemake until the campaign is done, the time is up or nothing more is to be had; return its last status."""
    time_budget.begin(max_time)
    command = _command(arguments)
    check_config_files(command)
    with _alone(), suppress(KeyboardInterrupt):
        left = list(PAUSES)
        while True:
            _cancel_orphans()
            _say("starting " + " ".join(command[command.index("snakemake") :]))
            child = _Snakemake(command)
            status = child.run()
            if child.stopped == signal.SIGINT:
                _cancel(_jobs() or [])  # an interrupted Snakemake does so, but not in the midst of a status query
            if status == 0 or child.stopped or not child.began():
                return status
            if (end := _noted("deadline", None)) is not None and time.time() >= end - time_budget.EARLY:
                return time_budget.STOPPED
            if child.finished_jobs():
                left = list(PAUSES)
                _say(f"Snakemake ended with status {status} after some progress; starting it again")
            elif left:
                _say(f"Snakemake ended with status {status}; starting it again in {left[0]} minutes")
                time.sleep(left.pop(0) * MINUTE)
            else:
                _say(f"no job was finished in {len(PAUSES) + 1} starts; giving up")
                return status
    return 128 + signal.SIGINT


def _command(arguments: Sequence[str]) -> list[str]:
    """Return the command to run: with these arguments, or else with those of the last time."""
    if not Path("Snakefile").exists():
        raise UserError("resume: no Snakefile here; change to the campaign's folder")
    snakemake = [sys.executable, "-m", "snakemake"]
    if arguments:
        return [*snakemake, *arguments]
    last = _noted("arguments", None)
    if last is None:
        why = "the note of the last command is damaged" if NOTE.exists() else "no campaign ran here yet"
        raise UserError(f"resume: {why}; say how, for example `scalearn resume --profile slurm`")
    warm = [sys.executable, "-m", "scalearn", "warm"] if _noted("warm", False) else []
    return [*warm, *snakemake, *last]


@contextmanager
def _alone() -> Iterator[None]:
    """Refuse to work where another `scalearn resume`, or a Snakemake, is alive.

    Not wait for it: it may be the one that waits in vain, which only its user can tell.
    """
    with at_work.working(SNAKEMAKE, at_work.RESUME):
        at_work.check_snakemake(SNAKEMAKE)
        yield


class _Snakemake:
    """Snakemake as a child, which gets the signals that we get and is killed when it waits in vain."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self.stopped = 0  # on purpose: by this signal to us
        self.older = set(SNAKEMAKE.glob("log/*.log"))
        self.written = 0.0  # when its log last changed, by the log's clock
        self.alive = time.monotonic()  # when it last showed a sign of life

    def run(self) -> int:
        """Run it to its end and return its exit status."""
        # In a group of its own the terminal's Ctrl-C reaches it once, from us: a second one would stop its clearing up.
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
        """Kill Snakemake if there has long been nothing that it could wait for.

        The plugin for SLURM forgets jobs whose state it fails to learn, or never learns the end of, and waits for them
        without end. A kill loses nothing then: no job is left.
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
        """Return whether it came as far as its first job; if not, another start would not help."""
        return bool(_noted("pid", None) == self.process.pid)

    def finished_jobs(self) -> int:
        """Return how many jobs it finished."""
        return sum(log.read_text(errors="replace").count("\nFinished jobid: ") for log in self._logs())

    def _logs(self) -> list[Path]:
        return [log for log in SNAKEMAKE.glob("log/*.log") if log not in self.older]


@contextmanager
def _handled(forward: Callable[[int, object], None]) -> Iterator[None]:
    """Have `forward` called at the signals that end programs; those ignored (by nohup, say) stay so."""
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
    """Return the names of a process's children that are not dead."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            head, _, tail = path.read_text().rpartition(")")  # number (name) state parent ...
            state, its_parent = tail.split()[:2]
            if int(its_parent) == parent and state != "Z":
                found.append(head.partition("(")[2])
    return found


def _jobs() -> list[str] | None:
    """Return the numbers of this folder's SLURM jobs that wait or run; None if SLURM does not answer."""
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
    """Cancel the SLURM jobs that no Snakemake waits for any more, and wait until they have left their nodes."""
    said, end = "", time.monotonic() + ENDING * MINUTE
    while _noted("slurm", True) and (jobs := _jobs()) != []:
        if jobs is None:
            text, end = "SLURM does not answer; waiting until it does", time.monotonic() + ENDING * MINUTE
        else:
            text = "cancelling SLURM jobs that Snakemake left behind, and waiting for their end"
            _cancel(jobs)
        if text != said:
            _say(text)
            said = text
        if time.monotonic() > end:
            raise UserError(f"resume: cancelled SLURM jobs do not end: {' '.join(jobs or [])}; ask squeue why")
        time.sleep(MINUTE / 20)


def _say(text: str) -> None:
    print(f"scalearn resume: {text}", file=sys.stderr, flush=True)
