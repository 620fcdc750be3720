"""Two campaign files in one folder, and notes of ours that were damaged: the real workflow, stubs for the commands."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from scalearn.prune import unasked
from scalearn.started import campaigns
from tests.workflow.project import CAMPAIGN, Planned, Project

RUN = ["--profile", "local", "--cores", "2", "--resources", "gpu=2"]


def test_another_campaign_file_does_not_train_over_what_the_first_has_made(done: Project) -> None:
    mine = {**CAMPAIGN, "hyperparameters": {"scalearn": {"learning_rate": 0.5}}}
    (done.path / "mine.yaml").write_text(yaml.safe_dump(mine))
    files = {path: path.read_bytes() for path in (done.path / "results").rglob("*") if path.is_file()}
    before = done.calls()
    said = done.snakemake(*RUN, "--configfile", "mine.yaml", status=1)
    run, values = "results/runs/tiny/scalearn/pair/one/full/0", 'hyperparameters {}, here {"learning_rate": 0.5}'
    assert f"error: mine.yaml: {run} (and 3 more) would be made over: config.yaml made it with other values " in said
    assert f"({values}); run this campaign in another folder, or remove what that one made" in said
    assert "Traceback" not in said
    assert done.calls() == before
    assert {path: path.read_bytes() for path in files} == files
    assert done.planned() == Planned(set(), {})
    done.snakemake("results/runs/tiny/adapter/single/one/full/0/run.json", *RUN, "--configfile", "mine.yaml")
    done.snakemake(
        *RUN, "--config", 'hyperparameters={"scalearn": {"learning_rate": 0.5}}'
    )  # the same campaign, edited
    assert len([call for call in done.calls()[len(before) :] if call.startswith("train ")]) == 4


def configure(project: Project, name: str, **changes: Any) -> None:
    (project.path / name).write_text(yaml.safe_dump({**CAMPAIGN, **changes}))


def test_a_start_is_noted_and_prune_knows_all_that_it_makes(done: Project) -> None:
    configure(done, "mine.yaml", benchmarks={"mine": ["two", "three"]})
    mine = ["--configfile", "mine.yaml", "--config", "seeds=[0]"]
    done.snakemake("results/mine_table.md", *RUN, *mine)
    done.snakemake("results/mine_table.md", *RUN, "-n", "--configfile", "mine.yaml")  # no start
    assert list(map(str, campaigns(done.path))) == ["config.yaml", 'mine.yaml with --config {"seeds": ["0"]}']
    assert [campaign.read(done.path).config.seeds for campaign in campaigns(done.path)] == [(0, 1), (0,)]
    assert unasked(done.path) == []
    (done.path / "mine.yaml").write_text((done.path / "config.yaml").read_text())
    found = {str(one.path) for one in unasked(done.path)}
    assert {path for path in found if "runs" not in path} == {
        "resources/encoded/tiny/three",
        "resources/tasks/three",
        "results/sources/tiny/mine/full/0.safetensors",
    }
    assert len(found) == 3 + 1 + 2 * 2  # an adapter for `three`, and two compositions on each task


def test_a_table_of_another_campaign_file_is_not_replaced(done: Project) -> None:
    files = {path: path.read_bytes() for path in (done.path / "results").glob("*.*")}
    configure(done, "mine.yaml", methods=["adapter"], seeds=[0])
    said = done.snakemake("results/pair_table.md", *RUN, "--configfile", "mine.yaml", status=1)
    assert "error: mine.yaml: results/pair_table.md would be replaced: config.yaml made it, with other runs; " in said
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
    stub.write_text(whole.replace(start, f"{start}if command == 'train' and 'scalearn' in arguments: sys.exit(1)\n"))
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
    calls = [call.split() for call in project.calls()[since:] if call.startswith("train ")]
    return sorted(f"{call[2]} {call[4] if call[3] == '--benchmark' else ''}".strip() for call in calls)


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_damaged_notes_stop_no_snakemake(content: str, done: Project) -> None:
    names = ("due.json", "command.json", "made_by.json", "started.json", "tables.json")
    notes = [done.path / ".snakemake/scalearn" / name for name in names]
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
