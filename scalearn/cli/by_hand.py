"""Builds a PlannedRun from command line options. The encoder and the tasks are read from the folders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scalearn.campaign.compute import Compute
from scalearn.campaign.hyperparameters import paper
from scalearn.campaign.keys import KEY_PATTERN, Key, is_of, shortened
from scalearn.campaign.spec import SINGLE, RunSpec
from scalearn.cli.options import valid
from scalearn.methods import METHODS
from scalearn.methods.layers.stack_facts import StackFacts
from scalearn.storage.files import read_json
from scalearn.training.runs.planned import PlannedRun, built_in, read_encoding


def planned_by_hand(
    method: str,
    model: Path,
    data: Sequence[Path],
    output: Path,
    *,
    benchmark: str = SINGLE,
    seed: int = 0,
    changed: Mapping[str, Any] | None = None,
    switches: Sequence[str] = (),
    compute: Compute | None = None,
    sources: Path | None = None,
    similarities: Path | None = None,
) -> PlannedRun:
    """Return the planned run of a method on the encoded tasks in `data`.

    Args:
        changed: Hyper-parameters that differ from the paper's for the task.

    The other arguments are those of RunSpec and PlannedRun.

    Raises:
        UserError: If an argument is not valid for this run.
    """
    names = [str(read_encoding(folder)["task"]["name"]) for folder in data]
    facts = None if sources is None else StackFacts.read(sources)
    spec = valid(
        "run",
        RunSpec,
        {
            "method": method,
            "model": _key(model, str(read_json(model / "model.json").get("name"))),
            "tasks": tuple(_key(folder, name) for folder, name in zip(data, names, strict=True)),
            "benchmark": SINGLE if method in METHODS and METHODS[method].family == "single" else benchmark,
            "seed": seed,
            "hyperparameters": {**_paper(method, data), **(changed or {})},
            "sources": (facts.runs or facts.names) if facts else (),
            "switches": tuple(switches),
            "compute": compute or Compute(),
        },
    )
    return PlannedRun(spec, model, tuple(data), output, sources, similarities)


def _paper(method: str, data: Sequence[Path]) -> dict[str, Any]:
    """Return the paper's hyper-parameters for this task that differ from the method's defaults."""
    learner = METHODS.get(method)
    if learner is None or learner.family == "joint":
        return {}
    encoding = read_encoding(data[0])
    # Data of an older version does not say whether it is the built-in task. It need not where nothing differs.
    values = paper(learner, str(encoding["task"]["name"])).beyond(learner.defaults)
    return values if values and built_in(data[0], encoding) else {}


def _key(folder: Path, name: str) -> Key:
    """Return the key of the task or encoder in `folder`: the folder's name if it is a key of `name`."""
    key = folder.resolve().name
    return key if is_of(key, name) and re.fullmatch(KEY_PATTERN, key) else shortened(name)
