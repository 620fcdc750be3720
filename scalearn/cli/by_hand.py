"""A run that a person starts with options: the folders say which encoder and tasks it is of."""

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
    """Return the run of this method on the encoded tasks in `data`, written to `output`.

    changed: what differs from the hyper-parameters that the paper has for the task. Other arguments: see RunSpec and
    PlannedRun. A UserError says what is wrong with them.
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
    """Return where the paper's values for this task differ from the method's defaults."""
    learner = METHODS.get(method)
    if learner is None or learner.family == "joint":
        return {}
    encoding = read_encoding(data[0])
    # Data of an older version need not say whether it is the built-in task where that makes no difference.
    known = paper(learner, str(encoding["task"]["name"])).beyond(learner.defaults)
    return known if known and built_in(data[0], encoding) else {}


def _key(folder: Path, name: str) -> Key:
    """Return the key of what the folder holds: the folder's name, if it is one of that name's."""
    given = folder.resolve().name
    return given if is_of(given, name) and re.fullmatch(KEY_PATTERN, given) else shortened(name)
