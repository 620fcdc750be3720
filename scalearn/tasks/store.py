"""The on-disk task format: train.parquet, validation.parquet, test.parquet and task.json, whatever wrote them.

Columns: text1 and, for pairs, text2 (strings); label (int64 class index, or float64 for a regression); the test file
also has `part`: "" for the main rows, else the suffix of the metrics of a further test set.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scalearn.errors import UserError
from scalearn.files import read_json, sha256, whole_file, write_json
from scalearn.tasks.definition import METRICS, Task

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = ("train", "validation", "test")


class TaskInfo(BaseModel):
    """What task.json says."""

    model_config = ConfigDict(frozen=True)  # keys that a user's own rule adds are let through

    name: str
    kind: Literal["classification", "regression"]
    labels: tuple[str, ...] | None
    metrics: tuple[str, ...] = Field(min_length=1, description="headline first")
    max_length: int = Field(ge=8)
    version: int = Field(ge=1)
    texts: tuple[str, ...] = Field(min_length=1, max_length=2, description="what text1 and text2 were called")
    label: str = Field(description="what the label column was called")
    source: dict[str, Any]
    sizes: dict[str, int]
    sha256: dict[str, str]
    parts: tuple[str, ...] = ("",)
    notes: tuple[str, ...] = Field((), description="what was left out or done otherwise, and why")

    @model_validator(mode="after")
    def _consistent(self) -> TaskInfo:
        if (self.kind == "classification") != (self.labels is not None):
            raise ValueError("labels: a classification has label names, a regression null")
        if self.labels is not None and len(self.labels) < 2:
            raise ValueError("labels: at least two")
        if unknown := set(self.metrics) - set(METRICS[self.kind]):
            raise ValueError(f"metrics: '{min(unknown)}' does not suit kind '{self.kind}'")
        for key in ("sizes", "sha256"):
            if missing := set(SPLITS) - set(getattr(self, key)):
                raise ValueError(f"{key}: no entry for {min(missing)}")
        if "" not in self.parts:
            raise ValueError('parts: the main test rows, "", are missing')
        return self

    @property
    def classes(self) -> int:
        """The number of classes; 1 for a regression."""
        return 1 if self.labels is None else len(self.labels)

    @classmethod
    def read(cls, folder: Path) -> TaskInfo:
        """Return what folder/task.json says, after a look at the three files beside it.

        A UserError names the file and the mend if something is missing, of another type, or of another size.
        """
        path = folder / "task.json"
        try:
            info = cls.model_validate(read_json(path))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            what = f"{key}: {first['msg']}" if key else first["msg"].removeprefix("Value error, ")
            raise UserError(f"{path}: {what}; mend the rule that wrote it, or delete it and run again") from None
        for split in SPLITS:
            _check_file(folder / f"{split}.parquet", info, split)
        return info


def write(folder: Path, name: str, task: Task, content: Mapping[str, pa.Table], **found: Any) -> TaskInfo:
    """Write a task's splits and, last, its task.json; return what that says.

    content: one table per split; found: the `labels`, `parts` and `notes` that preparing the task brought to light.
    """
    import pyarrow.parquet as pq

    (folder / "task.json").unlink(missing_ok=True)  # a folder with task.json is never half new, half old
    for split in SPLITS:
        with whole_file(folder / f"{split}.parquet") as temporary:
            pq.write_table(content[split], temporary)
    info = TaskInfo(
        name=name,
        kind=task.kind,
        metrics=task.all_metrics,
        max_length=task.max_length,
        version=task.version,
        texts=task.texts,
        label=task.label,
        source=task.source.model_dump(mode="json"),
        sizes={split: content[split].num_rows for split in SPLITS},
        sha256={split: sha256(folder / f"{split}.parquet") for split in SPLITS},
        **found,
    )
    write_json(folder / "task.json", info.model_dump(mode="json"))
    return info


def _check_file(path: Path, info: TaskInfo, split: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise UserError(f"{path}: no such file; the rule that prepares task '{info.name}' must write it")
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid:
        raise UserError(f"{path}: not readable as parquet; delete it and run again") from None
    wanted = {f"text{number}": pa.string() for number, _ in enumerate(info.texts, start=1)}
    wanted["label"] = pa.int64() if info.labels else pa.float64()
    if split == "test":
        wanted["part"] = pa.string()
    for column, kind in wanted.items():
        index = file.schema_arrow.get_field_index(column)
        found = "no such column" if index < 0 else file.schema_arrow.field(index).type
        if found != kind:
            raise UserError(f"{path}: column '{column}' must be {kind}, found {found}; mend the rule that wrote it")
    if file.metadata.num_rows != info.sizes[split] or not file.metadata.num_rows:
        raise UserError(
            f"{path}: {file.metadata.num_rows} rows where task.json says {info.sizes[split]}; "
            "mend the rule that wrote it, or delete task.json and run again"
        )
