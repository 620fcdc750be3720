"""What versions before 0.3 noted of campaign files and of what they made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalearn.workspace.made_by import campaign_files, noted_values
from scalearn.workspace.started import note_start

RECORDS = ["results/runs/tiny/scalearn/pair/one/full/0/run.json", "resources/models/tiny/model.json"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yaml", "config.yaml"):
        Path(name).touch()


def note(content: str) -> None:
    path = Path(".snakemake/scalearn/made_by.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


WHOLE = {
    "files": [["a.yaml"], ["b.yaml", "gone.yaml"]],
    "values": [{"seed": 0}, {"path": "model"}],
    "made": {RECORDS[0]: [0, 0], RECORDS[1]: [1, 1]},
}


def test_campaign_files_are_those_noted_that_are_still_there() -> None:
    assert campaign_files(Path()) == ["config.yaml"]
    note(json.dumps(WHOLE))
    note_start(Path(".snakemake"), ["b.yaml"], {})
    assert campaign_files(Path()) == ["config.yaml", "b.yaml", "a.yaml"]
    Path("config.yaml").unlink()
    assert campaign_files(Path()) == ["b.yaml", "a.yaml"]


def test_the_values_of_what_was_made_are_told_by_the_paths_of_records() -> None:
    assert noted_values(Path()) == {}
    note(json.dumps(WHOLE))
    assert noted_values(Path()) == {RECORDS[0]: {"seed": 0}, RECORDS[1]: {"path": "model"}}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"made": {"x": [0, 0]}}', '{"made": [1]}', "\0"])
def test_a_damaged_note_is_as_good_as_none(content: str) -> None:
    note(content)
    assert noted_values(Path()) == {}
    assert campaign_files(Path()) == ["config.yaml"]
