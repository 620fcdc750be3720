"""Checks the checksums of a run's inputs before training starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scalearn.campaign.input_files import ENCODER_WEIGHTS
from scalearn.errors import UserError
from scalearn.storage.files import altered, read_json


def check_inputs(model: Path, *data: Path) -> None:
    """Check the encoder's weights and the encoded tasks in `data`.

    Raises: UserError if a file differs from the checksum stored beside it, or if a task is encoded for another model.
    """
    weights = str(read_json(model / "model.json")["sha256"])
    _check(model, {ENCODER_WEIGHTS: weights})
    for folder in data:
        encoding = read_json(folder / "encoding.json")
        _check(folder, {f"{split}.arrow": checksum for split, checksum in encoding["sha256"].items()})
        if encoding["model"] != weights:
            raise UserError(f"{folder}: it is encoded for another model than {model}; encode the task for this one")


def _check(folder: Path, checksums: Mapping[str, str]) -> None:
    for name in altered(folder, checksums):
        raise UserError(f"{folder / name}: not as it was written; delete {folder} and run again")
