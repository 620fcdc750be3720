"""Class names that `datasets` writes into the schema of a parquet or Arrow file, under the key `huggingface`.

The key holds JSON. It is read here without `datasets`, because checking a campaign must not import that library.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

_LISTS = ("Sequence", "List", "LargeList")  # the names of list features in the versions of `datasets`


def class_names(schema: pa.Schema, column: str) -> tuple[str, ...] | None:
    """Return the names of a column that is a ClassLabel or a list of ClassLabels, in index order; None for others."""
    try:
        feature = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][column]
    except (KeyError, ValueError, TypeError):  # another program wrote the file
        return None
    if isinstance(feature, list) and len(feature) == 1:  # how old versions write a list
        feature = feature[0]
    elif isinstance(feature, dict) and feature.get("_type") in _LISTS:
        feature = feature.get("feature")
    return _names(feature)


def _names(feature: Any) -> tuple[str, ...] | None:
    if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
        return None
    names = feature.get("names")
    return tuple(map(str, names)) if isinstance(names, list) and names else None
