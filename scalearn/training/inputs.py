"""Whether a training's inputs are as they were written, before anything is made of them."""

from __future__ import annotations

from pathlib import Path

from scalearn.errors import UserError
from scalearn.files import read_json, sha256


def check_inputs(model: Path, *data: Path) -> None:
    """Refuse weights or encoded rows that are not what the record beside them says: truncated, altered, mixed up."""
    _check(model / "model.safetensors", str(read_json(model / "model.json")["sha256"]))
    for folder in data:
        for split, checksum in read_json(folder / "encoding.json")["sha256"].items():
            _check(folder / f"{split}.arrow", checksum)


def _check(path: Path, checksum: str) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such file; delete its folder and run again")
    if sha256(path) != checksum:
        raise UserError(f"{path}: not as it was written (its checksum differs); delete its folder and run again")
