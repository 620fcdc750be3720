"""The features of a prepared task, as `datasets` keeps them in a parquet file: label names beside the columns.

We write this JSON ourselves: importing `datasets` takes longer than preparing a small task.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

KEY = b"huggingface"  # the key of a schema's metadata where `datasets` looks


def features(schema: pa.Schema, kind: str, labels: Sequence[str] | None) -> dict[str, Any]:
    """Return the features of a split's columns by name, as `datasets.Features.to_dict` has them.

    kind: the task's kind. labels: the names of its classes, if it has any.
    """
    by_name = {field.name: _value(field.type) for field in schema}
    if labels is not None:
        classes = {"names": list(labels), "_type": "ClassLabel"}
        by_name["label"] = {"feature": classes, "_type": "List"} if kind == "multi_label" else classes
    return by_name


def with_features(schema: pa.Schema, kind: str, labels: Sequence[str] | None) -> pa.Schema:
    """Return the schema with its features, so that `load_dataset("parquet", …)` knows the label names."""
    return schema.with_metadata({KEY: json.dumps({"info": {"features": features(schema, kind, labels)}})})


def _value(kind: pa.DataType) -> dict[str, Any]:
    import pyarrow as pa

    if pa.types.is_list(kind):
        return {"feature": _value(kind.value_type), "_type": "List"}
    return {"dtype": "float64" if pa.types.is_floating(kind) else str(kind), "_type": "Value"}
