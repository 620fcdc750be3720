"""What users do, from start to table: the real workflow, the real commands, a tiny model, tasks in CSV files."""

from __future__ import annotations

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tests.places import ROOT, run_path
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
    draw = random.Random(seed)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        for row in range(rows):
            words = [f"w{draw.randrange(60)}" for _ in range(draw.randrange(3, 10))]
            writer.writerow([" ".join([*words, ("bad", "good")[row % 2]]), ("no", "yes")[row % 2]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clone's files, a tiny model and two tasks, in a folder with a space in its name."""
    path = tmp_path / "my campaign"
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
    (folder / "config.yaml").write_text(yaml.safe_dump({**CAMPAIGN, **changes}))


def command(*targets: str) -> list[str]:
    snakemake = ["snakemake", "--profile", "local", "--cores", "2", "--resources", "gpu=2"]
    rules = ("train_adapter", "train_composition", "train_joint", "encode", "embed_task")
    threads = ["--set-threads", *(f"{rule}=1" for rule in rules)]
    return ["scalearn", "warm", *snakemake, *targets, *threads]


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def run(folder: Path, *targets: str) -> str:
    done = subprocess.run(
        command(*targets), cwd=folder, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def outputs(folder: Path) -> dict[str, bytes]:
    """Every result but times, which differ, and what is empty: locks, and Snakemake's marks in folders."""
    paths = (path for path in sorted((folder / "results").rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.name not in ("timing.json", ".lock", ".snakemake_timestamp")
    }


def records(folder: Path) -> list[Path]:
    """The run.json of all that is trained; checkpoints come and go meanwhile, which os.walk takes as it finds it."""
    return [Path(at, "run.json") for at, _, names in os.walk(folder / "results/trained") if "run.json" in names]


def training_processes(folder: Path) -> list[int]:
    """The processes whose working directory is the campaign's and that train; forked children of the warm server."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder and b"warm" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_a_campaign_that_is_killed_again_and_again_ends_in_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(folder, undisturbed, symlinks=True)
    run(undisturbed)
    table = (undisturbed / "results/pair_table.md").read_text()
    assert "ScaLearnUniform++" in table and "missing" not in table
    assert pq.read_table(undisturbed / "results/scores.parquet").num_rows == 24

    for number, after in ((signal.SIGKILL, 2), (signal.SIGTERM, 4), (signal.SIGINT, 3)):
        process = subprocess.Popen(
            command(),
            cwd=folder,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        trained = len(records(folder))
        end = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < end:
            if len(records(folder)) >= trained + after:
                break
            time.sleep(0.02)
        for child in training_processes(folder):
            if child != process.pid and number == signal.SIGKILL:
                os.kill(child, number)
        process.send_signal(number)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:  # Snakemake's handler of SIGTERM may wait for a lock that it holds itself
            process.kill()
            process.wait()
    run(folder)
    mine, whole = outputs(folder), outputs(undisturbed)
    assert sorted(name for name in mine.keys() | whole.keys() if mine.get(name) != whole.get(name)) == []
    assert "Nothing to be done" in run(folder)


def test_a_run_that_fails_stops_no_other_and_stands_in_the_table_as_missing(folder: Path) -> None:
    runaway = {"two": {"scalearn_uniform_pp": {"learning_rate": 1e30}}}
    methods = ["adapter", "scalearn_uniform_pp"]
    configure(folder, methods=methods, seeds=[0, 1], task_hyperparameters=runaway)
    done = subprocess.run(
        command(), cwd=folder, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 1
    assert "not finite" in done.stdout + done.stderr  # the failed run's own log
    table = (folder / "results/pair_table.md").read_text()
    assert "- ScaLearnUniform++, two: seeds 0, 1" in table
    assert len(list(folder.glob("results/trained/**/score.json"))) == 6
    configure(folder, methods=methods, seeds=[0, 1])
    run(folder)
    assert "missing" not in (folder / "results/pair_table.md").read_text()
    configure(folder, methods=methods, seeds=[0, 1], task_hyperparameters=runaway)
    again = subprocess.run(command(), cwd=folder, env=environment(), capture_output=True, timeout=600, check=False)
    assert again.returncode == 1  # and the finished runs of the other learning rate are no runs of this one
    assert "- ScaLearnUniform++, two: seeds 0, 1" in (folder / "results/pair_table.md").read_text()


RULE = """
rule three:
    input:
        "three.csv",
    output:
        multiext("resources/tasks/three/", "train.parquet", "validation.parquet", "test.parquet", "task.json"),
    params:
        definition='{"source": {"kind": "files", "train": "three.csv", "test": "three.csv"}}',
    shell:
        "scalearn prepare-task three --definition {params.definition:q} --output resources/tasks/three"
"""


def test_a_new_target_task_as_a_rule_gets_its_column(folder: Path) -> None:
    methods = ["adapter", "scalearn_pp"]
    configure(folder, methods=methods, seeds=[0])
    run(folder)
    before = outputs(folder)

    write_rows(folder / "three.csv", 40, seed=3)
    (folder / "workflow/rules/own/three.smk").write_text(RULE)
    tasks = {**CAMPAIGN["tasks"], "three": {"source": {"kind": "rule"}}}
    configure(folder, methods=methods, seeds=[0], tasks=tasks, benchmarks={"trio": ["one", "two", "three"]})
    run(folder)
    header = (folder / "results/trio_table.md").read_text().split("| three", 1)
    assert len(header) == 2
    after = outputs(folder)
    stage1 = {path: content for path, content in before.items() if "/single/" in path}
    assert stage1 and stage1.items() <= after.items()
    run_of_three = run_path(folder / "config.yaml", "scalearn_pp", "trio", "three", 0)
    assert f"{run_of_three}/score.json" in after
