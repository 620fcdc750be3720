"""What a joint run is made of; light, as `spec` is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from scalearn.campaign import JOINT
from scalearn.compute import Compute
from scalearn.errors import UserError
from scalearn.files import read_json
from scalearn.methods import METHODS
from scalearn.methods.base import HyperParameters, Method
from scalearn.protocol import RUN_SWITCHES, Joint
from scalearn.tasks.definition import is_name
from scalearn.training.spec import is_done, read_encoding


@dataclass(frozen=True)
class JointSpec:
    """What a joint run is made of; as RunSpec, with the encoded data of all tasks in the order of the benchmark."""

    method: str
    benchmark: str
    seed: int
    hyperparameters: HyperParameters
    model: Path
    data: tuple[Path, ...]
    output: Path
    switches: tuple[str, ...] = ()
    compute: Compute = field(default_factory=Compute)

    @cached_property
    def encodings(self) -> dict[str, dict[str, Any]]:
        """What encoding.json says of each task, by name."""
        found = [read_encoding(folder) for folder in self.data]
        names = [encoding["task"]["name"] for encoding in found]
        if odd := [name for name in names if not is_name(name)]:  # they become folders
            raise UserError(f"--data: {odd[0]!r} is no task's name; encode the task again")
        if len(set(names)) < len(names):
            raise UserError(f"--data: the tasks are {', '.join(names)}; name each once")
        return dict(zip(names, found, strict=True))

    @property
    def learner(self) -> tuple[Method, Joint, bool]:
        """The method and what the switches that are on change in it and in joint training; whether COPA is pooled."""
        method, joint, pooled = METHODS[self.method], Joint(), False
        if method.family != "joint":
            raise UserError(f"method '{self.method}' is not a joint one; use `scalearn train`")
        for switch in RUN_SWITCHES:
            if switch.name in self.switches:
                method, joint = replace(method, **switch.fields), replace(joint, **switch.joint)
                pooled = pooled or switch.pooled_head
        return method, joint, pooled

    def identity(self, task: str) -> dict[str, Any]:
        """Return what tells this run, or its part on one task, apart from others."""
        return {
            "model": read_json(self.model / "model.json")["name"],
            "method": self.method,
            "benchmark": self.benchmark,
            "task": task,
            "shots": "full",
            "seed": self.seed,
        }

    def record(self) -> dict[str, Any]:
        """Return what identifies this run and its inputs; two runs with equal records have equal results."""
        encodings = self.encodings
        return {
            **({"switches": list(self.switches)} if self.switches else {}),
            **({"compute": self.compute.asked} if self.compute.asked else {}),
            "identity": self.identity(JOINT),
            "hyperparameters": dict(self.hyperparameters),
            "method_version": METHODS[self.method].version,
            "tasks": [encoding["task"] for encoding in encodings.values()],
            "inputs": {
                "model": [encoding["model"] for encoding in encodings.values()],
                "data": {name: encoding["sha256"] for name, encoding in encodings.items()},
            },
        }

    @property
    def files(self) -> tuple[str, ...]:
        """The files of its directory that make it up, run.json left aside."""
        predictions = (f"tasks/{name}/predictions.parquet" for name in self.encodings)
        return ("weights.safetensors", "history.parquet", *predictions)

    @property
    def done(self) -> bool:
        """Tell whether `output` holds this run, finished and as it was written."""
        return is_done(self.output, self.record(), self.files)
