"""Two campaign files in one folder, and notes of ours that were damaged: the real workflow, stubs for the commands."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from scalearn.workspace.prune import unneeded
from scalearn.workspace.started import campaigns
from tests.bad_input.case import make_folder
from tests.workflow.project import CAMPAIGN, Planned, Project

RUN = ["--profile", "local", "--cores", "2", "--resources", "gpu=2"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A campaign of six runs, whose trainings are done, and another encoder's folder."""
    project = Project.make(tmp_path_factory.mktemp("small") / "a project")
    make_folder(project.path / "other model")
    project.configure(**SMALL)
    project.run(*records(project, "config.yaml"))
    return project


def records(project: Project, file: str) -> list[str]:
    """Return the record of every training of a campaign file; tables are the file's that made them."""
    return [f"results/trained/{path}/run.json" for path in project.campaign(file).trainings]


SMALL: dict[str, Any] = {"methods": ["adapter", "scalearn"], "seeds": [0]}
SPLITS = {"kind": "files", "train": "one.csv", "test": "one.csv"}
ONE, ANEW = {"prepare-task": 1, "encode": 1}, {"train": 4, "stack": 1}
DIFFERENCES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "a learning rate of stage 2": ({"hyperparameters": {"scalearn": {"learning_rate": 0.5}}}, {"train": 2}),
    "a learning rate of stage 1": ({"hyperparameters": {"adapter": {"learning_rate": 0.5}}}, ANEW),
    "a task's columns": (
        {"tasks": {**CAMPAIGN["tasks"], "one": {"source": SPLITS, "texts": ["label"], "label": "text"}}},
        {**ONE, "train": 3, "stack": 1},
    ),
    "a task's file": (
        {"tasks": {**CAMPAIGN["tasks"], "one": {"source": {**SPLITS, "train": "three.csv"}}}},
        {**ONE, "train": 3, "stack": 1},
    ),
    "an encoder": (
        {"models": {"tiny": {"kind": "folder", "path": "other model"}}},
        {"fetch-model": 1, "encode": 2, **ANEW},
    ),
    "a limit of rows": ({"train_rows": {"two": 3}}, {**ONE, "train": 3, "stack": 1}),
    "how to compute": ({"compute": {"precision": "bf16"}}, ANEW),
    "the sources": (
        {"benchmarks": {"pair": {"tasks": ["one", "two"], "sources": ["two", "three"]}}},
        {**ONE, "train": 3, "stack": 1},
    ),
    "nothing": ({}, {}),
}


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_what_another_campaign_file_asks_for_is_made_beside_what_the_first_has(
    difference: str, small: Project, tmp_path: Path
) -> None:
    changes, made = DIFFERENCES[difference]
    project = small.copy(tmp_path / "a project")
    configure(project, "mine.yaml", **{**SMALL, **changes})
    mine, before = records(project, "mine.yaml"), project.files("results", "resources")
    calls = len(project.calls())
    project.run(*mine, "--configfile", "mine.yaml")
    assert Counter(call.split()[0] for call in project.calls()[calls:]) == made
    after = project.files("results", "resources")
    assert {path: after.get(path) for path in before} == before
    assert project.planned(*records(project, "config.yaml")) == Planned(set(), {})
    assert project.planned(*mine, "--configfile", "mine.yaml") == Planned(set(), {})


def configure(project: Project, name: str, **changes: Any) -> None:
    (project.path / name).write_text(yaml.safe_dump({**CAMPAIGN, **changes}))


def test_a_start_is_noted_and_prune_knows_all_that_it_makes(done: Project) -> None:
    configure(done, "mine.yaml", benchmarks={"mine": ["two", "three"]})
    arguments = ["--configfile", "mine.yaml", "--config", "seeds=[0]"]
    done.snakemake("results/mine_table.md", *RUN, *arguments)
    done.snakemake("results/mine_table.md", *RUN, "-n", "--configfile", "mine.yaml")  # no start
    assert list(map(str, campaigns(done.path))) == ["config.yaml", 'mine.yaml with --config {"seeds": ["0"]}']
    assert [campaign.read(done.path).config.seeds for campaign in campaigns(done.path)] == [(0, 1), (0,)]
    assert unneeded(done.path) == []
    mine = done.campaign("mine.yaml")
    encoder, three = mine.model_key("tiny"), mine.task_key("three")
    no_more = {f"resources/encoded/{encoder}/{three}", f"resources/tasks/{three}"}
    no_more |= {f"results/sources/{stack}.safetensors" for stack in mine.stacks}
    (done.path / "mine.yaml").write_text((done.path / "config.yaml").read_text())
    found = {str(one.path) for one in unneeded(done.path)}
    assert {path for path in found if "trained" not in path} == no_more
    assert len(found) == 3 + 1 + 2 * 2  # an adapter for `three`, and two compositions on each task


def test_a_table_of_another_campaign_file_is_not_replaced(done: Project) -> None:
    files = {path: path.read_bytes() for path in (done.path / "results").glob("*.*")}
    configure(done, "mine.yaml", methods=["adapter"], seeds=[0])
    said = done.snakemake("results/pair_table.md", *RUN, "--configfile", "mine.yaml", status=1)
    assert "error: mine.yaml: results/pair_table.md would be replaced: config.yaml made it, with other rows, " in said
    configure(done, "mine.yaml", methods=["adapter"], benchmarks={"mine": ["one", "two"]})
    said = done.snakemake(*RUN, "--configfile", "mine.yaml", status=1)
    assert "error: mine.yaml: results/scores.parquet would be replaced: config.yaml made it, with other " in said
    assert "Traceback" not in said
    done.snakemake("tables", *RUN, "--configfile", "mine.yaml")
    assert {path: path.read_bytes() for path in files} == files
    assert done.planned() == Planned(set(), {})


def test_a_second_start_says_who_is_at_work(fresh: Project) -> None:
    (fresh.path / "wait").touch()
    first = fresh.start("results/pair_table.md", *RUN)
    calls = fresh.path / "calls.txt"
    try:
        while not (calls.exists() and any(call.startswith("train ") for call in fresh.calls())):
            assert first.poll() is None
        for arguments in ([], ["--unlock"]):
            said = fresh.snakemake(*RUN, *arguments, status=1).splitlines()
            assert said[-1].startswith(f"error: process {first.pid} on ")
            assert " is at work in this folder on config.yaml since " in said[-1]
            assert "results/pair_table.md --profile local" in said[-1]
        fresh.snakemake(*RUN, "-n")
        fresh.snakemake(*RUN, "--summary")
    finally:
        (fresh.path / "wait").unlink()
        first.communicate()
    assert first.returncode == 0


def test_a_campaign_that_failed_half_way_goes_on_after_another_one(fresh: Project) -> None:
    stub = fresh.path / "bin/scalearn"
    whole = stub.read_text()
    start = "command, *arguments = sys.argv[1:]\n"
    failing = "if command == 'train' and '\"method\":\"scalearn\"' in arguments[1]: sys.exit(1)\n"
    stub.write_text(whole.replace(start, f"{start}{failing}"))
    fresh.snakemake("tables", *RUN, "--keep-going", status=1)
    stub.write_text(whole)
    made = {path: path.read_bytes() for path in (fresh.path / "results").rglob("*.*") if path.is_file()}
    before = len(fresh.calls())
    configure(fresh, "mine.yaml", methods=["adapter", "scalearn"], benchmarks={"mine": ["one", "two"]})
    fresh.snakemake("tables", *RUN, "--configfile", "mine.yaml")
    assert {path: path.read_bytes() for path in made if path.exists()} == made
    assert trainings(fresh, before) == ["scalearn mine"] * 4
    before = len(fresh.calls())
    fresh.snakemake("tables", *RUN)
    assert trainings(fresh, before) == ["scalearn pair"] * 4
    assert fresh.planned("tables") == Planned(set(), {})
    assert fresh.planned("tables", "--configfile", "mine.yaml") == Planned(set(), {})


def trainings(project: Project, since: int) -> list[str]:
    """Return method and benchmark of each training since so many calls."""
    return sorted(f"{spec['method']} {spec.get('benchmark', '')}".strip() for spec in project.trained(since))


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_damaged_notes_stop_no_snakemake(content: str, done: Project) -> None:
    notes = [
        done.path / ".snakemake/scalearn" / name for name in ("due.json", "command.json", "started.json", "tables.json")
    ]
    for note in notes:
        assert note.is_file()
        note.write_text(content)
    (done.path / ".snakemake/incomplete/no mark of Snakemake").write_text("")
    said = done.snakemake("--profile", "local", "-n")
    assert "warning: .snakemake/scalearn/due.json: not readable" in said and "Nothing to be done" in said
    done.configure(seeds=[0, 1, 2])
    assert "Traceback" not in done.run()
    assert all(isinstance(json.loads(note.read_text()), dict) for note in notes)
    assert "warning" not in done.snakemake("--profile", "local", "-n")
