"""Snakemake refuses wildcards that end in many repetitions: names that would become such a one are refused first."""

from __future__ import annotations

from typing import Any

import pytest
from snakemake.io import PeriodicityDetector

from scalearn.campaign.plan import Campaign
from scalearn.errors import UserError
from tests.bad_input.case import CAMPAIGN

FILES, RULE = CAMPAIGN["tasks"]["mine"], {"source": {"kind": "rule"}}
NAMES = {
    "a" * 19: False,
    "a" * 20: True,
    "x" + "a" * 24: True,
    "a" * 24 + "b": False,
    "ab" * 20: True,
    "abc" * 21: True,
}


def periodic(value: str) -> bool:
    return PeriodicityDetector().is_periodic(value) is not None


def parsed(**changes: Any) -> Campaign:
    return Campaign.parse({**CAMPAIGN, **changes})


def test_what_is_periodic_is_what_snakemake_takes_for_it() -> None:
    assert {name: periodic(name) for name in NAMES} == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_names_that_stand_in_paths_as_they_are(name: str) -> None:
    places = [("benchmarks", {"benchmarks": {name: ["mine"]}})]
    if len(name) <= 32:  # longer names of tasks that a rule makes are refused anyway
        places.append(("tasks", {"tasks": {name: RULE}, "benchmarks": {"pair": [name]}}))
    for key, changes in places:
        if not NAMES[name]:
            parsed(**changes)
            continue
        with pytest.raises(
            UserError, match=rf"^config\.yaml: {key}\.{name}: the name ends in '.* choose another name$"
        ):
            parsed(**changes)


@pytest.mark.parametrize("name", NAMES)
def test_other_names_end_in_a_digest_there(name: str) -> None:
    folder = CAMPAIGN["models"]["tiny"]
    own = {"model": name, "models": {name: folder}, "tasks": {name: FILES}, "benchmarks": {"pair": [name]}}
    methods = ["adapter", {"method": "scalearn", "name": name}, "adapter_m"]
    for run in parsed(**own, methods=methods).trainings.values():
        assert not any(map(periodic, (run.model, run.variant, run.group, run.task, run.path)))
