"""Time what lies before work: commands, imports up to the first training step, Snakemake's look at a large campaign.

    python benchmarks/start.py                                     # the short form, with random weights
    python benchmarks/start.py --rounds 9 --runs 5000 --model resources/models/minilm --output start.json

Processes start in turn. "Torch and transformers" is `import torch, transformers`; "trainer" is that and `from
transformers import BertModel, Trainer, TrainingArguments`, which is lazy before and costs more than the rest:
scikit-learn, SciPy, pandas, datasets and accelerate come with it, whether a trainer uses them or not.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from made import make_model, make_task, quartiles, write
from programs import write_sources

from scalearn.campaign.plan import Campaign
from scalearn.methods import METHODS
from scalearn.training.data.encode import encode

HERE = Path(__file__).parent
LINKED = ("Snakefile", "workflow", "profiles", "local")
PYTHON = [sys.executable]
SCALEARN = [*PYTHON, "-m", "scalearn"]
TRAINER = "torch, transformers, trainer"  # what trainings are compared with
Seconds = dict[str, list[float]]


def main(
    rounds: Annotated[int, typer.Option(min=1, help="of process starts")] = 3,
    runs: Annotated[int, typer.Option(help="of the campaign that Snakemake looks at; 0: none")] = 1000,
    model: Annotated[Path | None, typer.Option(help="a fetched model, instead of random weights")] = None,
    mirror: Annotated[Path | None, typer.Option(help="a folder in the hub's layout, to train on RTE's rows")] = None,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Time each part, and print medians with quartiles."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        found: dict[str, Any] = {"starts": starts(work, rounds, model or make_model(work), mirror)}
        if runs:
            found["campaign"] = dry_run(work / "campaign", runs)
    write(output, found)


def starts(work: Path, rounds: int, model: Path, mirror: Path | None) -> dict[str, Any]:
    """Return seconds by the clock and of the CPU: of whole commands, and up to the first step of trainings."""
    config = str(HERE.parent / "config.yaml")
    commands = {"python -c pass": [*PYTHON, "-c", "pass"], "--help": [*SCALEARN, "--help"]}
    commands["check"] = [*SCALEARN, "check", config]
    trainings = {"stage 1": train(work, model, mirror), "stage 2, 8 sources": train(work, model, mirror, 8)}
    points = {"torch, transformers": ["torch"], TRAINER: ["trainer"], **trainings}
    wall: Seconds = {}
    cpu: Seconds = {}
    for _ in range(rounds):
        for name, command in commands.items():
            keep(name, whole(command), wall, cpu)
        for name, arguments in points.items():
            shutil.rmtree(work / "out", ignore_errors=True)
            keep(name, until([*PYTHON, str(HERE / "first_step.py"), *arguments])[0], wall, cpu)
    script = [*PYTHON, str(HERE / "first_step.py")]
    for name, arguments in trainings.items():
        shutil.rmtree(work / "out", ignore_errors=True)
        for one in until([*script, "serve", *script, "clients", str(rounds + 1), *arguments])[1:]:
            keep(f"{name}, warm", one, wall, cpu)  # the first waited for the server's imports
    found = {name: {"wall": quartiles(wall[name]), "cpu": quartiles(cpu[name])} for name in wall}
    for name in trainings:
        for kind, times in (("wall", wall), ("cpu", cpu)):
            pairs = zip(times[name], times[TRAINER], strict=True)
            found[name][f"{kind}_beyond_trainer"] = quartiles([mine - theirs for mine, theirs in pairs])
    print(f"{'':<32}{'seconds (quartiles)':<26}CPU's")
    for name, line in found.items():
        print(f"{name:<32}{text(line['wall']):<26}{text(line['cpu'])}")
    for name in trainings:
        line = found[name]
        print(
            f"{name + ' beyond trainer':<32}{text(line['wall_beyond_trainer']):<26}{text(line['cpu_beyond_trainer'])}"
        )
    return found


def text(values: list[float]) -> str:
    """Return a median with its quartiles as people read them."""
    return "{:.2f} ({:.2f}-{:.2f})".format(*values)


def keep(name: str, one: dict[str, float], wall: Seconds, cpu: Seconds) -> None:
    """Add one measurement."""
    wall.setdefault(name, []).append(one["wall"])
    cpu.setdefault(name, []).append(one["cpu"])


def train(work: Path, model: Path, mirror: Path | None, sources: int = 0) -> list[str]:
    """Return the command of a training, in stage 2 if it has sources; what it reads is made."""
    data = work / "encoded"
    if not data.exists():
        encode(make_task(work / "tasks", "rte", mirror, 2000), model, data)
    shape = json.loads((model / "model.json").read_text(encoding="utf-8"))
    command = ["train", "--model", str(model), "--data", str(data), "--output", str(work / "out")]
    if not sources:
        return [*command, "--method", "adapter"]
    stack = write_sources(work / "sources.safetensors", sources, shape["hidden_size"], shape["layers"])
    return [*command, "--method", "scalearn", "--benchmark", "glue", "--sources", str(stack)]


def whole(command: list[str], folder: Path | None = None) -> dict[str, float]:
    """Run a command; return its seconds by the clock and of the CPU. What it says on stderr is shown if it fails."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(said.read().decode(errors="replace"))
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime}


def until(command: list[str]) -> list[dict[str, float]]:
    """Run a command that says when it has come to its point; return what it says."""
    environment = {**os.environ, "STARTED": repr(time.time()), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def dry_run(work: Path, runs: int) -> dict[str, Any]:
    """Return the seconds of `snakemake -n` for a campaign of about so many runs, none of which is done."""
    work.mkdir()
    for name in LINKED:
        (work / name).symlink_to((HERE.parent / name).resolve())
    (work / "rows.csv").write_text("text,label\n" + "".join(f"word{row},{row % 2}\n" for row in range(50)))
    (work / "config.yaml").write_text(json.dumps(campaign(runs)))
    count = len(Campaign.read(work / "config.yaml").trainings())
    found = whole([*PYTHON, "-m", "snakemake", "--profile", "local", "-n"], work)
    print(f"snakemake -n, {count:,} runs: {found['wall']:.1f} s, {found['cpu']:.1f} s of the CPU")
    return {"runs": count, **found, "wall_per_run_ms": found["wall"] / count * 1000}


def campaign(runs: int) -> dict[str, Any]:
    """Return a campaign of about so many runs: two benchmarks of eight tasks that share four, most methods."""
    single = [method.name for method in METHODS.values() if method.family == "single"]
    joint = [method.name for method in METHODS.values() if method.family == "joint"][:2]
    composed = [method.name for method in METHODS.values() if method.family == "two_stage" and not method.similarity]
    names = [f"task{number}" for number in range(12)]
    each = 12 * len(single) + 16 * len(composed) + 2 * len(joint)
    package = {"kind": "package", "package": "none", "version": "1", "folder": "none", "sha256": "0" * 64}
    return {
        "model": "none",
        "models": {"none": package},
        "tasks": {name: {"source": {"kind": "files", "train": "rows.csv"}} for name in names},
        "benchmarks": {"first": names[:8], "second": names[4:]},
        "methods": [*single, *composed, *joint],
        "seeds": list(range(max(1, round(runs / each)))),
    }


if __name__ == "__main__":
    typer.run(main)
