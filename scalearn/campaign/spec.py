"""RunSpec: all that a run is. A campaign yields it, `scalearn train --spec` reads it, run.json holds it whole.

Light: no torch. A new hyper-parameter or way to compute needs no line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from scalearn.campaign import protocol, versions
from scalearn.campaign.compute import Compute
from scalearn.campaign.keys import BEGINNING, MARK, Key, digest, name_of, normal, shortened
from scalearn.campaign.protocol import RunDifference, differences_named, learner, run_differences
from scalearn.campaign.shipped import BENCHMARKS, SENTENCE_ENCODER
from scalearn.errors import nearest
from scalearn.fields import Name, Strict
from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.validation import complaint

STAGE1 = "adapter"  # the method whose runs are, at its defaults, the source adapters of stage 2
SINGLE = "single"  # stands in place of a benchmark where a run learns one task alone
JOINT = "joint"  # stands in place of a task where a run learns all of a benchmark
FOREIGN = "adapters/"  # begins what `sources` says of an adapter from elsewhere; its key follows
FULL: Literal["full"] = "full"  # the shots of a run on all rows
SETTINGS = 60  # characters of all that differs from the defaults, in a path


class RunSpec(Strict):
    """All that a run is. Two runs with equal specs and equal inputs have equal results, and the same `path`.

    model, tasks: keys (scalearn.campaign.keys) of the encoder and of what is learned: one task, or all tasks of a joint
    run in the benchmark's order. hyperparameters: those that differ from the method's defaults. sources: what a
    two-stage method composes: the paths of runs, and of adapters from elsewhere FOREIGN and their keys.
    sentence_encoder: what the source tasks are compared with, for a method that asks. switches: what the reference
    protocol does otherwise in this run (scalearn.campaign.protocol). versions: those of the code that makes it; a spec
    without them takes this package's.
    """

    method: str
    model: Key
    tasks: tuple[Key, ...] = Field(min_length=1)
    benchmark: Name = SINGLE
    seed: int = Field(0, ge=0, lt=2**32)
    shots: Literal["full"] = FULL
    hyperparameters: dict[str, bool | int | float | str] = Field({})
    sources: tuple[str, ...] = ()
    sentence_encoder: Key | None = None
    switches: tuple[str, ...] = ()
    compute: Compute = Compute()
    versions: dict[str, int] = Field({})

    @classmethod
    def of_record(cls, content: Mapping[str, Any]) -> RunSpec:
        """Return the spec of what run.json holds, whatever versions made that run; a ValueError if it holds none."""
        return cls.model_validate({**content, "versions": {}})

    # ------------------------------------------------------------------ what is checked

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.method not in METHODS:
            raise ValueError(f"method: unknown method '{self.method}'{nearest(self.method, METHODS)}")
        known = [difference.name for difference in protocol.RUN_DIFFERENCES]
        for name in self.switches:
            if name not in known:
                raise ValueError(f"switches: unknown name '{name}'{nearest(name, known)}")
        for difference in self.differences:
            if not any(difference.concerns(METHODS[self.method], self.values, name_of(task)) for task in self.tasks):
                raise ValueError(
                    f"switches: {difference.name}: it changes nothing in a run of '{self.method}' on "
                    f"{', '.join(self.tasks)}; leave it out"
                )
        if self.family == "single" and self.benchmark != SINGLE:
            raise ValueError(f"benchmark: runs of method '{self.method}' belong to no benchmark; remove the key")
        if METHODS[self.method].similarity and (keys := list(filter(None, map(foreign_key, self.sources)))):
            raise ValueError(
                f"sources: '{self.method}' compares the texts of the source tasks, and there are none of the adapter "
                f"'{name_of(keys[0])}'; leave it out"
            )
        if self.family != "joint" and len(self.tasks) > 1:
            raise ValueError(f"tasks: method '{self.method}' learns one task; name one")
        names = [name_of(task) if len(name_of(task)) < BEGINNING else task for task in self.tasks]  # or cut ones
        if len(set(names)) < len(names):
            raise ValueError(f"tasks: one is listed twice ({', '.join(self.tasks)}); name each once")
        object.__setattr__(self, "hyperparameters", self._differing())
        current = {"method": self.learner[0].version_of(self.learner[1]), "training": versions.TRAINING}
        if self.versions and self.versions != current:
            raise ValueError(
                f"versions: {normal(self.versions)}, but this version of scalearn makes runs of {normal(current)}; "
                "start the campaign again"
            )
        object.__setattr__(self, "versions", current)
        return self

    def _differing(self) -> dict[str, Any]:
        """Return the hyper-parameters that differ from the method's defaults; a ValueError says what is wrong."""
        kind = METHODS[self.method].hyperparameters
        try:
            return dict(sorted(kind(**self.hyperparameters).beyond(kind()).items()))
        except ValidationError as error:
            raise ValueError(f"hyperparameters: {complaint(error, kind, self.hyperparameters)}") from None

    # ------------------------------------------------------------------ what follows from it

    @property
    def family(self) -> str:
        """The family of the method."""
        return METHODS[self.method].family

    @cached_property
    def values(self) -> HyperParameters:
        """All hyper-parameters, the method's defaults with what differs from them."""
        return METHODS[self.method].hyperparameters(**self.hyperparameters)

    @property
    def differences(self) -> list[RunDifference]:
        """The protocol differences of this run."""
        return differences_named(self.switches)

    @cached_property
    def learner(self) -> tuple[Method, HyperParameters]:
        """The method and its hyper-parameters, as the run's protocol differences change them."""
        return learner(METHODS[self.method], self.values, self.differences)

    @property
    def task(self) -> str:
        """What its path says of tasks: the key of the one that it learns, or `joint`."""
        return JOINT if self.family == "joint" else self.tasks[0]

    @property
    def group(self) -> str:
        """What its path says of the benchmark, with a digest if its sources or joint tasks are not the shipped ones."""
        if self.family == "single":
            return SINGLE
        if self.family == "joint":
            return group_key(self.benchmark, self.tasks, BENCHMARKS.get(self.benchmark))
        return group_key(self.benchmark, self.sources, shipped_sources(self.benchmark, self.model))

    @property
    def variant(self) -> str:
        """What its path says of the method: its name, and whatever differs from the defaults."""
        settings = self._settings()
        return f"{self.method}/{shortened('+'.join(settings), SETTINGS)}" if settings else self.method

    def _settings(self) -> list[str]:
        """Return all that differs from the defaults, as `key=value`."""
        settings: dict[str, Any] = {**self.hyperparameters, **self.compute.explicit}
        if self.sentence_encoder not in (None, SENTENCE_ENCODER):
            settings["sentence_encoder"] = self.sentence_encoder
        if self.switches:
            every = run_differences("reference", METHODS[self.method], self.values, map(name_of, self.tasks))
            settings["protocol"] = "reference" if self.switches == every else "-".join(self.switches)
        return [f"{key}={shown(value)}" for key, value in sorted(settings.items())]

    @cached_property
    def path(self) -> str:
        """The run's directory below the folder of all runs; nothing else has the same."""
        return f"{self.model}/{self.variant}/{self.group}/{self.task}/{self.shots}/{self.seed}"

    @property
    def stack(self) -> str:
        """The path of the file of stacked sources that it composes, without ending, below the folder of all stacks."""
        return f"{self.model}/{self.group}"

    # ------------------------------------------------------------------ as JSON

    @property
    def json_text(self) -> str:
        """What differs from the defaults, as JSON; equal specs are equal texts."""
        return normal(self.model_dump(mode="json", exclude_defaults=True))

    @property
    def record(self) -> dict[str, Any]:
        """All of it, defaults spelt out, as run.json holds it."""
        return {**self.model_dump(mode="json"), "hyperparameters": self.values.model_dump()}


def foreign_key(source: str) -> Key | None:
    """Return the key of an adapter from elsewhere among a spec's `sources`; None if it is a run's path."""
    key = source.removeprefix(FOREIGN)
    return key if key != source and "/" not in key else None


def group_key(benchmark: str, content: tuple[str, ...], shipped: tuple[str, ...] | None) -> str:
    """Return the key of a benchmark with these sources or tasks."""
    name = shortened(benchmark, BEGINNING)
    return name if content == shipped else f"{name}{MARK}{digest(content)}"


def shipped_sources(benchmark: str, model: str) -> tuple[str, ...] | None:
    """Return the paths of the source adapters that a shipped benchmark's compositions have by default."""
    tasks = BENCHMARKS.get(benchmark)
    return None if tasks is None else tuple(f"{model}/{STAGE1}/{SINGLE}/{task}/{FULL}/0" for task in tasks)


def shown(value: Any) -> str:
    """Return a value as paths and tables have it."""
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")
