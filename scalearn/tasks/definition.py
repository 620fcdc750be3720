"""Task definitions: the pydantic models of a task and its source, and the metrics of each kind of task.

The module reads no rows and imports nothing heavy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from scalearn.fields import LocalPath, Name, Strict, Whole, matching

Kind = Literal["classification", "multi_label", "multiple_choice", "regression", "candidates"]

# The metrics that each kind of task allows. The first is the default headline metric.
METRICS: dict[str, tuple[str, ...]] = {
    "classification": ("accuracy", "f1", "matthews", "exact_match"),
    "multi_label": ("macro_f1", "macro_precision", "macro_recall", "subset_accuracy"),
    "multiple_choice": ("accuracy",),
    "regression": ("pearson", "spearman"),
    "candidates": ("token_f1", "exact_match"),
}
LABELLED = ("classification", "multi_label")  # the kinds whose labels have names

# Built-in ways to make the texts from several columns: scalearn.tasks.preparing.constructions has a function for each.
Construction = Literal["copa", "multirc", "record", "wic", "wsc"]

CUT_SEED = 42  # as in the paper's released code

Column = Annotated[str, StringConstraints(min_length=1)]
# A folder or split name in a repository. The pattern excludes `..` and `*`.
RepositoryName = Annotated[
    str, matching(r"^\w[\w.-]*$", "the name of a folder or split in the repository (without '/')")
]
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


# A list of names. A single name may be written without brackets.
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_more, json_schema_input_type=str | tuple[str, ...])]
Columns = Annotated[
    tuple[Column, ...], BeforeValidator(_one_or_more, json_schema_input_type=Column | tuple[Column, ...])
]


# How quotation marks in CSV and TSV files are read. "standard": they enclose values, as in RFC 4180.
# "none": they are plain characters, and every line is a row.
Quoting = Literal["standard", "none"]
_QUOTING = (
    "how quotation marks in CSV and TSV files are read: `standard` (they enclose values, RFC 4180) or `none` (they are "
    "plain characters). The default is standard; a TSV file that can be read both ways is then refused"
)


def _refuse_quoting(quoting: Quoting | None, paths: Iterable[str | None]) -> None:
    """Raise ValueError if `quoting` is set but no file is CSV or TSV, so that the key would have no effect."""
    if quoting is not None and not any(path.lower().endswith((".csv", ".tsv")) for path in paths if path):
        raise ValueError("quoting: this key only applies to CSV and TSV files; remove it")


Split = Annotated[
    str,
    matching(
        r"^\w[\w.-]*(\[-?\d*%?:-?\d*%?\])?$",
        "the name of a split, or a slice of one such as train[:80%]",
    ),
]


class SplitSlices(Strict):
    """The splits of a dataset, or slices such as `train[:80%]`, that become train, validation and test."""

    train: Split = "train"
    validation: Split | None = Field(None, description="by default it is cut from train")
    test: Split | None = Field(None, description="by default it is cut from train")

    def named(self) -> dict[str, str]:
        """Return train, validation and test -> the split's name, for those that are not cut from train."""
        return {use: name for use, name in self if name is not None}


class SplitNames(SplitSlices):
    """The splits of a dataset that become train, validation and test."""

    train: RepositoryName = "train"
    validation: RepositoryName | None = Field(None, description="by default it is cut from train")
    test: RepositoryName | None = Field(None, description="by default it is cut from train")


_NEWEST = "`python -c \"from huggingface_hub import dataset_info as i; print(i('{}').sha)\"` prints the newest"
Revision = Annotated[
    str,
    matching(
        r"^[0-9a-f]{40}$",
        f"a full commit hash of 40 digits and letters a to f ({_NEWEST.format('OWNER/NAME')})",
    ),
]


class HubSource(Strict):
    """A dataset on the hub. The campaign's `mirror` replaces the hub with a local folder.

    With `name` or `splits` the library `datasets` loads it; without them its files are found by `files`.
    """

    kind: Literal["hub"] = "hub"
    repository: Dataset
    revision: Revision = Field(description="the full commit hash, which pins the data")
    name: RepositoryName | None = Field(None, description="the subset (config) that `datasets` loads")
    splits: SplitSlices | None = Field(
        None, description="the splits that `datasets` loads", examples=[{"train": "train[:80%]", "test": "test"}]
    )
    config: RepositoryName = "default"
    files: Files = Field(
        "{config}/{split}-*.parquet",
        description="path of a split's files in the repository, with the placeholders {config} and {split}",
    )
    train: RepositoryName = "train"
    validation: RepositoryName | None = Field(
        None, description="name of the validation split; by default cut from train"
    )
    test: RepositoryName | None = Field("validation", description="the test split; null: cut from train")
    parts: dict[Name, RepositoryName] = Field({}, description="further test splits: metric suffix -> split name")
    quoting: Quoting | None = Field(None, description=_QUOTING)

    @property
    def by_name(self) -> bool:
        """Whether `datasets` loads the dataset, not the reader of single files."""
        return self.name is not None or self.splits is not None

    @property
    def named_splits(self) -> SplitSlices:
        """The splits that `datasets` loads."""
        return self.splits or SplitSlices()

    @model_validator(mode="before")
    @classmethod
    def _refuse_unpinned(cls, content: object) -> object:
        if isinstance(content, dict) and "repository" in content and "revision" not in content:
            newest = _NEWEST.format(content["repository"])
            raise ValueError(f"`revision` is missing; add the full hash of a commit ({newest})")
        return content

    @model_validator(mode="after")
    def _one_way(self) -> HubSource:
        for key in ("config", "files", "train", "validation", "test", "parts", "quoting") if self.by_name else ():
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key}: this key has no effect beside `name` and `splits`; remove one of them")
        return self

    @model_validator(mode="after")
    def _check_quoting(self) -> HubSource:
        _refuse_quoting(self.quoting, (self.files,))
        return self


class FilesSource(Strict):
    """CSV, TSV, JSONL or parquet files. The file name's extension tells the format."""

    kind: Literal["files"] = "files"
    train: LocalPath
    validation: LocalPath | None = Field(None, description="by default it is cut from train")
    test: LocalPath | None = Field(None, description="by default it is cut from train")
    quoting: Quoting | None = Field(None, description=_QUOTING)

    @model_validator(mode="after")
    def _check_quoting(self) -> FilesSource:
        _refuse_quoting(self.quoting, (self.train, self.validation, self.test))
        return self


class DiskSource(Strict):
    """A folder that `save_to_disk` of `datasets` wrote. A folder with one Dataset is all train."""

    kind: Literal["disk"] = "disk"
    path: LocalPath
    splits: SplitNames = Field(SplitNames(), examples=[{"train": "train", "test": "test"}])


class GeneratedSource(Strict):
    """Rows that the package generates from a seed."""

    kind: Literal["generated"] = "generated"


class RuleSource(Strict):
    """A rule of your own writes resources/tasks/<task>/. Nothing is downloaded or cut."""

    kind: Literal["rule"] = "rule"


Source = Annotated[HubSource | FilesSource | DiskSource | GeneratedSource | RuleSource, Field(discriminator="kind")]


# The keys of a rule's task that are read: the metrics that score it, and the kind that the metrics must suit.
KEYS_BESIDE_A_RULE = {"source", "kind", "metrics", "positive"}


class Task(Strict):
    """A task: its source, its columns, its label space and its metrics."""

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
        description="multiple choice: one column per choice, or one column that holds lists",
        examples=[["ending1", "ending2"]],
    )
    construction: Construction | None = Field(None, description="a built-in way to make the texts from several columns")
    label: Column = Field("label", description="the label column")
    separator: str = Field(
        "|", min_length=1, description="multi_label in CSV or TSV: what separates the labels of a cell"
    )
    labels: tuple[Column, ...] | None = Field(
        None,
        description="label names in index order; by default the sorted labels of train",
        examples=[["negative", "positive"]],
    )
    metrics: Names = Field(
        (),
        description="the headline metric first; by default the kind's first metric",
        examples=[["f1", "accuracy"]],
    )
    positive: Column | None = Field(
        None, description="binary classification: the label whose f1 is reported; by default the second label"
    )
    max_length: Whole = Field(128, ge=8, le=8192, description="in tokens; longer inputs are truncated")
    truncate: Literal["longest", "first"] = Field("longest", description="which text of a pair is truncated")
    groups: Column | None = Field(None, description="a column; rows with the same value in it stay in one split")
    stratify: bool = Field(True, description="cut splits so that each has the same share of every label")
    cut_seed: Whole = Field(CUT_SEED, ge=0, lt=2**32, description="random seed for the splits that are cut from train")
    train_rows: Whole | None = Field(
        None, ge=2, description="use only this many rows of train, drawn with cut_seed before any split is cut"
    )
    select: Literal["loss", "headline"] = Field("loss", description="the validation value that selects the best epoch")
    version: Whole = Field(1, ge=1, description="raised when a code change alters the rows or the scores")

    @model_validator(mode="after")
    def _refuse_unread_keys(self) -> Task:
        if isinstance(self.source, RuleSource) and (unread := sorted(self.model_fields_set - KEYS_BESIDE_A_RULE)):
            raise ValueError(f"{unread[0]}: this key has no effect because a rule makes the task; give it to the rule")
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
            raise ValueError("labels: give at least two names, each only once")
        if self.positive is not None:
            if self.kind != "classification":
                raise ValueError(f"positive: kind '{self.kind}' has no positive class; remove the key")
            if self.labels is not None:
                positive_class(self.positive, self.labels)
        if (self.kind == "multiple_choice") != bool(self.choices):
            raise ValueError("choices: kind 'multiple_choice' needs this key, and no other kind has it")
        columns = (*self.texts, *self.choices, self.label)
        if repeated := [name for name, times in Counter(columns).items() if times > 1]:
            raise ValueError(f"texts: column '{repeated[0]}' is named twice among texts, choices and label; keep one")
        if self.choices and len(self.texts) > 1:
            raise ValueError("texts: kind 'multiple_choice' takes one text column; name the others in `choices`")
        if (self.kind == "candidates") != (self.construction == "record"):
            raise ValueError("kind: 'candidates' needs `construction: record`, and that construction needs this kind")
        return self

    @property
    def all_metrics(self) -> tuple[str, ...]:
        """The task's metrics, the headline metric first."""
        return self.metrics or METRICS[self.kind][:1]


def positive_class(name: str | None, labels: Sequence[str] | None) -> int:
    """Return the index of the class whose f1 a binary classification reports.

    Args:
        name: the name of that class; None means the second label.
        labels: all label names in index order.

    Raises: ValueError if a name is given and there are not exactly two labels, or the name is not one of them.
    """
    if name is None:
        return 1
    if labels is None or len(labels) != 2:
        raise ValueError(f"positive: this key needs exactly two labels, found {len(labels or ())}; remove it")
    if name not in labels:
        raise ValueError(f"positive: '{name}' is not a label; write '{labels[0]}' or '{labels[1]}'")
    return list(labels).index(name)
