"""What a task is, before any of its rows is read: pure data, cheap to import."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

METRICS = {
    "classification": ("accuracy", "f1", "matthews"),
    "regression": ("pearson", "spearman"),
}


class Strict(BaseModel):
    """A model of config.yaml: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HubSource(Strict):
    """Parquet files of a dataset repository; `mirror` in the campaign replaces the hub by a local folder."""

    kind: Literal["hub"] = "hub"
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="the full commit hash, so that data cannot change")
    config: str = Field(pattern=r"^[\w.-]+$")
    train: str = "train"
    validation: str | None = Field(None, description="a split of its own; by default cut from train")
    test: str = "validation"
    parts: dict[str, str] = Field({}, description="further test splits: suffix of their metrics -> split name")


class FilesSource(Strict):
    """CSV, JSONL or parquet files, told apart by their ending."""

    kind: Literal["files"] = "files"
    train: str
    validation: str | None = Field(None, description="by default cut from train")
    test: str


class GeneratedSource(Strict):
    """Rows that the package makes itself, from a seed."""

    kind: Literal["generated"] = "generated"


class RuleSource(Strict):
    """A rule of the user's writes resources/tasks/<task>/; nothing is fetched or cut."""

    kind: Literal["rule"] = "rule"


Source = Annotated[HubSource | FilesSource | GeneratedSource | RuleSource, Field(discriminator="kind")]


class Task(Strict):
    """A task: its source, its columns, its label space, its metrics (headline first)."""

    source: Source
    kind: Literal["classification", "regression"] = "classification"
    texts: tuple[str, ...] = Field(("text",), min_length=1, max_length=2, description="one or two text columns")
    label: str = Field("label", description="the label column")
    labels: tuple[str, ...] | None = Field(None, description="label names in index order; by default sorted from train")
    metrics: tuple[str, ...] = Field((), description="headline first; by default accuracy, or pearson for regression")
    max_length: int = Field(128, ge=8, le=8192, description="tokens, longest-first truncation")
    version: int = Field(1, ge=1, description="goes up when a change of code changes the rows or the scores")

    @model_validator(mode="after")
    def _consistent(self) -> Task:
        allowed = METRICS[self.kind]
        for metric in self.metrics:
            if metric not in allowed:
                raise ValueError(f"metrics: '{metric}' does not suit kind '{self.kind}'; it has {', '.join(allowed)}")
        if self.kind == "regression" and self.labels is not None:
            raise ValueError("labels: a regression has no label names; remove the key")
        if self.labels is not None and (len(set(self.labels)) != len(self.labels) or len(self.labels) < 2):
            raise ValueError("labels: at least two names, each once")
        return self

    @property
    def all_metrics(self) -> tuple[str, ...]:
        """The metrics to record, the headline first."""
        return self.metrics or METRICS[self.kind][:1]
