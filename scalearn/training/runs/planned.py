"""A planned run: its spec, the folders that it reads and writes, and whether it is done. Imports no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from scalearn.campaign import keys
from scalearn.campaign.keys import MARK, is_of
from scalearn.campaign.loggers import Logger, Reports
from scalearn.campaign.places import ENCODED, MODELS, RUNS, SOURCES
from scalearn.campaign.protocol import Joint
from scalearn.campaign.run_folder import HISTORY, PREDICTIONS, WEIGHTS, check_output, check_spec
from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError, shown
from scalearn.fields import is_name
from scalearn.methods import METHODS
from scalearn.methods.layers.stack_facts import StackFacts
from scalearn.storage.files import altered, read_json, sha256
from scalearn.tasks import TASKS

OUTPUTS = (WEIGHTS, HISTORY)  # beside run.json and predictions
RECORD = "record"  # the task of which joint runs train `record_rows` rows


@dataclass(frozen=True)
class PlannedRun:
    """A run's spec and its folders.

    model: the folder of the encoder.
    data: the folders of the encoded tasks, in the order of the spec's tasks.
    output: the run's own folder.
    sources: the file of stacked source adapters, for two-stage methods.
    similarities: the file of task similarities, for methods that use them.
    loggers: where the run reports losses and metrics. They are no part of its identity.
    """

    spec: RunSpec
    model: Path
    data: tuple[Path, ...]
    output: Path
    sources: Path | None = None
    similarities: Path | None = None
    loggers: tuple[Logger, ...] = ()

    @classmethod
    def of_campaign(cls, spec: RunSpec) -> PlannedRun:
        """Return the run with the folders that a campaign has for it, below the work directory.

        The file of similarities is not among them: it depends on the whole benchmark, of which the spec knows one run.
        """
        return cls(
            spec,
            MODELS / spec.model,
            tuple(ENCODED / spec.model / task for task in spec.tasks),
            RUNS / spec.path,
            SOURCES / f"{spec.stack}.safetensors" if spec.sources else None,
        )

    @property
    def reports(self) -> Reports:
        """The loggers of the run, and the name under which they list it."""
        return Reports(self.loggers, self.spec.path)

    @cached_property
    def encodings(self) -> dict[str, dict[str, Any]]:
        """The content of each task's encoding.json, by the task's name.

        Raises: UserError if the folders in `data` do not hold the spec's tasks.
        """
        if len(self.data) != len(self.spec.tasks):
            raise UserError(f"--data: {len(self.data)} encoded tasks, but the run learns {len(self.spec.tasks)}")
        encodings = {}
        for folder, key in zip(self.data, self.spec.tasks, strict=True):
            encoding = read_encoding(folder)
            name = encoding["task"]["name"]
            if not is_name(name):  # it becomes a folder's name
                raise UserError(f"{folder / 'encoding.json'}: {name!r} is no task's name; encode the task again")
            if not is_of(key, name):
                raise UserError(
                    f"--data {folder}: it holds task '{name}', but the run learns '{key}'; name the folder of '{key}'"
                )
            # The digest in a key is of the whole definition. encoding.json does not hold it, but the folder's name may.
            held = folder.resolve().name
            if held != key and MARK in held and is_of(held, name) and re.fullmatch(keys.KEY_PATTERN, held):
                raise UserError(
                    f"--data {folder}: it is the folder of '{held}', but the run learns '{key}'; name the folder of "
                    f"'{key}'"
                )
            encodings[name] = encoding
        return encodings

    @property
    def joint(self) -> Joint:
        """How a joint run treats some tasks, under the run's protocol differences."""
        joint = Joint()
        for difference in self.spec.differences:
            joint = replace(joint, **difference.joint)
        return joint

    @property
    def record_built_in(self) -> bool:
        """Whether the built-in task ReCoRD is among the tasks. A task of the user's own may have its name."""
        encodings = zip(self.data, self.encodings.items(), strict=True)
        return any(name == RECORD and built_in(folder, encoding) == RECORD for folder, (name, encoding) in encodings)

    def record(self) -> dict[str, Any]:
        """Return what identifies the run and its inputs. Two runs with equal records have equal results.

        Raises: UserError if the folders hold other inputs than the spec names, or a protocol difference has no effect.
        """
        self._check_model()
        self._check_sources()
        encodings = list(self.encodings.values())
        check_differences(self.spec, dict(zip(self.data, encodings, strict=True)))
        inputs: dict[str, Any] = {
            "model": [encoding["model"] for encoding in encodings],
            "data": {name: encoding["sha256"] for name, encoding in self.encodings.items()},
        }
        if self.sources is not None:
            inputs["sources"] = self._source_facts(inputs["model"][0])
        if self.similarities is not None:
            inputs["similarities"] = sha256(self.similarities)
        record: dict[str, Any] = {
            "spec": self.spec.record,
            "tasks": [encoding["task"] for encoding in encodings],
            "inputs": inputs,
        }
        if self.spec.family == "joint":  # a task of the user's own called `record` trains all its rows
            record["own"] = [RECORD] if RECORD in self.encodings and not self.record_built_in else []
        return record

    def _check_model(self) -> None:
        """Refuse an encoder's folder that is missing or not of the spec's key: of another encoder or another source."""
        if not self.model.is_dir() and (others := sorted(self.model.parent.glob(f"{keys.name_of(self.spec.model)}@*"))):
            raise UserError(
                f"--model {self.model}: no such folder; name one of {shown([path.name for path in others])} there"
            )
        content = read_json(self.model / "model.json")
        name, wanted = content["name"], self.spec.model
        if not is_of(wanted, name):
            raise UserError(f"--model {self.model}: it holds the encoder '{name}'; name the folder of '{wanted}'")
        if MARK not in wanted or wanted == keys.shortened(name) or "source" not in content:
            return  # a name alone, or its beginning and a digest of it: that says nothing of the source
        if wanted != (held := keys.key(name, content["source"])):
            raise UserError(
                f"--model {self.model}: it holds the encoder '{held}', from another source than '{wanted}'; name the "
                f"folder of '{wanted}'"
            )

    def _check_sources(self) -> None:
        method = METHODS[self.spec.method]
        if (self.sources is None) == (method.family == "two_stage"):
            need = "takes stacked source adapters: add --sources" if self.sources is None else "takes no --sources"
            raise UserError(f"method '{method.name}' {need}")
        if method.similarity and self.similarities is None:
            raise UserError(f"method '{method.name}' compares tasks: add --similarities (see `scalearn similarities`)")

    def _source_facts(self, encoder: str) -> dict[str, Any]:
        assert self.sources is not None
        facts = StackFacts.read(self.sources)
        if facts.model not in ("", encoder):
            raise UserError(f"{self.sources}: source adapters of another encoder than {self.model}; stack its own")
        if facts.runs and facts.runs != self.spec.sources:  # a run of other sources would lie under this run's path
            raise UserError(
                f"--sources {self.sources}: it stacks {', '.join(facts.runs)}, but the run composes "
                f"{', '.join(self.spec.sources)}; name the stack of these"
            )
        return facts.record

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the run's files, without run.json."""
        if self.spec.family == "joint":
            return (*OUTPUTS, *(f"tasks/{name}/{PREDICTIONS}" for name in self.encodings))
        return (*OUTPUTS, PREDICTIONS)

    @property
    def done(self) -> bool:
        """Whether `output` holds this run, finished, with every file as it was written. Prints a line if so.

        Raises: UserError if the folder holds other files, or another run.
        """
        check_output(self.output)
        check_spec(self.output, self.spec)
        try:
            stored = read_json(self.output / "run.json")
        except UserError:  # missing or damaged
            return False
        record = json.loads(json.dumps(self.record()))
        same = all(stored.get(key) == value for key, value in record.items())
        if not same or altered(self.output, {name: stored["sha256"].get(name, "") for name in self.files}):
            return False
        print(f"{self.output}: this run is done; delete its run.json to train it again")
        return True


def read_encoding(folder: Path) -> dict[str, Any]:
    """Return the content of an encoded task's encoding.json. Raises: UserError if it is missing or damaged."""
    path = folder / "encoding.json"
    content = read_json(path)
    for key in ("task", "model", "sha256"):
        if key not in content:
            raise UserError(f"{path}: no '{key}' in it; encode the task again")
    return content


def built_in(folder: Path, encoding: Mapping[str, Any]) -> str | None:
    """Return the name of the built-in task that was encoded, None for a task of the user's own.

    encoding: the content of the folder's encoding.json.
    """
    name = encoding["task"]["name"]
    if name not in TASKS:
        return None
    if "built_in" not in encoding:
        raise UserError(
            f"{folder / 'encoding.json'}: it does not say whether this is the built-in task '{name}'; "
            "encode the task again"
        )
    return str(name) if encoding["built_in"] else None


def check_differences(spec: RunSpec, data: Mapping[Path, dict[str, Any]]) -> None:
    """Check that each protocol difference of the run changes something in it.

    data: the content of each encoded task's encoding.json, by its folder. Raises: UserError if one does not.
    """
    method = METHODS[spec.method]
    for difference in spec.differences:
        if not any(difference.concerns(method, spec.values, built_in(*item)) for item in data.items()):
            names = ", ".join(str(encoding["task"]["name"]) for encoding in data.values())
            raise UserError(
                f"--difference {difference.name}: it changes nothing in a run of '{method.name}' on {names} "
                "(a task of your own is not the built-in one of its name); leave it out"
            )
