"""What a case of bad input is, and the small project in which it is tried."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors.numpy import save_file

CAMPAIGN: dict[str, Any] = {
    "model": "tiny",
    "models": {"tiny": {"kind": "folder", "path": "model"}},
    "benchmarks": {"pair": ["mine"]},
    "tasks": {"mine": {"source": {"kind": "files", "train": "train.csv"}}},
    "methods": ["adapter"],
    "seeds": [0],
}
ROWS = "text,label\n" + "".join(f"row {number},{'ab'[number % 2]}\n" for number in range(20))


@dataclass(frozen=True)
class Case:
    """Bad input: `spoil` puts it into the project in the working directory and returns the command that meets it.

    says: a pattern that the refusal must match: where it is, and how to mend it.
    """

    name: str
    says: str
    spoil: Callable[[], list[str]]


def make_folder(folder: Path) -> None:
    """Write a model that is good to look at: a config, and the names and shapes of two layers' tensors."""
    folder.mkdir()
    config = {"model_type": "bert", "vocab_size": 10, "hidden_size": 32, "num_hidden_layers": 2}
    (folder / "config.json").write_text(json.dumps(config))
    layers = {f"encoder.layer.{layer}.output.dense.bias": np.zeros(32) for layer in (0, 1)}
    save_file({"embeddings.word_embeddings.weight": np.zeros((10, 32)), **layers}, folder / "model.safetensors")
    (folder / "tokenizer.json").write_text("{}")


def make_project() -> None:
    """Write a campaign that `scalearn check` accepts to the working directory."""
    make_folder(Path("model"))
    Path("train.csv").write_text(ROWS)
    configure()


def configure(**changes: Any) -> list[str]:
    """Write config.yaml with these keys of the campaign changed; return the command that checks it."""
    Path("config.yaml").write_text(yaml.safe_dump({**CAMPAIGN, **changes}, allow_unicode=True))
    return ["check", "config.yaml"]


def prepare(name: str = "train.csv", **changes: Any) -> list[str]:
    """Return the command that prepares a task whose train rows are in the file `name`."""
    definition = {"source": {"kind": "files", "train": name}, **changes}
    return ["prepare-task", "mine", "--definition", json.dumps(definition), "--output", "out"]


def content(folder: Path) -> dict[str, str]:
    """Return what the folder holds: the checksum of each file, the target of each link."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest() + f" {path.stat().st_size}"
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
    }
