"""What a run is made of, and whether it is done: light, since most of what asks need not load a model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scalearn.compute import Compute
from scalearn.errors import UserError
from scalearn.files import altered, read_json, sha256
from scalearn.hyperparameters import paper
from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.protocol import RunSwitch, learner, named
from scalearn.tasks import TASKS
from scalearn.training.folder import check_identity, check_output

OUTPUTS = ("weights.safetensors", "history.parquet", "predictions.parquet")
OPTIONAL = ("switches", "compute", "own")  # of a record: left out where there is nothing to say


@dataclass(frozen=True)
class RunSpec:
    """What a run is made of. `hyperparameters` are complete: the paper's with what overrides them.

    `switches` name what the reference protocol does otherwise in this run (scalearn.protocol).
    """

    method: str
    benchmark: str
    seed: int
    hyperparameters: HyperParameters
    model: Path
    data: Path
    sources: Path | None
    output: Path
    switches: tuple[str, ...] = ()
    similarities: Path | None = None
    compute: Compute = field(default_factory=Compute)

    @property
    def switched(self) -> list[RunSwitch]:
        """The switches that are on."""
        return named(self.switches)

    @property
    def learner(self) -> tuple[Method, HyperParameters]:
        """The method and its hyper-parameters, with what the switches that are on change in them."""
        return learner(METHODS[self.method], self.hyperparameters, self.switched)

    def record(self) -> dict[str, Any]:
        """Return what identifies this run and its inputs; two runs with equal records have equal results."""
        encoding = read_encoding(self.data)
        check_switches(self.switched, METHODS[self.method], {self.data: encoding})
        method, values = self.learner
        return {
            **({"switches": list(self.switches)} if self.switches else {}),
            **({"compute": self.compute.asked} if self.compute.asked else {}),
            "identity": {
                "model": read_json(self.model / "model.json")["name"],
                "method": self.method,
                "benchmark": self.benchmark,
                "task": encoding["task"]["name"],
                "shots": "full",
                "seed": self.seed,
            },
            "hyperparameters": self.hyperparameters.model_dump(),
            "method_version": method.version_of(values),
            "task": encoding["task"],
            "inputs": {
                "model": encoding["model"],
                "data": encoding["sha256"],
                "sources": sha256(self.sources) if self.sources else None,
                **({"similarities": sha256(self.similarities)} if self.similarities else {}),
            },
        }

    @property
    def done(self) -> bool:
        """Tell whether `output` holds this run, finished and as it was written."""
        return is_done(self.output, self.record(), OUTPUTS)


def read_encoding(folder: Path) -> dict[str, Any]:
    """Return what encoding.json says of an encoded task; a UserError names the file if it is damaged or no such one."""
    path = folder / "encoding.json"
    content = read_json(path)
    for key in ("task", "model", "sha256"):
        if key not in content:
            raise UserError(f"{path}: no '{key}' in it; encode the task again")
    return content


def built_in(folder: Path, encoding: Mapping[str, Any]) -> str | None:
    """Return the name of the built-in task that this encoded data is of, None for a task of the user's own."""
    name = encoding["task"]["name"]
    if name not in TASKS:
        return None
    if "built_in" not in encoding:
        raise UserError(
            f"{folder / 'encoding.json'}: it does not say whether this is the built-in task '{name}'; "
            "encode the task again"
        )
    return str(name) if encoding["built_in"] else None


def on_top(method: str, data: Path, changes: Mapping[str, bool | int | float]) -> HyperParameters:
    """Return all hyper-parameters of a run on this encoded task: the paper's for it, and on top what differs."""
    learner, encoding = METHODS[method], read_encoding(data)
    name = str(encoding["task"]["name"])
    # Data of an older version need not say whether it is the built-in task where that makes no difference.
    depends = name in TASKS and paper(learner, name) != learner.defaults
    return paper(learner, built_in(data, encoding) if depends else None).but(**changes)


def check_switches(switches: Iterable[RunSwitch], method: Method, data: Mapping[Path, dict[str, Any]]) -> None:
    """Refuse a switch that changes nothing in runs of this method on this encoded data, folder -> its encoding.json."""
    for switch in switches:
        if not any(switch.concerns(method, built_in(folder, encoding)) for folder, encoding in data.items()):
            names = ", ".join(str(encoding["task"]["name"]) for encoding in data.values())
            raise UserError(
                f"--switch {switch.name}: it changes nothing in a run of '{method.name}' on {names} "
                "(a task of your own is not the built-in one of its name); leave it out"
            )


def is_done(output: Path, record: dict[str, Any], files: Iterable[str]) -> bool:
    """Tell, and say, whether `output` holds a finished run of this record whose files are all as they were written.

    A UserError refuses a folder that holds other things, or another run.
    """
    check_output(output)
    check_identity(output, record["identity"])
    try:
        found = read_json(output / "run.json")
    except UserError:  # missing or damaged
        return False
    asked = {**dict.fromkeys(OPTIONAL), **json.loads(json.dumps(record))}
    same = all(found.get(key) == value for key, value in asked.items())
    if not same or altered(output, {name: found["sha256"].get(name, "") for name in files}):
        return False
    print(f"{output}: this run is done; delete its run.json to train it again")
    return True
