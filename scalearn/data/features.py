"""The features of a prepared task for `datasets`: the types of its columns, and the names of its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scalearn.tasks.store import TaskInfo, schema_of

if TYPE_CHECKING:
    from datasets import Features


def features(info: TaskInfo, split: str) -> Features:
    """Return the features of a split. A class label is a ClassLabel, the label of multi_label a list of them."""
    from datasets import ClassLabel, Features, List

    columns: dict[str, Any] = dict(Features.from_arrow_schema(schema_of(info, split)))
    if info.labels is not None:
        classes = ClassLabel(names=list(info.labels))
        columns["label"] = List(classes) if info.kind == "multi_label" else classes
    return Features(columns)
