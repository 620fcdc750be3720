"""A campaign of two tasks, for tests that train nothing."""

from __future__ import annotations

from typing import Any

CONFIG: dict[str, Any] = {
    "model": "tiny",
    "models": {"tiny": {"kind": "folder", "path": "model"}, "other": {"kind": "folder", "path": "model"}},
    "tasks": {name: {"source": {"kind": "files", "train": f"{name}.csv"}} for name in ("one", "two")},
    "benchmarks": {"pair": ["one", "two"]},
    "methods": ["adapter", "adapter_m", "scalearn"],
    "seeds": [0, 1],
}
