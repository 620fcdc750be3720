"""The record of a run."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import scalearn
from scalearn.storage.files import read_json
from scalearn.training.runs.outputs import write_record


def test_a_checkout_that_is_only_on_the_path_has_a_version(tmp_path: Path, monkeypatch: Any) -> None:
    """Nothing is installed there, so that Python's metadata do not know the package."""
    found = importlib.metadata.Distribution.from_name

    def from_name(name: str) -> importlib.metadata.Distribution:
        if name == "scalearn":
            raise importlib.metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(importlib.metadata.Distribution, "from_name", from_name)
    write_record(tmp_path, {}, [])
    versions = read_json(tmp_path / "run.json")["versions"]
    assert versions["scalearn"] == scalearn.__version__
    assert {"torch", "transformers", "adapters", "numpy"} < versions.keys()
