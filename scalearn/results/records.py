"""The two JSON files of a run that results are made of: run.json, which training wrote, and the score record."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scalearn.campaign import Run
from scalearn.complaints import complaint
from scalearn.errors import UserError
from scalearn.files import read_json, write_json
from scalearn.tasks.definition import Kind
from scalearn.tasks.store import outputs

RUN, PREDICTIONS, SCORE = "run.json", "predictions.parquet", "score.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)  # keys that are not read here are let through

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what the file says; a UserError names it if it is missing, damaged or lacks something."""
        content = read_json(path)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise UserError(f"{path}: {complaint(error, cls, content)}; delete it and run again") from None


class Identity(_Record):
    """What tells a run apart from all others."""

    model: str
    method: str
    benchmark: str
    task: str
    shots: str
    seed: int

    @property
    def run(self) -> Run:
        """The run of this identity."""
        return Run(**self.model_dump())


class TaskFacts(_Record):
    """What scoring needs to know of a task."""

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
    """The constant answer that training rows suggest: see scalearn.tasks.metrics.majority."""

    prediction: float | list[int]


class Parameters(_Record):
    """Numbers of parameters; `trainable` is without the head."""

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
    """run.json, as far as scores need it."""

    identity: Identity
    hyperparameters: dict[str, bool | int | float]
    method_version: int
    task: TaskFacts
    baseline: Baseline
    parameters: Parameters
    training: Training
    switches: tuple[str, ...] = ()
    compute: dict[str, str | bool] = {}
    computed: tuple[dict[str, str | bool], ...] = ()
    inputs: dict[str, Any] = {}
    sha256: dict[str, str]
    versions: dict[str, str]


class Cost(_Record):
    """What a run took."""

    trainable_parameters: int = Field(ge=0)
    head_parameters: int = Field(ge=0)
    steps: int
    epochs: int
    best_epoch: int
    examples: int


class Provenance(_Record):
    """What a score was made from, by which versions.

    switches: those of the reference protocol that were on. compute: what the campaign asked for of it; computed: what
    that came to, and on what device, with an entry more for each other way in which an interrupted run went on.
    """

    switches: tuple[str, ...] = ()
    compute: dict[str, str | bool] = {}
    computed: tuple[dict[str, str | bool], ...] = ()
    method_version: int
    task_version: int
    sha256: dict[str, str]
    inputs: dict[str, Any]
    versions: dict[str, str]


class ScoreRecord(_Record):
    """score.json: a run's identity, scores, cost and provenance. Scores are fractions, further parts as accuracy_mm."""

    identity: Identity
    headline: str
    positive: str | None = Field(
        None, exclude_if=lambda name: name is None, description="of two labels the one that f1 is of, if there is an f1"
    )
    scores: dict[str, float]
    baseline: dict[str, float]
    rows: dict[str, int]
    hyperparameters: dict[str, bool | int | float]
    cost: Cost
    provenance: Provenance

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
        """Write the record whole; equal records are equal bytes."""
        write_json(path, self.model_dump(mode="json"))


def score_path(runs: Path, run: Run) -> Path:
    """Return where the run's score record lies, or will."""
    return runs / run.path / SCORE


def read_score(runs: Path, run: Run) -> ScoreRecord | None:
    """Return the run's score record, or None if there is none yet; a damaged or misplaced one is a UserError."""
    path = score_path(runs, run)
    if not path.is_file():
        return None
    record = ScoreRecord.read(path)
    if record.identity.run != run:
        raise UserError(f"{path}: it is the record of {record.identity.run.path}; delete the folder and run again")
    return record
