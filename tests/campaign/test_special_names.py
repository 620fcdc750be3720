"""A task of the user's own under the name of a built-in one is treated as any other; only the definition is special."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from scalearn.__main__ import main
from scalearn.campaign.plan import Campaign
from scalearn.campaign.variants import Variant
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.storage.files import read_json
from scalearn.tasks import TASKS
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import prepare
from scalearn.tasks.protocol import Protocol, is_built_in
from scalearn.tasks.store import TaskInfo
from scalearn.training.data.encode import encode
from tests.places import ROOT
from tests.tasks.making import ROWS, files_task, write_rows
from tests.tiny import make_model

PAPER = yaml.safe_load((ROOT / "config.yaml").read_text())
PROTOCOLS = get_args(Protocol)
CHOICES = {"kind": "multiple_choice", "texts": ["premise"], "choices": ["a", "b"]}
MINE = {"source": {"kind": "files", "train": "mine.csv"}, **CHOICES}


def campaign(**changes: Any) -> Campaign:
    return Campaign.parse({**PAPER, "task_seeds": {}, "methods": list(METHODS), **changes})


def facts(campaign: Campaign, task: str) -> dict[str, Any]:
    """Return all that a campaign decides about a task and the runs on it."""
    found: dict[str, Any] = {"definition": campaign.definition(task), "metrics": campaign.metrics(task)}
    for name in METHODS:
        run = campaign.run("b", Variant.plain(name), task, 0)
        found[name] = run.hyperparameters, run.switches, run.versions
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", TASKS)
def test_a_task_of_one_s_own_is_the_same_under_any_name(name: str, protocol: str) -> None:
    neutral = campaign(protocol=protocol, tasks={"mine": MINE}, benchmarks={"b": ["mine"]})
    special = campaign(protocol=protocol, tasks={name: MINE}, benchmarks={"b": [name]})
    assert facts(special, name) == facts(neutral, "mine")


@pytest.mark.parametrize("name", ["record", "sectors", "subpillars_2d"])
def test_the_paper_s_values_are_for_its_tasks_alone(name: str) -> None:
    built_in, own = campaign(), campaign(tasks={name: MINE}, benchmarks={"b": [name]})
    differing = [
        method
        for method in ("ia3", "scalearn", "adapter_soup")
        if built_in.hyperparameters(method, "b", name) != own.hyperparameters(method, "b", name)
    ]
    assert differing == (["ia3", "scalearn", "adapter_soup"] if name == "record" else ["adapter_soup"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", TASKS)
def test_a_built_in_task_is_known_by_the_definition_that_the_workflow_hands_over(name: str, protocol: str) -> None:
    whole = campaign(protocol=protocol, benchmarks={"b": [name]})
    part = campaign(protocol=protocol, benchmarks={"b": [name]}, train_rows={name: 20})
    for made in (whole, part):
        assert is_built_in(name, Task.model_validate_json(made.definition(name)))
    assert not is_built_in("mine", whole.tasks[name])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", TASKS)
def test_who_repeats_a_built_in_definition_word_for_word_gets_the_built_in_task(name: str, protocol: str) -> None:
    repeated = {name: TASKS[name].model_dump(mode="json", exclude_defaults=True, exclude={"source"})}
    repeated[name]["source"] = TASKS[name].source.model_dump(mode="json")
    benchmarks = {"b": [name]}
    assert facts(campaign(protocol=protocol, tasks=repeated, benchmarks=benchmarks), name) == facts(
        campaign(protocol=protocol, benchmarks=benchmarks), name
    )


@pytest.mark.parametrize("name", ["record", "wic", "multirc"])
def test_another_length_makes_it_a_task_of_one_s_own(name: str) -> None:
    definition = TASKS[name].model_copy(update={"max_length": 64})
    own = campaign(protocol="reference", tasks={name: definition.model_dump(mode="json")}, benchmarks={"b": [name]})
    assert own.tasks[name] == definition
    assert own.hyperparameters("ia3", "single", name).epochs == 30
    run = own.run("b", Variant.plain("adapter_m"), name, 0)
    assert run.switches == ("joint_sampler_seed",)  # of the method, whatever the task


# ---------------------------------------------------------------------- the files that a task is known by


@pytest.mark.parametrize("name", ["record", "sectors", "copa"])
def test_its_files_say_that_a_task_is_the_user_s_own(name: str, tmp_path: Path) -> None:
    info = prepare(name, files_task(tmp_path, ROWS), tmp_path / name)
    encode(tmp_path / name, make_model(tmp_path / "model"), tmp_path / "encoded")
    assert info.built_in is read_json(tmp_path / "encoded/encoding.json")["built_in"] is False


WIC = [{"word": "w1", "sentence1": f"w1 w{n}", "sentence2": f"w{n} w1", "label": n % 2} for n in range(40)]


def mirrored(folder: Path) -> str:
    (folder / "super_glue/wic").mkdir(parents=True)
    for split in ("train", "validation"):
        write_rows(folder / "super_glue/wic" / f"{split}-00000-of-00001.parquet", WIC)
    return str(folder)


@pytest.mark.parametrize("protocol", [*PROTOCOLS, None])
def test_its_files_say_that_a_task_is_the_built_in_one(protocol: str | None, tmp_path: Path) -> None:
    """Prepared by a campaign of either protocol, and by hand."""
    arguments = ["prepare-task", "wic", "--mirror", mirrored(tmp_path / "mirror"), "--output", str(tmp_path / "wic")]
    if protocol:
        arguments += ["--definition", campaign(protocol=protocol).definition("wic")]
    assert main(arguments) == 0
    encode(tmp_path / "wic", make_model(tmp_path / "model"), tmp_path / "encoded")
    assert TaskInfo.read(tmp_path / "wic").built_in
    assert read_json(tmp_path / "encoded/encoding.json")["built_in"] is True


def test_rows_of_an_older_version_that_may_be_the_built_in_ones_are_prepared_again(tmp_path: Path) -> None:
    prepare("wic", TASKS["wic"], tmp_path / "wic", Path(mirrored(tmp_path / "mirror")))
    content = json.loads((tmp_path / "wic/task.json").read_text())
    for key in ("built_in", "checksum"):
        content.pop(key, None)
    (tmp_path / "wic/task.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"task\.json: an older version prepared it.* prepare the task again"):
        encode(tmp_path / "wic", make_model(tmp_path / "model"), tmp_path / "encoded")
    (tmp_path / "wic/task.json").write_text(json.dumps({**content, "source": {"kind": "rule"}}))
    encode(tmp_path / "wic", tmp_path / "model", tmp_path / "encoded")  # a rule's file need not say it
    assert read_json(tmp_path / "encoded/encoding.json")["built_in"] is False
