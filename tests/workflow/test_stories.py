"""What users do, from start to table: the real workflow, the real commands, a tiny model, tasks in CSV files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq

from tests.places import run_path
from tests.workflow.clone import CAMPAIGN, command, configure, environment, outputs, records, run, write_rows


def training_processes(clone: Path) -> list[int]:
    """The processes whose working directory is the campaign's and that train; forked children of the warm server."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == clone and b"warm" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_a_campaign_that_is_killed_again_and_again_ends_in_the_same_bytes(clone: Path, tmp_path: Path) -> None:
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(clone, undisturbed, symlinks=True)
    run(undisturbed)
    table = (undisturbed / "results/pair_table.md").read_text()
    assert "ScaLearnUniform++" in table and "missing" not in table
    assert pq.read_table(undisturbed / "results/scores.parquet").num_rows == 24

    for number, after in ((signal.SIGKILL, 2), (signal.SIGTERM, 4), (signal.SIGINT, 3)):
        process = subprocess.Popen(
            command(),
            cwd=clone,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        trained = len(records(clone))
        end = time.monotonic() + 600
        while process.poll() is None and time.monotonic() < end:
            if len(records(clone)) >= trained + after:
                break
            time.sleep(0.02)
        for child in training_processes(clone):
            if child != process.pid and number == signal.SIGKILL:
                os.kill(child, number)
        process.send_signal(number)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:  # Snakemake's handler of SIGTERM may wait for a lock that it holds itself
            process.kill()
            process.wait()
    run(clone)
    mine, whole = outputs(clone), outputs(undisturbed)
    assert sorted(name for name in mine.keys() | whole.keys() if mine.get(name) != whole.get(name)) == []
    assert "Nothing to be done" in run(clone)


def test_a_run_that_fails_stops_no_other_and_stands_in_the_table_as_missing(clone: Path) -> None:
    runaway = {"two": {"scalearn_uniform_pp": {"learning_rate": 1e30}}}
    methods = ["adapter", "scalearn_uniform_pp"]
    configure(clone, methods=methods, seeds=[0, 1], task_hyperparameters=runaway)
    done = subprocess.run(
        command(), cwd=clone, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 1
    assert "not finite" in done.stdout + done.stderr  # the failed run's own log
    table = (clone / "results/pair_table.md").read_text()
    assert "- ScaLearnUniform++, two: seeds 0, 1" in table
    assert len(list(clone.glob("results/trained/**/score.json"))) == 6
    configure(clone, methods=methods, seeds=[0, 1])
    run(clone)
    assert "missing" not in (clone / "results/pair_table.md").read_text()
    configure(clone, methods=methods, seeds=[0, 1], task_hyperparameters=runaway)
    again = subprocess.run(command(), cwd=clone, env=environment(), capture_output=True, timeout=600, check=False)
    assert again.returncode == 1  # and the finished runs of the other learning rate are no runs of this one
    assert "- ScaLearnUniform++, two: seeds 0, 1" in (clone / "results/pair_table.md").read_text()


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


def test_a_new_target_task_as_a_rule_gets_its_column(clone: Path) -> None:
    methods = ["adapter", "scalearn_pp"]
    configure(clone, methods=methods, seeds=[0])
    run(clone)
    before = outputs(clone)

    write_rows(clone / "three.csv", 40, seed=3)
    (clone / "workflow/rules/own/three.smk").write_text(RULE)
    tasks = {**CAMPAIGN["tasks"], "three": {"source": {"kind": "rule"}}}
    configure(clone, methods=methods, seeds=[0], tasks=tasks, benchmarks={"trio": ["one", "two", "three"]})
    run(clone)
    header = (clone / "results/trio_table.md").read_text().split("| three", 1)
    assert len(header) == 2
    after = outputs(clone)
    stage1 = {path: content for path, content in before.items() if "/single/" in path}
    assert stage1 and stage1.items() <= after.items()
    run_of_three = run_path(clone / "config.yaml", "scalearn_pp", "trio", "three", 0)
    assert f"{run_of_three}/score.json" in after
