"""What a task is, before any of its rows is read: pure data, cheap to import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from scalearn.fields import Commit, LocalPath, Name, Strict, Whole, matching

Kind = Literal["classification", "multi_label", "multiple_choice", "regression", "candidates"]

# Per kind the metrics that suit it, the default headline first.
METRICS: dict[str, tuple[str, ...]] = {
    "classification": ("accuracy", "f1", "matthews", "exact_match"),
    "multi_label": ("macro_f1", "macro_precision", "macro_recall", "subset_accuracy"),
    "multiple_choice": ("accuracy",),
    "regression": ("pearson", "spearman"),
    "candidates": ("token_f1", "exact_match"),
}
LABELLED = ("classification", "multi_label")  # kinds whose labels have names

# Inputs that are more than columns as they stand: scalearn.tasks.preparing.constructions has a function for each.
Construction = Literal["copa", "multirc", "record", "wic", "wsc"]

CUT_SEED = 42  # the paper's


Column = Annotated[str, StringConstraints(min_length=1)]
# Parts of a path in a repository: none is `..`, and none holds a `*`.
Part = Annotated[str, matching(r"^\w[\w.-]*$", "the name of a folder or split in the repository (without '/')")]
Dataset = Annotated[str, matching(r"^\w[\w.-]*/\w[\w.-]*$", "a repository of the hub (OWNER/NAME)")]
Files = Annotated[
    str,
    matching(
        r"^([\w{}*-][\w.{}*-]*/)*[\w{}*-]*\{split\}[\w.{}*-]*\.(parquet|jsonl|csv|tsv)$",
        "a path within the repository that holds {split} and ends in .parquet, .jsonl, .csv or .tsv",
    ),
]


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


# A list of names; one of them may stand there without brackets.
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_more, json_schema_input_type=str | tuple[str, ...])]
Columns = Annotated[
    tuple[Column, ...], BeforeValidator(_one_or_more, json_schema_input_type=Column | tuple[Column, ...])
]


# What quotation marks in CSV and TSV files are: around values as in RFC 4180, or plain characters, a line being a row.
Quoting = Literal["standard", "none"]
_QUOTING = (
    "what quotation marks in CSV and TSV are: `standard`, around values (RFC 4180), or `none`, plain characters; by "
    "default standard, and TSV that may be either is refused"
)


def _refuse_quoting(quoting: Quoting | None, paths: Iterable[str | None]) -> None:
    """Refuse the key where no file is CSV or TSV: it would have no effect."""
    if quoting is not None and not any(path.lower().endswith((".csv", ".tsv")) for path in paths if path):
        raise ValueError("quoting: only CSV and TSV files have it; remove the key")


class HubSource(Strict):
    """Files of a dataset repository; `mirror` in the campaign replaces the hub by a local folder."""

    kind: Literal["hub"] = "hub"
    repository: Dataset
    revision: Commit = Field(description="the full commit hash, so that data cannot change")
    config: Part = "default"
    files: Files = Field(
        "{config}/{split}-*.parquet",
        description="where the files of a split lie in the repository; {config} and {split} are filled in",
    )
    train: Part = "train"
    validation: Part | None = Field(None, description="a split of its own; by default cut from train")
    test: Part | None = Field("validation", description="null: cut from train")
    parts: dict[Name, Part] = Field({}, description="further test splits: suffix of their metrics -> split name")
    quoting: Quoting | None = Field(None, description=_QUOTING)

    @model_validator(mode="after")
    def _has_marks(self) -> HubSource:
        _refuse_quoting(self.quoting, (self.files,))
        return self


class FilesSource(Strict):
    """CSV, TSV, JSONL or parquet files, told apart by their ending."""

    kind: Literal["files"] = "files"
    train: LocalPath
    validation: LocalPath | None = Field(None, description="by default cut from train")
    test: LocalPath | None = Field(None, description="by default cut from train")
    quoting: Quoting | None = Field(None, description=_QUOTING)

    @model_validator(mode="after")
    def _has_marks(self) -> FilesSource:
        _refuse_quoting(self.quoting, (self.train, self.validation, self.test))
        return self


class GeneratedSource(Strict):
    """Rows that the package makes itself, from a seed."""

    kind: Literal["generated"] = "generated"


class RuleSource(Strict):
    """A rule of the user's writes resources/tasks/<task>/; nothing is fetched or cut."""

    kind: Literal["rule"] = "rule"


Source = Annotated[HubSource | FilesSource | GeneratedSource | RuleSource, Field(discriminator="kind")]


# What is read of a task that a rule makes: what scores it, and the kind that this must suit.
BESIDE_A_RULE = {"source", "kind", "metrics", "positive"}


class Task(Strict):
    """A task: its source, its columns, its label space, its metrics (headline first)."""

    source: Source = Field(examples=[{"kind": "files", "train": "data/train.csv"}])
    kind: Kind = "classification"
    texts: Columns = Field(
        ("text",),
        min_length=1,
        max_length=2,
        description="one or two text columns",
        examples=[["sentence1", "sentence2"]],
    )
    choices: Columns = Field(
        (),
        description="multiple choice: a column per choice, or one column of lists",
        examples=[["ending1", "ending2"]],
    )
    construction: Construction | None = Field(None, description="a built-in way to make the texts from other columns")
    label: Column = Field("label", description="the label column")
    separator: str = Field("|", min_length=1, description="between the labels of a multi_label cell in CSV or TSV")
    labels: tuple[Column, ...] | None = Field(
        None,
        description="label names in index order; by default sorted from train",
        examples=[["negative", "positive"]],
    )
    metrics: Names = Field(
        (), description="headline first; by default the first that suits the kind", examples=[["f1", "accuracy"]]
    )
    positive: Column | None = Field(None, description="of two labels the one that f1 is of; by default the second")
    max_length: Whole = Field(128, ge=8, le=8192, description="tokens")
    truncate: Literal["longest", "first"] = Field("longest", description="which text of a pair loses tokens")
    groups: Column | None = Field(None, description="rows that share this column's value stay on one side of a cut")
    stratify: bool = Field(True, description="cut so that all splits have the same shares of the labels")
    cut_seed: Whole = Field(CUT_SEED, ge=0, lt=2**32, description="of the splits that are cut from train")
    train_rows: Whole | None = Field(None, ge=2, description="so many rows of train, drawn by cut_seed before any cut")
    select: Literal["loss", "headline"] = Field("loss", description="what the best epoch is best in, on validation")
    version: Whole = Field(1, ge=1, description="goes up when a change of code changes the rows or the scores")

    @model_validator(mode="after")
    def _read(self) -> Task:
        if isinstance(self.source, RuleSource) and (unread := sorted(self.model_fields_set - BESIDE_A_RULE)):
            raise ValueError(f"{unread[0]}: nothing reads this key, for a rule makes the task; give it to the rule")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Task:
        allowed = METRICS[self.kind]
        for metric in self.metrics:
            if metric not in allowed:
                raise ValueError(f"metrics: '{metric}' does not suit kind '{self.kind}'; it has {', '.join(allowed)}")
        if self.labels is not None and self.kind not in LABELLED:
            raise ValueError(f"labels: kind '{self.kind}' has no label names; remove the key")
        if self.labels is not None and (len(set(self.labels)) != len(self.labels) or len(self.labels) < 2):
            raise ValueError("labels: at least two names, each once")
        if self.positive is not None:
            if self.kind != "classification":
                raise ValueError(f"positive: kind '{self.kind}' has no such class; remove the key")
            if self.labels is not None:
                positive_class(self.positive, self.labels)
        if (self.kind == "multiple_choice") != bool(self.choices):
            raise ValueError("choices: kind 'multiple_choice' names the columns of its choices, other kinds none")
        columns = (*self.texts, *self.choices, self.label)
        if twice := [name for name, times in Counter(columns).items() if times > 1]:
            raise ValueError(f"texts: column '{twice[0]}' is named twice among texts, choices and label; keep one")
        if self.choices and len(self.texts) > 1:
            raise ValueError("texts: kind 'multiple_choice' has one text before its choices")
        if (self.kind == "candidates") != (self.construction == "record"):
            raise ValueError("kind: 'candidates' goes with `construction: record`, and with nothing else")
        return self

    @property
    def all_metrics(self) -> tuple[str, ...]:
        """The metrics to record, the headline first."""
        return self.metrics or METRICS[self.kind][:1]


def positive_class(name: str | None, labels: Sequence[str] | None) -> int:
    """Return the index of the class that f1 is of where there are two: of the one so named, by default the second.

    Raises: ValueError if there are not two labels, or none of this name.
    """
    if name is None:
        return 1
    if labels is None or len(labels) != 2:
        raise ValueError(f"positive: f1 is of one class where there are two, found {len(labels or ())}; remove the key")
    if name not in labels:
        raise ValueError(f"positive: '{name}' is no label; name '{labels[0]}' or '{labels[1]}'")
    return list(labels).index(name)
