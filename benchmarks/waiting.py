"""Measure how much CPU time Snakemake itself takes while trainings run and others wait.

    python benchmarks/waiting.py --runs 600 --output waiting.json
    python benchmarks/waiting.py --runs 5000

The workflow is the real one. In place of `scalearn` stands a script that writes its outputs, a training after it has
slept. Eight trainings run side by side, so that every few seconds some end while all others wait.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from made import write
from start import HERE, LINKED, campaign

TRAININGS = 8  # at the same time
OUTPUTS = {
    "fetch-model": ["config.json", "model.safetensors", "tokenizer.json", "model.json"],
    "prepare-task": ["train.parquet", "validation.parquet", "test.parquet", "task.json"],
    "encode": ["train.arrow", "validation.arrow", "test.arrow", "encoding.json"],
    "train": ["weights.safetensors", "history.parquet", "predictions.parquet", "timing.json", "run.json"],
    "train-joint": ["weights.safetensors", "history.parquet", "tasks/none", "timing.json", "run.json"],
}
STAND_IN = """#!/bin/bash
command=$1 last=$2
while [ $# -gt 1 ]; do [ "$1" = --output ] && last=$2; shift; done
case $command in
{cases}
    *) mkdir -p "$(dirname "$last")"; : > "$last" ;;
esac
"""


def main(
    runs: Annotated[int, typer.Option(min=100, help="of the campaign, about")] = 600,
    seconds: Annotated[float, typer.Option(min=1, help="that a training takes")] = 6,
    windows: Annotated[int, typer.Option(min=1, help="of twenty seconds, in which the CPU's time is read")] = 4,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
    options: Annotated[list[str] | None, typer.Argument(help="more options for Snakemake, after --")] = None,
) -> None:
    """Start a campaign, read the main process's CPU time for a while, and stop it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = start(Path(folder), runs, seconds, options or [])
        try:
            found = [measure(Path(folder), process.pid) for _ in range(windows)]
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # its trainings, too
            process.wait()
    cpu, trained = sum(one["cpu"] for one in found), sum(one["ended"] for one in found)
    passed = sum(one["seconds"] for one in found)
    each = 1000 * cpu / max(trained, 1)
    print(f"{cpu / passed:.1%} of a core; {trained} trainings ended, {each:.0f} ms of the CPU for each")
    write(output, {"runs": runs, "options": options, "windows": found})


def start(work: Path, runs: int, seconds: float, options: list[str]) -> subprocess.Popen[bytes]:
    """Start Snakemake on a campaign below `work`; return when the first training has ended."""
    for name in LINKED:
        (work / name).symlink_to((HERE.parent / name).resolve())
    (work / "rows.csv").write_text("text,label\n" + "".join(f"word{row},{row % 2}\n" for row in range(50)))
    (work / "config.yaml").write_text(json.dumps(campaign(runs)))
    (work / "bin").mkdir()
    (work / "bin/scalearn").write_text(stand_in(seconds))
    (work / "bin/scalearn").chmod(0o755)
    place = {**os.environ, "PATH": f"{work / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    threads = [f"{rule}=1" for rule in ("train_adapter", "train_composition", "train_joint")]
    command = [sys.executable, "-m", "snakemake", "--profile", "local", "--cores", str(TRAININGS)]
    command += ["--resources", f"gpu={TRAININGS}", "--set-threads", *threads, *options]
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=work, env=place, stdout=log, stderr=log, start_new_session=True)
    while not ended(work):
        if process.poll() is not None:
            sys.exit((work / "log").read_text()[-2000:])
        time.sleep(0.5)
    return process


def stand_in(seconds: float) -> str:
    """Return a script that stands in place of the command `scalearn`."""
    lines = []
    for command, names in OUTPUTS.items():
        wait = f"sleep {seconds}; " if command.startswith("train") else ""
        touched = " ".join(f'"$last/{name}"' for name in names)
        lines.append(f'    {command}) {wait}mkdir -p "$last/tasks"; touch {touched} ;;')
    return STAND_IN.format(cases="\n".join(lines))


def measure(work: Path, pid: int) -> dict[str, Any]:
    """Return, for twenty seconds, the CPU seconds of the process and how many trainings ended."""
    before, begin, first = ended(work), time.monotonic(), cpu_seconds(pid)
    time.sleep(20)
    found = {"seconds": time.monotonic() - begin, "cpu": cpu_seconds(pid) - first, "ended": ended(work) - before}
    print("{seconds:.0f} s: {cpu:.2f} s of the CPU, {ended} trainings ended".format(**found), flush=True)
    return found


def ended(work: Path) -> int:
    """Return how many trainings have ended."""
    return sum(1 for _ in (work / "results/runs").rglob("run.json"))


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process so far, without its children's."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    typer.run(main)
