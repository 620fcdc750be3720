"""Joint runs of four tasks, one of each kind, on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

from scalearn.cli.by_hand import planned_by_hand
from scalearn.methods import METHODS
from scalearn.training.data.batches import EncodedSplit
from scalearn.training.data.encode import encode
from scalearn.training.runs.planned import PlannedRun
from tests.tiny import make_model, make_task

KINDS = {"classes": "classification", "number": "regression", "choice": "multiple_choice", "many": "multi_label"}
SIZES = {"classes": 96, "number": 48, "choice": 64, "many": 32}


def make_inputs(root: Path) -> None:
    """Write a tiny model and the four encoded tasks."""
    model = make_model(root / "model")
    for seed, (name, kind) in enumerate(KINDS.items()):
        encode(make_task(root / "tasks" / name, kind, SIZES[name], seed), model, root / "encoded" / name)


def spec(root: Path, output: Path, method: str = "adapter_m", **changes: float) -> PlannedRun:
    """Return a run of this method on all four tasks."""
    values = (
        METHODS[method].defaults.but(**{"epochs": 2, "learning_rate": 5e-3, "batch_size": 16, **changes}).model_dump()
    )
    data = tuple(root / "encoded" / name for name in KINDS)
    return planned_by_hand(method, root / "model", data, output, benchmark="all", changed=values)


def content(output: Path) -> dict[str, bytes]:
    """Return every file of a run and of its tasks but times, which differ."""
    files = sorted(path for path in output.rglob("*") if path.is_file())
    return {
        str(path.relative_to(output)): path.read_bytes() for path in files if path.name not in ("timing.json", ".lock")
    }


def split(root: Path, name: str, part: str = "train") -> EncodedSplit:
    """Return a split of one of the encoded tasks."""
    encoding = json.loads((root / "encoded" / name / "encoding.json").read_text())
    return EncodedSplit(root / "encoded" / name / f"{part}.arrow", encoding)
