"""Runs of the layout before 0.3: what a campaign asks for is moved, and counts as done where it then lies."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file, save_file

from scalearn.campaign.places import EARLIER_RUNS, ENCODED, MODELS, RUNS, SOURCES, TASKS
from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import RunSpec
from scalearn.cli.by_hand import planned_by_hand
from scalearn.errors import UserError
from scalearn.methods.layers.stack_facts import StackFacts
from scalearn.storage.files import read_json, sha256, write_json
from scalearn.training.data.encode import encode
from scalearn.training.runs.joint import train as train_joint
from scalearn.training.runs.planned import PlannedRun
from scalearn.training.runs.run import train
from scalearn.training.runs.stacking import stack
from scalearn.workspace.adopt import adopt, adopt_all, earlier_runs_notice
from tests.tiny import make_model, make_task

NAMES = ("one", "two")
VALUES = {"epochs": 1, "batch_size": 16}
CONFIG: dict[str, Any] = {
    "model": "tiny",
    "models": {"tiny": {"kind": "folder", "path": "model"}},
    "tasks": {name: {"source": {"kind": "files", "train": f"{name}.csv"}} for name in NAMES},
    "benchmarks": {"pair": list(NAMES)},
    "methods": ["adapter", "adapter_m", "scalearn", "scalearn_c1"],
    "seeds": [0],
    "hyperparameters": {"all": VALUES, "joint": {"max_steps": 2}},
}
OLD = "results/runs/tiny"


def aged(record: dict[str, Any], method: str, benchmark: str, task: str) -> dict[str, Any]:
    """What run.json of version 0.2 said of a run."""
    spec, inputs, tasks = record["spec"], record["inputs"], record["tasks"]
    joint = task == "joint"
    identity = {"model": "tiny", "method": method, "benchmark": benchmark, "task": task, "shots": "full", "seed": 0}
    values = {key: int(value) if isinstance(value, bool) else value for key, value in spec["hyperparameters"].items()}
    new = [] if joint else ["omega_constraint", *(["omega_penalty"] if "reg" not in method else [])]
    kept = {key: record[key] for key in ("parameters", "training", "computed", "sha256", "versions")}
    return {
        **kept,
        **({"tasks": tasks} if joint else {"task": tasks[0], "baseline": record["baseline"]}),
        "identity": identity,
        "hyperparameters": {key: value for key, value in values.items() if key not in new},
        "method_version": spec["versions"]["method"],
        "inputs": inputs if joint else {"model": inputs["model"][0], "data": inputs["data"][task], "sources": None},
    }


def move(folder: Path, made: PlannedRun, method: str, benchmark: str, task: str, **inputs: str) -> Path:
    """Put a run where version 0.2 had it, as that version wrote it, a day ago."""
    old = folder / f"{OLD}/{method}/{benchmark}/{task}/full/0"
    old.parent.mkdir(parents=True, exist_ok=True)
    made.output.rename(old)
    content = aged(read_json(old / "run.json"), method, benchmark, task)
    content["inputs"].update(inputs)
    write_json(old / "run.json", content)
    os.utime(old / "run.json", (1e9, 1e9))
    return old


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work directory of version 0.2 with all runs of CONFIG but for its note of what was asked for."""
    root = tmp_path_factory.mktemp("earlier")
    (root / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    model = make_model(root / MODELS / "tiny")
    write_json(model / "model.json", {**read_json(model / "model.json"), "source": CONFIG["models"]["tiny"]})
    for seed, name in enumerate(NAMES):
        encode(make_task(root / TASKS / name, rows=32, seed=seed), model, root / ENCODED / "tiny" / name)
    data = {name: root / ENCODED / "tiny" / name for name in NAMES}
    alone = {name: planned_by_hand("adapter", model, [data[name]], root / name, changed=VALUES) for name in NAMES}
    for run in alone.values():
        train(run)
    sources = root / SOURCES / "tiny/pair/full/0.safetensors"
    stack([root / name for name in NAMES], sources)
    earlier = replace(StackFacts.read(sources), runs=(), model="")  # its header did not name the runs
    save_file(load_file(sources), sources, earlier.metadata)
    for method, more in (("scalearn", {}), ("scalearn_c1", {"omega_scale": 1.0})):
        for name in NAMES:
            run = planned_by_hand(
                "scalearn",
                model,
                [data[name]],
                root / "run",
                benchmark="pair",
                changed={**VALUES, **more},
                sources=sources,
            )
            train(run)
            move(root, run, method, "pair", name, sources=sha256(sources))
    joint = planned_by_hand(
        "adapter_m", model, [*data.values()], root / "joint", benchmark="pair", changed={**VALUES, "max_steps": 2}
    )
    train_joint(joint)
    for name in NAMES:
        part = joint.output / "tasks" / name
        content = read_json(part / "run.json")
        baseline = {"baseline": content["baseline"], "task": content["tasks"][0]}
        write_json(part / "run.json", {**aged({**content}, "adapter_m", "pair", "joint"), **baseline})
    move(root, joint, "adapter_m", "pair", "joint")
    for name, run in alone.items():
        move(root, run, "adapter", "single", name)
    return root


@pytest.fixture
def folder(earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(earlier, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    asked = {f"{TASKS}/{name}/task.json": {"tasks": {name: CONFIG["tasks"][name]}} for name in NAMES}
    note = {"files": [["config.yaml"]], "values": list(asked.values()), "made": {}}
    note["made"] = {record: (0, index) for index, record in enumerate(asked)}  # type: ignore[assignment]
    Path(".snakemake/scalearn").mkdir(parents=True)
    write_json(Path(".snakemake/scalearn/made_by.json"), note)
    return tmp_path / "work"


def planned(campaign: Campaign, spec: RunSpec) -> PlannedRun:
    data = tuple(ENCODED / spec.model / task for task in spec.tasks)
    sources = SOURCES / f"{spec.stack}.safetensors" if spec.sources else None
    return PlannedRun(spec, MODELS / spec.model, data, RUNS / spec.path, sources)


def test_what_a_campaign_asks_for_is_moved_and_done(folder: Path) -> None:
    campaign = Campaign.read(Path("config.yaml"))
    assert (
        earlier_runs_notice()
        == "results/runs: runs of an earlier version are here; `scalearn adopt` moves them to results/trained"
    )
    weights = {sha256(path) for path in Path(OLD).rglob("weights.safetensors")}
    found = adopt_all([], trust=True)
    assert found.left == {} and earlier_runs_notice() is None
    assert len([new for new in found.moved.values() if new.is_relative_to(RUNS)]) == 7 == len(campaign.trainings)
    for path, spec in campaign.trainings.items():
        assert planned(campaign, spec).done, path
        assert (RUNS / path / "run.json").stat().st_mtime == 1e9  # or what was made from it would be due
    assert {sha256(path) for path in RUNS.rglob("weights.safetensors")} == weights
    with pytest.raises(UserError, match="no runs of an earlier version here; there is nothing to adopt"):
        adopt_all([])


def test_a_run_of_other_values_or_of_another_version_stays(folder: Path) -> None:
    for name, change in (("one", {"hyperparameters": {"epochs": 9}}), ("two", {"method_version": 2})):
        record = Path(f"{OLD}/adapter/single/{name}/full/0/run.json")
        content = read_json(record)
        own = {key: {**content[key], **value} if isinstance(value, dict) else value for key, value in change.items()}
        write_json(record, {**content, **own})
    found = adopt(Campaign.read(Path("config.yaml")), trust=True)
    why = {str(run.relative_to(OLD)): text for run, text in found.left.items()}
    assert why["adapter/single/one/full/0"] == "no campaign file has this run"
    assert why["adapter/single/two/full/0"].startswith("version 2 of its method made it, and the campaign would train")
    # What composes them would be made of others.
    assert why["scalearn/pair/one/full/0"].startswith("it composes other source adapters than the campaign's")
    assert sorted(why) == sorted(
        [str(run.relative_to(OLD)) for run in EARLIER_RUNS.glob("*/*/*/*/*/*") if run.is_dir()]
    )
    assert len(why) == 6  # all but the joint run


def test_a_task_that_is_defined_otherwise_now_is_another_one(folder: Path) -> None:
    tasks = {**CONFIG["tasks"], "one": {"source": {"kind": "files", "train": "other.csv"}}}
    record = Path(f"{OLD}/adapter/single/one/full/0/run.json")
    note = read_json(Path(".snakemake/scalearn/made_by.json"))
    note["made"][str(record)] = (0, len(note["values"]))
    note["values"].append({"model": CONFIG["models"]["tiny"], "tasks": {"one": CONFIG["tasks"]["one"]}})
    write_json(Path(".snakemake/scalearn/made_by.json"), note)
    found = adopt(Campaign.parse({**CONFIG, "tasks": tasks}), trust=True)
    assert found.left[record.parent] == "the campaign file defines one differently"
    assert Path(TASKS, "one").is_dir()  # not the campaign's, so it stays, too


def test_one_that_was_killed_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign.read(Path("config.yaml"))
    original, calls = Path.rename, []

    def rename(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return original(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            adopt(campaign, trust=True)
    assert earlier_runs_notice() is not None
    assert adopt(campaign, trust=True).left == {}
    assert all(planned(campaign, spec).done for spec in campaign.trainings.values())


def test_a_place_that_is_taken_is_left_alone(folder: Path) -> None:
    campaign = Campaign.read(Path("config.yaml"))
    path = next(path for path, spec in campaign.trainings.items() if spec.family == "joint")
    (RUNS / path).mkdir(parents=True)
    found = adopt(campaign, trust=True)
    assert list(found.left.values()) == [f"{RUNS / path} exists already"]
    assert list((RUNS / path).iterdir()) == []


def test_a_record_that_is_none_stays(folder: Path) -> None:
    record = Path(f"{OLD}/adapter_m/pair/joint/full/0/run.json")
    record.write_text(json.dumps({"identity": 3}))
    (text,) = adopt(Campaign.read(Path("config.yaml")), trust=True).left.values()
    assert text.startswith("its run.json is not as runs of earlier versions have it")


def test_without_a_note_and_without_trust_nothing_is_taken_for_what_it_may_not_be(folder: Path) -> None:
    found = adopt(Campaign.read(Path("config.yaml")))
    assert not any(new.is_relative_to(RUNS) for new in found.moved.values()) and len(found.left) == 7
    assert set(found.left.values()) == {
        "no note says how its encoder and tasks were defined; if they are defined as they were, type "
        "`scalearn adopt --trust`"
    }
