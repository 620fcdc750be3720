"""A run with a spec of its own reads the encoder and the tasks that the spec names, and no others of their names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.methods.layers.stack_facts import StackFacts
from scalearn.training.runs.planned import PlannedRun
from tests.bad_input.case import CAMPAIGN

OTHER = {"models": {"tiny": {"kind": "folder", "path": "another"}}}


def planned(root: Path, spec: RunSpec, task: str, **model: Any) -> PlannedRun:
    """Return the run of a spec on a model.json of this content, and on a task `mine` in a folder of the name `task`."""
    (root / "model").mkdir()
    (root / "model" / "model.json").write_text(json.dumps({"name": "tiny", "sha256": "m", **model}))
    (root / task).mkdir()
    content = {"task": {"name": "mine"}, "model": "m", "sha256": {}, "built_in": False}
    (root / task / "encoding.json").write_text(json.dumps(content))
    return PlannedRun(spec, root / "model", (root / task,), root / "run")


def campaign(**changes: Any) -> Campaign:
    return Campaign.parse({**CAMPAIGN, **changes})


def only_run(campaign: Campaign) -> RunSpec:
    (spec,) = campaign.trainings.values()
    return spec


def source(campaign: Campaign) -> dict[str, Any]:
    return campaign.models["tiny"].model_dump(mode="json")


def stacked(file: Path, *runs: str) -> Path:
    """Return a file with the header of a stack of these runs, and no adapters."""
    facts = StackFacts(names=("one",) * max(len(runs), 1), sha256=(), content="", runs=runs)
    save_file({"nothing": np.zeros(1)}, file, facts.metadata)
    return file


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a"), ("a",), ("a", "c")], ids=" ".join)
def test_only_the_stack_of_the_sources_of_the_spec_is_composed(tmp_path: Path, order: tuple[str, ...]) -> None:
    spec = RunSpec(method="scalearn", model="tiny", tasks=("mine",), benchmark="pair", sources=("a", "b"))
    run = replace(planned(tmp_path, spec, "mine"), sources=stacked(tmp_path / "stack.safetensors", *order))
    if order == spec.sources:
        assert run.record()["inputs"]["sources"]
        return
    with pytest.raises(
        UserError, match=rf"stack\.safetensors: it stacks {', '.join(order)}, but the run composes a, b;"
    ):
        run.record()


def test_a_stack_of_an_earlier_version_does_not_say_its_runs(tmp_path: Path) -> None:
    spec = RunSpec(method="scalearn", model="tiny", tasks=("mine",), benchmark="pair", sources=("a", "b"))
    assert replace(planned(tmp_path, spec, "mine"), sources=stacked(tmp_path / "stack.safetensors")).record()


def test_an_encoder_from_another_source_is_refused(tmp_path: Path) -> None:
    spec, other = only_run(campaign()), campaign(**OTHER)
    run = planned(tmp_path, spec, spec.tasks[0], source=source(other))
    held = (
        rf"it holds the encoder '{other.model_key('tiny')}', from another source than '{spec.model}'; name the folder"
    )
    with pytest.raises(UserError, match=rf"^--model .*/model: {held} of '{spec.model}'$"):
        run.record()


def test_the_encoder_of_the_spec_is_taken(tmp_path: Path) -> None:
    spec = only_run(campaign())
    assert planned(tmp_path, spec, spec.tasks[0], source=source(campaign())).record()["spec"]["model"] == spec.model


def test_a_key_without_a_digest_says_nothing_of_the_source(tmp_path: Path) -> None:
    spec = RunSpec(method="adapter", model="tiny", tasks=("mine",))
    assert planned(tmp_path, spec, "mine", source=source(campaign())).record()


@pytest.mark.parametrize("folder", ["mine", "anything", "mine@", "mine@a b"])
def test_a_folder_whose_name_is_no_key_with_a_digest_may_hold_the_task(tmp_path: Path, folder: str) -> None:
    spec = only_run(campaign())
    assert planned(tmp_path, spec, folder, source=source(campaign())).record()


def test_the_folder_of_another_definition_of_the_task_is_refused(tmp_path: Path) -> None:
    spec = only_run(campaign())
    run = planned(tmp_path, spec, "mine@1a2b3c4d", source=source(campaign()))
    with pytest.raises(UserError, match=rf"^--data .*: it is the folder of 'mine@1a2b3c4d', .*'{spec.tasks[0]}'$"):
        run.record()
