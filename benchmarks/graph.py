"""Time `snakemake -n` on a large made-up campaign: from nothing, and after a part of its runs.

    python benchmarks/graph.py --runs 5120 --rounds 3 --output graph.json
    python benchmarks/graph.py --runs 5120 --rounds 1 --profile graph.profile

The workflow is the real one. For the second time empty files stand for all that is encoded and for `--finished` of the
runs, and Snakemake remembers nothing of them, as in a campaign that was copied.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from made import write
from start import HERE, LINKED, campaign

from scalearn.campaign.places import ENCODED, MODELS, RUNS, SOURCES, TASKS
from scalearn.campaign.plan import Campaign

FETCHED = ["config.json", "model.safetensors", "tokenizer.json", "model.json"]
PREPARED = ["train.parquet", "validation.parquet", "test.parquet", "task.json"]
SPLITS = ["train.arrow", "validation.arrow", "test.arrow", "encoding.json"]
RUN = ["weights.safetensors", "history.parquet", "timing.json", "predictions.parquet", "run.json"]


def main(
    runs: Annotated[int, typer.Option(min=100, help="of the campaign, about")] = 5120,
    rounds: Annotated[int, typer.Option(min=1, help="how often each is timed")] = 3,
    finished: Annotated[float, typer.Option(min=0, max=1, help="the part of the runs that seem to be done")] = 0.5,
    profile: Annotated[Path | None, typer.Option(help="where cProfile's view of the first dry run goes")] = None,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Make a campaign, plan it `rounds` times, make a part of it, and plan the rest."""
    found: dict[str, Any] = {"runs": runs, "finished": finished}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        prepare(work, runs)
        if profile:
            plan(work, ["-m", "cProfile", "-o", str(profile.absolute())])
        found["nothing done"] = timed(work, "nothing done", rounds)
        pretend(work, finished)
        found["a part done"] = timed(work, "a part done", rounds)
    write(output, found)


def timed(work: Path, state: str, rounds: int) -> list[dict[str, Any]]:
    """Time so many dry runs, and print what they took."""
    tries = [plan(work) for _ in range(rounds)]
    seconds = sorted(one["seconds"] for one in tries)
    spread = f"{seconds[0]:.1f}-{seconds[-1]:.1f}"
    print(f"{state}: {tries[0]['jobs']} jobs, {median(seconds):.1f} s of the CPU ({spread})", flush=True)
    return tries


def prepare(work: Path, runs: int) -> None:
    """Make a folder with a campaign of about so many runs."""
    for name in LINKED:
        (work / name).symlink_to((HERE.parent / name).resolve())
    (work / "rows.csv").write_text("text,label\n" + "".join(f"word{row},{row % 2}\n" for row in range(50)))
    (work / "config.yaml").write_text(json.dumps(campaign(runs)))


def plan(work: Path, before: list[str] | None = None) -> dict[str, Any]:
    """Return the CPU seconds of a dry run, and how many jobs it announces."""
    start = os.times()
    done = subprocess.run(
        [sys.executable, *(before or []), "-m", "snakemake", "--profile", "local", "-n"],
        cwd=work,
        capture_output=True,
        text=True,
    )
    end = os.times()
    jobs = re.search(r"^total +(\d+)$", done.stdout, re.MULTILINE)
    if done.returncode or jobs is None:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    seconds = end.children_user + end.children_system - start.children_user - start.children_system
    return {"seconds": seconds, "jobs": int(jobs[1])}


def pretend(work: Path, finished: float) -> None:
    """Write empty files in place of what is prepared and of the first part of the runs."""
    asked = Campaign.read(work / "config.yaml")
    for task in asked.task_names:
        touch(work / TASKS / task, PREPARED)
    for model in asked.model_names:
        touch(work / MODELS / model, FETCHED)
        for task in asked.task_names:
            touch(work / ENCODED / model / task, SPLITS)
    trainings = list(asked.trainings.values())  # single-task runs of a benchmark first, as its stage 2 needs them
    for run in trainings[: round(finished * len(trainings))]:
        if run.sources:
            stack = work / SOURCES / f"{run.stack}.safetensors"
            touch(stack.parent, [stack.name], again=False)
        touch(work / RUNS / run.path, RUN)
        for task in run.tasks if run.family == "joint" else ():
            touch(work / RUNS / run.path / "tasks" / task, ["predictions.parquet", "run.json"])


def touch(folder: Path, names: list[str], again: bool = True) -> None:
    """Write empty files, each newer than the last; `again`: also those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if again or not (folder / name).exists():
            (folder / name).touch()


if __name__ == "__main__":
    typer.run(main)
