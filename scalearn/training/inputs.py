"""Whether a training's inputs are as they were written, before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scalearn.errors import UserError
from scalearn.files import altered, read_json


def check_inputs(model: Path, *data: Path) -> None:
    """Refuse weights or encoded rows that are not what the record beside them says: truncated, altered, mixed up."""
    _check(model, {"model.safetensors": str(read_json(model / "model.json")["sha256"])})
    for folder in data:
        checksums = read_json(folder / "encoding.json")["sha256"]
        _check(folder, {f"{split}.arrow": checksum for split, checksum in checksums.items()})


def _check(folder: Path, checksums: Mapping[str, str]) -> None:
    for name in altered(folder, checksums):
        raise UserError(f"{folder / name}: not as it was written; delete {folder} and run again")
