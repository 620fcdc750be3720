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
from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import HyperParameters, ManyTasks
from scalearn.protocol import Joint, RunSwitch, learner, named
from scalearn.tasks.definition import is_name
from scalearn.training.spec import built_in, check_switches, is_done, read_encoding

RECORD = "record"  # the task of which `record_rows` rows take part


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
    def switched(self) -> list[RunSwitch]:
        """The switches that are on."""
        return named(self.switches)

    @property
    def learner(self) -> tuple[Method, ManyTasks, Joint]:
        """The method, its hyper-parameters and joint training, with what the switches that are on change in them."""
        method, joint = METHODS[self.method], Joint()
        if method.family != "joint":
            raise UserError(f"method '{self.method}' is not a joint one; use `scalearn train`")
        for switch in self.switched:
            joint = replace(joint, **switch.joint)
        method, values = learner(method, self.hyperparameters, self.switched)
        assert isinstance(values, ManyTasks), f"{method.name} is a joint method"
        return method, values, joint

    @property
    def version(self) -> int:
        """The version of the method that makes this run."""
        method, values, _ = self.learner
        return method.version_of(values)

    @property
    def record_built_in(self) -> bool:
        """Tell whether the paper's ReCoRD is among the tasks; another task may have its name."""
        encodings = zip(self.data, self.encodings.items(), strict=True)
        return any(name == RECORD and built_in(folder, encoding) == RECORD for folder, (name, encoding) in encodings)

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
        check_switches(self.switched, METHODS[self.method], dict(zip(self.data, encodings.values(), strict=True)))
        own = [RECORD] if RECORD in encodings and not self.record_built_in else []
        return {
            **({"switches": list(self.switches)} if self.switches else {}),
            **({"compute": self.compute.asked} if self.compute.asked else {}),
            **({"own": own} if own else {}),  # all of its rows train, see `record_rows`
            "identity": self.identity(JOINT),
            "hyperparameters": self.hyperparameters.model_dump(),
            "method_version": self.version,
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
