"""Models of the two JSON files behind all results: run.json, which training writes, and the score record."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scalearn.campaign import run_folder
from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.storage.files import read_json, write_json
from scalearn.tasks.definition import Kind
from scalearn.tasks.store import outputs
from scalearn.validation import complaint

RUN, PREDICTIONS, SCORE = run_folder.RECORD, run_folder.PREDICTIONS, run_folder.SCORE


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)  # other keys are ignored

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the content of the file. Raises UserError if it is missing, damaged or incomplete."""
        content = read_json(path)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise UserError(f"{path}: {complaint(error, cls, content)}; delete it and run again") from None


class Part(NamedTuple):
    """The subject of one score: a run on its task, or one task of a joint run."""

    run: str  # its path below the folder of all runs
    task: str  # the task's name
    joint: bool = False

    @property
    def folder(self) -> Path:
        """The folder of its predictions and its score, below the folder of all runs."""
        return Path(self.run, "tasks", self.task) if self.joint else Path(self.run)


class Identity(_Record):
    """What identifies a score: the path of its run, and the task."""

    run: str
    model: str
    method: str
    benchmark: str
    task: str
    shots: str
    seed: int


class TaskFacts(_Record):
    """The facts of a task that scoring needs."""

    name: str
    kind: Kind
    labels: tuple[str, ...] | None
    choices: int | None = None
    metrics: tuple[str, ...] = Field(min_length=1)
    positive: str | None = None
    version: int
    sha256: dict[str, str]

    @property
    def outputs(self) -> int:
        """The number of logits per row."""
        return outputs(self.kind, self.labels, self.choices)


class Baseline(_Record):
    """The constant answer of the majority baseline, from the training rows (scalearn.tasks.metrics.majority)."""

    prediction: float | list[int]


class Parameters(_Record):
    """Numbers of parameters. `trainable` does not count the head."""

    trainable: int = Field(ge=0)
    head: int = Field(ge=0)
    total: int = Field(ge=0)


class Training(_Record):
    """How long a run trained."""

    epochs: int
    best_epoch: int
    steps: int
    examples: int


class RunRecord(_Record):
    """The keys of run.json that scores need."""

    spec: dict[str, Any]
    tasks: tuple[TaskFacts, ...] = Field(min_length=1)
    baseline: Baseline
    parameters: Parameters
    training: Training
    computed: tuple[dict[str, str | bool], ...] = ()
    inputs: dict[str, Any] = {}
    sha256: dict[str, str]
    versions: dict[str, str]

    @cached_property
    def run_spec(self) -> RunSpec:
        """The run's specification."""
        return RunSpec.of_record(self.spec)

    @property
    def task(self) -> TaskFacts:
        """The task that it is scored on."""
        return self.tasks[0]

    @property
    def identity(self) -> Identity:
        """The identity that the score record stores."""
        spec = self.run_spec
        names = {"run": spec.path, "method": spec.method, "benchmark": spec.benchmark, "shots": spec.shots}
        return Identity(model=spec.model, task=self.task.name, seed=spec.seed, **names)

    @model_validator(mode="after")
    def _has_a_spec(self) -> Self:
        try:
            _ = self.run_spec
        except ValidationError as error:
            raise ValueError(f"spec: {complaint(error, RunSpec, self.spec)}") from None
        return self


class Cost(_Record):
    """The cost of a run."""

    trainable_parameters: int = Field(ge=0)
    head_parameters: int = Field(ge=0)
    steps: int
    epochs: int
    best_epoch: int
    examples: int


class Provenance(_Record):
    """What a score was made from, by which versions.

    switches: names of the run's protocol differences.
    compute: the campaign's settings of `compute` that are not `auto`.
    computed: settings and device in use; another entry for each change when an interrupted run went on.
    """

    switches: tuple[str, ...] = ()
    compute: dict[str, str | bool] = {}
    computed: tuple[dict[str, str | bool], ...] = ()
    method_version: int
    training_version: int
    task_version: int
    sha256: dict[str, str]
    inputs: dict[str, Any]
    versions: dict[str, str]


class MadeFrom(_Record):
    """What a score record was made from. The record is up to date only if a new one would be made from the same.

    run: the checksum of run.json, which holds that of the predictions. scoring: versions.SCORING.
    """

    run: str
    metrics: tuple[str, ...]
    positive: str | None
    scoring: int


class ScoreRecord(_Record):
    """score.json: a run's identity, scores, cost and provenance.

    Scores are fractions. Those of further test parts have a suffix, for example accuracy_mm.
    """

    identity: Identity
    headline: str
    positive: str | None = Field(
        None,
        exclude_if=lambda name: name is None,
        description="the positive label of f1, of two labels",
    )
    scores: dict[str, float]
    baseline: dict[str, float]
    rows: dict[str, int]
    hyperparameters: dict[str, bool | int | float | str]
    cost: Cost
    provenance: Provenance
    made_from: MadeFrom

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.headline not in self.scores:
            raise ValueError(f"scores: no entry for the headline metric '{self.headline}'")
        if self.scores.keys() != self.baseline.keys():
            raise ValueError("baseline: it must have the metrics of scores, no more and no fewer")
        return self

    @property
    def score(self) -> float:
        """The value of the headline metric."""
        return self.scores[self.headline]

    def write(self, path: Path) -> None:
        """Write the record. The file appears whole, and equal records make equal bytes."""
        write_json(path, self.model_dump(mode="json"))


def score_path(runs: Path, part: Part) -> Path:
    """Return the path of the score record."""
    return runs / part.folder / SCORE


def read_current(path: Path, made_from: MadeFrom) -> ScoreRecord | None:
    """Return the score record at `path`, or None if it is missing, damaged or not made from `made_from`."""
    try:
        record = ScoreRecord.model_validate(read_json(path, ours=True))
    except (UserError, ValidationError):
        return None
    return record if record.made_from == made_from else None
