"""Measure how much CPU time Snakemake itself takes while trainings run and others wait.

    python benchmarks/waiting.py --runs 600 --output waiting.json
    python benchmarks/waiting.py --runs 5000 --variant off --variant subsample=50
    python benchmarks/waiting.py --runs 600 --variant on --variant off --rounds 3

The workflow is the real one. In place of `scalearn` stands a script that writes its outputs, a training after it has
slept. Eight trainings run side by side. First jobs end every few seconds while all others wait; then the trainings that
run are held, so that nothing ends. The second window gives the share of a core while Snakemake waits. What the first
window takes beyond that share, divided by the jobs that ended, is the time for each job. With the limit on, waiting
itself takes more and more: compare the shares there.

A variant is `off` (the Snakefile as it is: no limit of job starts per second), `on` (with the limit), or one of these
with a subsample, as in `off,subsample=50`. Variants run in turn, as often as `--rounds` says.
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
SWITCH = "workflow.scheduler.job_rate_limiter = None"  # the Snakefile's
OUTPUTS = {
    "fetch-model": ["config.json", "model.safetensors", "tokenizer.json", "model.json"],
    "prepare-task": ["train.parquet", "validation.parquet", "test.parquet", "task.json"],
    "encode": ["train.arrow", "validation.arrow", "test.arrow", "encoding.json"],
    "train": ["weights.safetensors", "predictions.parquet", "tasks/none", "run.json"],
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
    window: Annotated[float, typer.Option(min=5, help="seconds for which the CPU's time is read, of either kind")] = 30,
    variant: Annotated[list[str] | None, typer.Option(help="off, on, off,subsample=50, ...; by default off")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="of all variants")] = 1,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
    options: Annotated[list[str] | None, typer.Argument(help="more options for Snakemake, after --")] = None,
) -> None:
    """Start a campaign for each variant, read the main process's CPU time for a while, and stop it."""
    found = []
    for _ in range(rounds):
        for name in variant or ["off"]:
            found.append({"variant": name, **one(name, runs, seconds, window, options or [])})
            print(
                "{variant}: {waiting_share:.1%} of a core while it waits, {busy_share:.1%} while jobs end; "
                "{ended} jobs ended ({trained} trainings), {each_ms:.0f} ms of the CPU for each".format(**found[-1]),
                flush=True,
            )
    write(output, {"runs": runs, "seconds": seconds, "options": options, "found": found})


def one(variant: str, runs: int, seconds: float, window: float, options: list[str]) -> dict[str, Any]:
    """Measure one variant in a folder of its own."""
    limiter, _, rest = variant.partition(",")
    name, _, subsample = (rest or "none").partition("=")
    if limiter not in ("on", "off") or name not in ("none", "subsample"):
        sys.exit(f"{variant} is no variant; write off or on, then ,subsample=50 if you want one")
    if subsample:
        options = [*options, "--scheduler-subsample", subsample]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        process = start(work, runs, seconds, limiter == "on", options)
        try:
            busy = measure(work, process.pid, window)
            (work / "hold").touch()
            quiet(work)
            waiting = measure(work, process.pid, window)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # its trainings, too
            process.wait()
    share = waiting["cpu"] / waiting["seconds"]
    each = (busy["cpu"] - share * busy["seconds"]) / max(busy["ended"], 1)
    return {
        "waiting_share": share,
        "busy_share": busy["cpu"] / busy["seconds"],
        "each_ms": 1000 * each,
        "ended": busy["ended"],
        "trained": busy["trained"],
        "busy": busy,
        "waiting": waiting,
    }


def start(work: Path, runs: int, seconds: float, limiter: bool, options: list[str]) -> subprocess.Popen[bytes]:
    """Start Snakemake on a campaign below `work`; return when the first training has ended."""
    for name in LINKED:
        (work / name).symlink_to((HERE.parent / name).resolve())
    if limiter:
        text = (HERE.parent / "Snakefile").read_text()
        if SWITCH not in text:
            sys.exit(f"the Snakefile no longer says {SWITCH}")
        (work / "Snakefile").unlink()
        (work / "Snakefile").write_text(text.replace(SWITCH, "pass"))
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
    while not trained(work):
        if process.poll() is not None:
            sys.exit((work / "log").read_text()[-2000:])
        time.sleep(0.5)
    return process


def stand_in(seconds: float) -> str:
    """Return a script that stands in place of the command `scalearn`."""
    lines = []
    for command, names in OUTPUTS.items():
        wait = f"sleep {seconds}; while [ -e hold ]; do sleep 1; done; " if command.startswith("train") else ""
        touched = " ".join(f'"$last/{name}"' for name in names)
        lines.append(f'    {command}) {wait}mkdir -p "$last/tasks"; touch {touched} ;;')
    return STAND_IN.format(cases="\n".join(lines))


def quiet(work: Path) -> None:
    """Return when no job has ended for five seconds."""
    last, since = ended(work), time.monotonic()
    while time.monotonic() - since < 5:
        time.sleep(0.5)
        if (now := ended(work)) != last:
            last, since = now, time.monotonic()


def measure(work: Path, pid: int, window: float) -> dict[str, Any]:
    """Return, for so many seconds, the CPU seconds of the process and how many jobs and trainings ended."""
    jobs, runs, begin, first = ended(work), trained(work), time.monotonic(), cpu_seconds(pid)
    time.sleep(window)
    cpu, passed = cpu_seconds(pid) - first, time.monotonic() - begin
    return {"seconds": passed, "cpu": cpu, "ended": ended(work) - jobs, "trained": trained(work) - runs}


def ended(work: Path) -> int:
    """Return how many jobs Snakemake has seen end."""
    return sum(path.read_text().count("\nFinished jobid: ") for path in (work / ".snakemake/log").glob("*.log"))


def trained(work: Path) -> int:
    """Return how many trainings have ended."""
    return sum(1 for _ in (work / "results/trained").rglob("run.json"))


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process so far, without its children's."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    typer.run(main)
