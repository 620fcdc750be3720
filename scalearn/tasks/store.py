"""The on-disk format of a task: train.parquet, validation.parquet, test.parquet and task.json.

The package writes it when it prepares a task. A user's own rule may write it, too. The columns are:

| column            | type         | in                                                                     |
| ----------------- | ------------ | ---------------------------------------------------------------------- |
| text1             | string       | every task                                                             |
| text2             | string       | tasks whose rows are pairs of texts                                    |
| choices           | list<string> | multiple_choice: the possible continuations of text1, the same number  |
| label             | int64        | classification: the class; multiple_choice: the right choice;          |
|                   |              | candidates: 1 if the candidate is right, else 0                        |
|                   | double       | regression                                                             |
|                   | list<int64>  | multi_label: the classes of the row, none to all                       |
| group             | int64        | candidates, and others with a metric over groups: the row's question   |
| candidate         | string       | candidates: the answer that the row proposes                           |
| answers           | list<string> | candidates: the right answers of the row's question                    |
| part              | string       | the test file: "" for the main rows, else the suffix of their metrics  |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scalearn.errors import UserError
from scalearn.fields import Name
from scalearn.storage.files import read_json, sha256, whole_file, write_json
from scalearn.tasks.definition import LABELLED, METRICS, Kind, Task, positive_class
from scalearn.tasks.features import with_features
from scalearn.validation import complaint

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = ("train", "validation", "test")


class TaskInfo(BaseModel):
    """The content of task.json."""

    model_config = ConfigDict(frozen=True)  # a user's own rule may add keys

    name: Name
    kind: Kind
    labels: tuple[str, ...] | None
    positive: str | None = Field(
        None,
        exclude_if=lambda name: name is None,
        description="the label whose f1 is reported, unless the second",
    )
    construction: str | None = Field(
        None,
        exclude_if=lambda name: name is None,
        description="how the texts were constructed",
    )
    choices: int | None = Field(None, ge=2, description="multiple_choice: number of choices per row")
    grouped: bool = Field(False, description="whether the splits have a `group` column")
    metrics: tuple[str, ...] = Field(min_length=1, description="the headline metric first")
    max_length: int = Field(ge=8)
    truncate: Literal["longest", "first"] = "longest"
    select: Literal["loss", "headline"] = "loss"
    version: int = Field(ge=1)
    texts: tuple[str, ...] = Field(min_length=1, max_length=2, description="the source columns of text1 and text2")
    label: str = Field(description="the source column of the labels")
    source: dict[str, Any]
    sizes: dict[str, int]
    sha256: dict[str, str]
    parts: tuple[str, ...] = ("",)
    notes: tuple[str, ...] = Field((), description="what preparing inferred, left out or changed, and why")
    built_in: bool = Field(False, description="whether the package defines this task, not a user")

    @model_validator(mode="after")
    def _consistent(self) -> TaskInfo:
        if (self.kind in LABELLED) != (self.labels is not None):
            raise ValueError(f"labels: {' and '.join(LABELLED)} must have label names, other kinds must have null")
        if self.labels is not None and len(self.labels) < 2:
            raise ValueError("labels: give at least two names")
        positive_class(self.positive, self.labels)
        if (self.kind == "multiple_choice") != (self.choices is not None):
            raise ValueError("choices: multiple_choice must have the number of choices, other kinds must have null")
        if self.kind == "candidates" and not self.grouped:
            raise ValueError("grouped: must be true for kind 'candidates'")
        if unknown := set(self.metrics) - set(METRICS[self.kind]):
            raise ValueError(f"metrics: '{min(unknown)}' does not suit kind '{self.kind}'")
        if self.kind == "classification" and "exact_match" in self.metrics and not self.grouped:
            raise ValueError("metrics: 'exact_match' needs groups; name their column in `groups`")
        for key in ("sizes", "sha256"):
            if missing := set(SPLITS) - set(getattr(self, key)):
                raise ValueError(f"{key}: no entry for {min(missing)}")
        if "" not in self.parts:
            raise ValueError('parts: the main test rows, "", are missing')
        return self

    @property
    def outputs(self) -> int:
        """The number of logits per row: one per class or choice, two per candidate, one for a regression."""
        return outputs(self.kind, self.labels, self.choices)

    @classmethod
    def read(cls, folder: Path) -> TaskInfo:
        """Return the content of folder/task.json, after checking the headers of the three parquet files beside it.

        Raises: UserError if a file, key or column is missing or has another type, or if a file has another number of
            rows than task.json says.
        """
        path = folder / "task.json"
        content = read_json(path)
        try:
            info = cls.model_validate(content)
        except ValidationError as error:
            wrong = complaint(error, cls, content)
            raise UserError(f"{path}: {wrong}; mend the rule that wrote it, or delete it and run again") from None
        for split in SPLITS:
            _check_file(folder / f"{split}.parquet", info, split)
        return info


def outputs(kind: str, labels: tuple[str, ...] | None, choices: int | None) -> int:
    """Return the number of logits that a model computes per row: one per class or choice, two per candidate, else one.

    Args:
        kind: the task's kind, one of definition.METRICS.
        labels: label names, for the kinds that have them.
        choices: the number of choices per row, for multiple_choice.
    """
    if labels is not None:
        return len(labels)
    return {"multiple_choice": choices or 0, "candidates": 2, "regression": 1}[kind]


def schema(kind: str, pair: bool, choices: bool = False, grouped: bool = False, part: bool = False) -> pa.Schema:
    """Return the Arrow schema of a split.

    Args:
        kind: the task's kind, one of definition.METRICS.
        pair: whether rows are pairs of texts (text2).
        choices, grouped, part: whether the split has the column `choices`, `group`, `part`.
    """
    import pyarrow as pa

    labels = {"regression": pa.float64(), "multi_label": pa.list_(pa.int64())}
    fields = [("text1", pa.string())]
    fields += [("text2", pa.string())] if pair else []
    fields += [("choices", pa.list_(pa.string()))] if choices else []
    fields += [("label", labels.get(kind, pa.int64()))]
    fields += [("group", pa.int64())] if grouped else []
    fields += [("candidate", pa.string()), ("answers", pa.list_(pa.string()))] if kind == "candidates" else []
    fields += [("part", pa.string())] if part else []
    return pa.schema(fields)


def schema_of(info: TaskInfo, split: str) -> pa.Schema:
    """Return the Arrow schema that this split of the task must have."""
    multiple = info.kind == "multiple_choice"
    return schema(info.kind, len(info.texts) == 2 and not multiple, multiple, info.grouped, split == "test")


def check_output(folder: Path) -> None:
    """Refuse an output folder with files that preparing would overwrite, unless a prepared task wrote them.

    Raises: UserError if `folder` holds such a file.
    """
    record = folder / "task.json"
    try:
        ours = {"name", "kind", "metrics", "sizes"} <= read_json(record).keys()
    except UserError:  # missing, or damaged
        ours = record.is_file()
    present = [path for split in SPLITS if (path := folder / f"{split}.parquet").exists()]
    if not ours and (present or record.is_file()):
        path = [*present, record][0]
        raise UserError(
            f"{path}: this file exists and does not belong to a prepared task; name another --output, or remove it"
        )


def write(
    folder: Path, name: str, task: Task, content: Mapping[str, Iterable[pa.RecordBatch]], **details: Any
) -> TaskInfo:
    """Write a task's splits and then its task.json; return the content of task.json.

    Args:
        content: split -> its batches, all with the same schema. They are written one by one, so that memory holds one
            batch.
        details: the values of TaskInfo that the definition does not tell: `labels`, `choices`, `grouped`, `parts`,
            `notes` and `built_in`.
    """
    (folder / "task.json").unlink(missing_ok=True)  # so that a folder with task.json never mixes old and new files
    sizes = {
        split: _write_split(folder / f"{split}.parquet", content[split], task.kind, details["labels"])
        for split in SPLITS
    }
    info = TaskInfo(
        name=name,
        kind=task.kind,
        metrics=task.all_metrics,
        positive=task.positive,
        construction=task.construction,
        max_length=task.max_length,
        truncate=task.truncate,
        select=task.select,
        version=task.version,
        texts=task.texts,
        label=task.label,
        source=task.source.model_dump(mode="json"),
        sizes=sizes,
        sha256={split: sha256(folder / f"{split}.parquet") for split in SPLITS},
        **details,
    )
    write_json(folder / "task.json", info.model_dump(mode="json"))
    return info


def _write_split(path: Path, batches: Iterable[pa.RecordBatch], kind: str, labels: Sequence[str] | None) -> int:
    import pyarrow.parquet as pq

    stream, rows = iter(batches), 0
    first = next(stream)
    schema = with_features(first.schema, kind, labels)
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema) as out:
        for batch in chain([first], stream):
            out.write_batch(batch.replace_schema_metadata(schema.metadata))
            rows += batch.num_rows
    return rows


def _check_file(path: Path, info: TaskInfo, split: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise UserError(f"{path}: no such file; the rule that prepares task '{info.name}' must write it")
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid:
        raise UserError(f"{path}: not readable as parquet; delete it and run again") from None
    for wanted in schema_of(info, split):
        index = file.schema_arrow.get_field_index(wanted.name)
        actual = "no such column" if index < 0 else file.schema_arrow.field(index).type
        if actual != wanted.type:
            raise UserError(
                f"{path}: column '{wanted.name}' must be {wanted.type}, found {actual}; mend the rule that wrote it"
            )
    if file.metadata.num_rows != info.sizes[split] or not file.metadata.num_rows:
        raise UserError(
            f"{path}: {file.metadata.num_rows} rows where task.json says {info.sizes[split]}; "
            "mend the rule that wrote it, or delete task.json and run again"
        )
