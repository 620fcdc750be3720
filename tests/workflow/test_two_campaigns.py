"""Two campaign files in one folder, and notes of ours that were damaged: the real workflow, stubs for the commands."""

from __future__ import annotations

import json

import pytest
import yaml

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


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_damaged_notes_stop_no_snakemake(content: str, done: Project) -> None:
    notes = [done.path / ".snakemake/scalearn" / name for name in ("due.json", "command.json", "made_by.json")]
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
