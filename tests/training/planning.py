"""Runs like others, but for some of what they are made of."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from scalearn.campaign.spec import RunSpec
from scalearn.training.runs.planned import PlannedRun


def like(run: PlannedRun, **changes: Any) -> PlannedRun:
    """Return a run like this one with these parts of its spec, or these folders, changed."""
    folders = {field.name for field in fields(PlannedRun)} - {"spec"}
    own = {key: value for key, value in changes.items() if key not in folders}
    spec = RunSpec.model_validate({**run.spec.model_dump(exclude={"versions"}), **own})
    return replace(run, spec=spec, **{key: value for key, value in changes.items() if key in folders})
