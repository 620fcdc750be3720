"""The promises of the command line: profiles, campaign files, bad input, tasks of one's own, killed campaigns."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from scalearn.campaign.shipped import GLUE
from tests.workflow.project import CAMPAIGN, ROOT, Planned, Project


def at_root(*arguments: str) -> str:
    """Type a snakemake line at the repository's root and return what it says."""
    line = [sys.executable, "-m", "snakemake", *arguments]
    return subprocess.run(line, cwd=ROOT, check=True, capture_output=True, text=True, timeout=300).stdout


@pytest.mark.parametrize("profile", ["slurm", "local"])
def test_the_papers_campaign_is_planned_in_seconds(profile: str, fresh: Project) -> None:
    (fresh.path / "config.yaml").write_bytes((ROOT / "config.yaml").read_bytes())
    started = time.monotonic()
    said = fresh.snakemake("--profile", profile, "-n", "results/glue_table.md")
    assert time.monotonic() - started < 60  # on a busy machine
    assert "config.yaml: 1757 runs for 14 rows and 20 tasks" in said
    jobs = dict(re.findall(r"^(train_\w+) +(\d+)$", said, re.MULTILINE))
    assert jobs == {"train_adapter": str(4 * 52), "train_composition": str(5 * 52), "train_joint": str(5 * 3)}


def test_the_papers_benchmarks_are_compared_with_it_and_no_others(fresh: Project) -> None:
    fresh.configure(benchmarks={"glue": [*GLUE], "superglue": ["rte", "cb"]}, tasks={}, methods=["adapter"], seeds=[0])
    jobs = fresh.planned("tables").jobs
    kinds = {"table": 2, "comparisons": 2, "cost": 2, "published": 1}
    assert {kind: jobs[kind] for kind in kinds} == kinds
    said = fresh.snakemake("--profile", "local", "-n", "results/superglue_published.csv", status=1)
    assert "no rule makes this target: the tasks of 'superglue' are not the paper's (record, multirc, " in said


@pytest.mark.parametrize("profiles", [["slurm"], ["slurm", "packed"]])
def test_the_promised_line_works_at_the_root(profiles: list[str]) -> None:
    """Exactly the README's cluster command, dry."""
    at_root(*(word for profile in profiles for word in ("--profile", profile)), "-n", "results/glue_table.md")


@pytest.mark.parametrize(("name", "size"), [("demo", "32 runs for 4 rows"), ("showcase", "87 runs for 8 rows")])
def test_the_demo_and_the_showcase_bring_their_campaigns(name: str, size: str, fresh: Project) -> None:
    make = subprocess.run(["make", "-n", name], cwd=ROOT, check=True, capture_output=True, text=True, timeout=300)
    targets = ["results/demo_table.md", "results/scores.parquet"]
    assert f"snakemake --profile {name} {' '.join(targets)}" in make.stdout
    assert f"{name}/campaign.yaml: {size} and 4 tasks" in fresh.snakemake("--profile", name, "-n", *targets)


def test_a_campaign_file_replaces_config_yaml_whole(fresh: Project) -> None:
    fresh.configure(task_seeds={"one": [5]}, hyperparameters={"all": {"epochs": 2}})
    mine = {key: value for key, value in CAMPAIGN.items() if key != "seeds"} | {"seeds": [7]}
    (fresh.path / "mine.yaml").write_text(yaml.safe_dump(mine))
    planned = fresh.planned("--configfile", "mine.yaml")
    assert {run.rsplit("/", 1)[1] for run in planned.runs} == {"7", "0"}
    assert {run for run in planned.runs if run.endswith("/0")} == {"adapter/single/one/0", "adapter/single/two/0"}
    (fresh.path / "config.yaml").unlink()
    assert fresh.planned("--configfile", "mine.yaml") == planned


BAD: list[tuple[dict[str, Any], str]] = [
    ({"methods": ["adaptor"]}, "config.yaml: methods: unknown name 'adaptor', did you mean 'adapter'?"),
    ({"benchmarks": {"pair": ["one", "tow"]}}, "config.yaml: benchmarks.pair: unknown name 'tow', did you mean 'two'?"),
    ({"seed": [1]}, "config.yaml: seed: unknown key, did you mean 'seeds'?"),
    ({"seeds": [1, 1]}, "config.yaml: seeds: 1 is listed more than once; keep one"),
    ({"seeds": []}, "config.yaml: seeds: "),
    ({"model": "tinny"}, "config.yaml: model: unknown name 'tinny', did you mean 'tiny'?"),
    ({"hyperparameters": {"scalearn": {"lerning_rate": 1}}}, "did you mean 'learning_rate'?"),
    ({"models": {"tiny": {"kind": "folder", "path": "nowhere"}}}, "config.yaml: models.tiny.path: no folder nowhere"),
    ({"models": {"tiny": {"kind": "folder", "path": "bin"}}}, "bin holds no config.json"),
    (
        {"mirror": "nowhere", "tasks": {}, "benchmarks": {"glue": ["rte"]}},
        "mirror nowhere: no folder nowhere/glue for task 'rte'",
    ),
    (
        {
            "tasks": {"one": {"source": {"kind": "files", "train": "a.csv", "test": "a.csv"}}},
            "benchmarks": {"b": ["one"]},
        },
        "config.yaml: tasks.one.source.train: no file a.csv",
    ),
    (
        {"tasks": {"one": {"source": {"kind": "files", "train": "{2024}.csv"}}}, "benchmarks": {"b": ["one"]}},
        "config.yaml: tasks.one.source: Snakemake would read the brace in {2024}.csv as a wildcard; rename",
    ),
]


@pytest.mark.parametrize(
    ("changes", "sentence"), BAD, ids=[next(iter(changes)) + str(i) for i, (changes, _) in enumerate(BAD)]
)
def test_bad_input_is_one_sentence_before_any_work(fresh: Project, changes: dict[str, Any], sentence: str) -> None:
    fresh.configure(**changes)
    said = fresh.snakemake("--profile", "local", status=1).splitlines()
    assert sentence in said[-1] and said[-1].startswith("error: ")
    assert not any("Traceback" in line or ".smk" in line for line in said)
    assert not (fresh.path / "calls.txt").exists()


MINE = """
rule mine:
    input:
        "three.csv",
    output:
        train="resources/tasks/mine/train.parquet",
        validation="resources/tasks/mine/validation.parquet",
        test="resources/tasks/mine/test.parquet",
        task="resources/tasks/mine/task.json",
    shell:
        "for file in {output}; do cp {input} $file; done"
"""


def test_a_task_made_by_a_rule_of_ones_own(fresh: Project) -> None:
    (fresh.path / "workflow/rules/own/mine.smk").write_text(MINE)
    fresh.configure(
        tasks={**CAMPAIGN["tasks"], "mine": {"source": {"kind": "rule"}}}, benchmarks={"pair": ["one", "mine"]}
    )
    run = fresh.run_path("scalearn", "pair", "mine", 1)
    assert run.endswith("/mine/full/1")  # its rule writes to the folder of its name
    fresh.run(f"{run}/run.json")
    assert [spec["method"] for spec in fresh.trained()].count("scalearn") == 1
    assert not [call for call in fresh.calls() if call.startswith("prepare-task mine")]


def test_stage_2_composes_the_benchmarks_adapters_in_order(finished: Project) -> None:
    (stack,) = [call for call in finished.calls() if call.startswith("stack")]
    assert stack.split() == [
        "stack",
        "--output",
        *(f"results/sources/{path}.safetensors" for path in finished.campaign().stacks),
        finished.run_path("adapter", "pair", "one", 0),
        finished.run_path("adapter", "pair", "two", 0),
    ]


def test_snakemakes_own_report_has_the_tables_by_benchmark(finished: Project) -> None:
    page = finished.path / "own.html"
    said = finished.snakemake("--profile", "local", "--report", str(page))
    for name in ("pair_table.csv", "pair_table.svg", "pair_comparisons.csv", "pair_cost.csv", "report.html"):
        assert f"Adding {name}" in said
    assert "differences from the baseline row" in page.read_text()
    page.unlink()


def test_every_training_has_a_log(finished: Project) -> None:
    run = finished.run_path("scalearn", "pair", "one", 0).replace("results/trained", "logs/train")
    assert (finished.path / f"{run}.log").is_file()


def wait_for(path: Path, word: str) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if path.exists() and word in path.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"no {word} in {path}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_after_a_kill_the_same_command_goes_on(fresh: Project, number: signal.Signals) -> None:
    wait = fresh.path / "wait"
    wait.touch()
    process = fresh.start("--profile", "local", "--cores", "2", "--resources", "gpu=2")
    wait_for(fresh.path / "calls.txt", "train ")
    process.send_signal(number)
    wait.unlink()  # a killed Snakemake leaves its jobs running; let them end
    process.communicate(timeout=300)
    fresh.run()
    assert fresh.planned() == Planned(set(), {})


def test_a_second_snakemake_is_refused_while_the_first_lives(fresh: Project) -> None:
    wait = fresh.path / "wait"
    wait.touch()
    process = fresh.start("--profile", "local", "--cores", "2", "--resources", "gpu=2")
    wait_for(fresh.path / "calls.txt", "train ")
    said = fresh.snakemake("--profile", "local", status=1)
    assert "is at work in this folder on config.yaml since" in said and "LockException" not in said
    wait.unlink()
    process.communicate(timeout=300)
    assert process.returncode == 0


def test_a_label_outside_the_set_is_refused_before_any_job_starts(fresh: Project) -> None:
    fresh.configure(
        tasks={
            "one": {"source": {"kind": "files", "train": "one.csv", "test": "bad.csv"}},
            "two": {"source": {"kind": "files", "train": "two.csv", "test": "two.csv"}},
        }
    )
    (fresh.path / "bad.csv").write_text("text,label\nc,maybe\n")
    output = fresh.snakemake("--profile", "local", status=1)
    assert "error: bad.csv: row 1: label 'maybe' is outside the label set (no, yes)" in output
    assert "Traceback" not in output
    assert not (fresh.path / "calls.txt").exists()
