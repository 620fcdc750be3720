"""`scalearn prune`: what no campaign of a folder asks for, and only what is ours, goes when it is told to."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from scalearn.campaign.places import RUNS, SOURCES
from scalearn.campaign.plan import Campaign
from scalearn.errors import UserError
from scalearn.storage.files import write_json
from scalearn.tasks.card import CARD, is_card
from scalearn.tasks.preparing.prepare import prepare
from scalearn.workspace import at_work
from scalearn.workspace.prune import needed_paths, prune, unneeded
from scalearn.workspace.started import note_start
from tests.pair import CONFIG
from tests.tasks.making import ROWS, files_task

SNAKEMAKE = Path(".snakemake")
SOUP = {
    "methods": ["adapter", "adapter_m", "scalearn", "adapter_soup"],
    "sentence_encoder": "other",
    "models": {**CONFIG["models"], "other": {"kind": "folder", "path": "model"}},
}
FULL = {**CONFIG, **SOUP}
MARKS = {"sources": b'{"__metadata__":{"sources"', "embedded": b'{"__metadata__":{"embedding"'}
RECORDS = {"tasks": "task.json", "encoded": "encoding.json", "models": "model.json"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def configure(file: str, **changes: Any) -> Campaign:
    content = {**FULL, **changes}
    Path(file).write_text(yaml.safe_dump(content))
    return Campaign.parse(content)


def make(path: Path) -> None:
    """Make what a campaign asks for, as small as its commands would leave it."""
    kind = path.parts[1]
    if path.suffix in (".safetensors", ".json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(MARKS.get(kind, b'{\n "all": {'))
    elif kind in RECORDS:
        write_json(path / RECORDS[kind], {"sha256": {}})
    else:
        write_json(path / "run.json", {"spec": {}})
        (path / ".lock").touch()


def made(file: str, overrides: dict[str, Any] | None = None, **changes: Any) -> set[Path]:
    """Write a campaign file, start it and make all that it asks for."""
    configure(file, **changes)
    note_start(SNAKEMAKE, [file], overrides or {})
    paths = needed_paths(Campaign.parse({**FULL, **changes, **(overrides or {})}))
    for path in paths:
        make(path)
    return paths


def found() -> set[Path]:
    return {one.path for one in unneeded()}


def test_what_a_campaign_asks_for_is_all_that_the_rules_make() -> None:
    kinds = {path.parts[:2] for path in made("a.yaml")}
    rooms = {"results": ("trained", "sources", "similarities"), "resources": ("tasks", "encoded", "embedded", "models")}
    assert kinds == {(top, name) for top, names in rooms.items() for name in names}
    assert found() == set()


def test_every_campaign_that_was_started_counts_with_its_overrides(capsys: pytest.CaptureFixture[str]) -> None:
    made("a.yaml", source_seed="paired")
    more = made("a.yaml", {"seeds": [5]}, source_seed="paired")
    (RUNS / ".lock").touch()  # of whoever scored the runs
    assert found() == set()
    configure("a.yaml", seeds=[0], source_seed="paired")  # an edit: seed 1 is given up
    left = found()
    assert left and {path.name for path in left if path.is_relative_to(RUNS)} == {"1"}
    assert len([path for path in left if path.is_relative_to(SOURCES)]) == 1
    prune(False, None)
    assert found() == left
    prune(True, None)
    said = capsys.readouterr().out
    assert "`scalearn prune --remove` removes them" in said and f"removed: {len(left)} in all" in said
    assert found() == set() and not any(path.exists() for path in left)
    assert all(path.exists() for path in more)


def test_all_kinds_are_found_biggest_first_and_empty_folders_go() -> None:
    theirs = made("b.yaml", model="other", benchmarks={"else": ["two"]})
    mine = made("a.yaml")
    Path("b.yaml").unlink()
    with pytest.raises(UserError, match=r"^prune: nothing is removed, .*b\.yaml: no such file.* `.*--forget b\.yaml`$"):
        unneeded()
    with pytest.raises(UserError, match="nothing is removed"):
        prune(True, None)
    assert all(path.exists() for path in theirs)
    prune(False, "b.yaml")
    assert found() == theirs - mine
    sizes = [one.size for one in unneeded()]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] > 0
    prune(True, None)
    assert not (theirs - mine) & set(Path().rglob("*")) and all(path.exists() for path in mine)
    assert not list(RUNS.glob("other*")) and RUNS.is_dir()


STRANGE = {
    "results/trained/tiny/mine/note.txt": "results/trained/tiny/mine",
    "results/sources/tiny/mine.safetensors": "results/sources/tiny/mine.safetensors",
    "results/similarities/tiny/mine.json": "results/similarities/tiny/mine.json",
    "resources/tasks/mine/task.json": "resources/tasks/mine",  # by a rule of the user's, or by hand
    "resources/tasks/hand/train.parquet": "resources/tasks/hand",
    "resources/models/mine/weights.bin": "resources/models/mine",
}


@pytest.mark.parametrize(("file", "named"), STRANGE.items())
def test_what_is_not_ours_is_named_and_stays(file: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    made("a.yaml")
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(json.dumps({"rows": 3}))
    prune(True, None)
    assert Path(file).exists() and f"left alone: {named} (" in capsys.readouterr().out


def test_a_prepared_task_goes_with_its_card_but_not_with_a_readme_of_the_user_s(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made("a.yaml")
    folders = [Path("resources/tasks", name) for name in ("given_up", "noted")]
    for folder in folders:
        prepare(folder.name, files_task(Path(), ROWS), folder)
    assert is_card(folders[1] / CARD)
    (folders[1] / CARD).write_text("# What I changed\n")
    prune(True, None)
    assert not folders[0].exists() and (folders[1] / CARD).exists()
    assert f"left alone: {folders[1]} (it holds other things (README.md))" in capsys.readouterr().out


def test_links_are_not_followed(tmp_path_factory: pytest.TempPathFactory) -> None:
    made("a.yaml")
    there = tmp_path_factory.mktemp("there")
    write_json(there / "task.json", {})
    Path("resources/tasks/linked").symlink_to(there)
    linked = RUNS / next(iter(Campaign.parse(FULL).model_names)) / "linked"
    linked.symlink_to(there)
    prune(True, None)
    assert (there / "task.json").is_file() and Path("resources/tasks/linked").is_symlink()


def test_beside_a_training_or_a_snakemake_nothing_is_removed() -> None:
    made("a.yaml", seeds=[0, 1])
    configure("a.yaml", seeds=[0])
    left = sorted(path for path in found() if path.is_dir())
    with (left[-1] / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="it is being trained; nothing was removed"):
            prune(True, None)
    for name in (at_work.WORK, at_work.RESUME, Path("alive")):
        with (SNAKEMAKE / name).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            with pytest.raises(UserError, match="in this folder"):
                prune(True, None)
    assert set(left) <= found()


def test_where_no_start_is_known_nothing_is_listed() -> None:
    with pytest.raises(UserError, match="no campaign was started in this folder"):
        unneeded()
    Path("old.yaml").touch()
    note = {"files": [["old.yaml"]], "values": [{}], "made": {"results/x": [0, 0]}}
    (SNAKEMAKE / "scalearn").mkdir(parents=True)
    (SNAKEMAKE / "scalearn/made_by.json").write_text(json.dumps(note))
    configure("config.yaml")
    with pytest.raises(UserError, match=r"an earlier version of scalearn started old\.yaml here"):
        unneeded()
