"""A clone in which the real workflow runs the real commands on a tiny model and two tasks in CSV files."""

from __future__ import annotations

import csv
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.places import ROOT
from tests.tiny import make_model

CAMPAIGN: dict[str, Any] = {
    "model": "tiny",
    "models": {"tiny": {"kind": "folder", "path": "model"}},
    "tasks": {
        name: {"source": {"kind": "files", "train": f"{name}.csv", "test": f"{name}.csv"}} for name in ("one", "two")
    },
    "benchmarks": {"pair": ["one", "two"]},
    "sentence_encoder": "tiny",
    "methods": ["adapter", "adapter_m", "adapter_fusion", "adapter_soup", "scalearn", "scalearn_uniform_pp"],
    "seeds": [0, 1],
    "hyperparameters": {"all": {"epochs": 3, "batch_size": 8}},
}


def write_rows(path: Path, rows: int, seed: int) -> None:
    """Write a task whose label stands in its text."""
    draw = random.Random(seed)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        for row in range(rows):
            words = [f"w{draw.randrange(60)}" for _ in range(draw.randrange(3, 10))]
            writer.writerow([" ".join([*words, ("bad", "good")[row % 2]]), ("no", "yes")[row % 2]])


def make_clone(path: Path) -> Path:
    """Write a clone's files, a tiny model and two tasks; return the folder."""
    path.mkdir()
    for name in ("workflow", "profiles"):
        shutil.copytree(ROOT / name, path / name)
    shutil.copy(ROOT / "Snakefile", path)
    (path / "local").symlink_to("profiles/local")
    make_model(path / "model")
    for seed, name in enumerate(("one", "two")):
        write_rows(path / f"{name}.csv", 48, seed)
    configure(path)
    return path


def configure(folder: Path, **changes: Any) -> None:
    """Write config.yaml: the campaign above with these keys changed."""
    (folder / "config.yaml").write_text(yaml.safe_dump({**CAMPAIGN, **changes}))


def command(*targets: str) -> list[str]:
    """Return the command that makes these targets (by default all), of as little as may be at a time."""
    snakemake = ["snakemake", "--profile", "local", "--cores", "2", "--resources", "gpu=2"]
    rules = ("train_adapter", "train_composition", "train_joint", "encode", "embed_task")
    threads = ["--set-threads", *(f"{rule}=1" for rule in rules)]
    return ["scalearn", "warm", *snakemake, *targets, *threads]


def environment() -> dict[str, str]:
    """Return the environment in which the commands are found."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def run(folder: Path, *targets: str) -> str:
    """Make these targets and return what is printed, having asserted that it succeeds."""
    done = subprocess.run(
        command(*targets), cwd=folder, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


TIMES = ("timing.json", "report.html")  # files that show what the clock measured


def outputs(folder: Path) -> dict[str, bytes]:
    """Return every result but times, which differ, and what is empty: locks, and Snakemake's marks in folders."""
    paths = (path for path in sorted((folder / "results").rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.name not in (*TIMES, ".lock", ".snakemake_timestamp") and "_cost." not in path.name
    }


def records(folder: Path) -> list[Path]:
    """Return the run.json of all that is trained."""
    # Checkpoints come and go meanwhile, which os.walk bears.
    return [Path(at, "run.json") for at, _, names in os.walk(folder / "results/trained") if "run.json" in names]
