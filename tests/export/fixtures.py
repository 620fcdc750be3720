"""Small exports of every method, kept as data: `python -m tests.export.fixtures` writes them anew.

Write them anew only where the format of exports changes on purpose: they stand for what users have on their disks.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from scalearn.campaign.places import MODELS
from scalearn.export.export import export
from scalearn.export.finished import read_run
from scalearn.export.fresh import load, predict
from scalearn.methods import METHODS
from tests.export.making import make_folder, make_run, make_sources

DATA = Path(__file__).parent / "data"
ENCODER = DATA / "encoder"
TEXTS = [["good w1 w2", "w1 w2"], ["w3 bad", "w0"], ["not good w1", "w3 w3 w3"], ["w2", "w1"]]


def logits_of(folder: Path) -> list[list[float]]:
    """Return what the export in `folder` says of TEXTS."""
    from transformers import AutoTokenizer

    about: dict[str, Any] = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(ENCODER, local_files_only=True)
    rows: list[list[float]] = predict(load(folder, ENCODER, about), tokenizer, about["input"], TEXTS).tolist()
    return rows


def write() -> None:
    """Write encoder, exports and logits to DATA."""
    shutil.rmtree(DATA, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        root = make_folder(Path(scratch))
        make_sources(root)
        shutil.copytree(root / MODELS / "bert", ENCODER)
        export({DATA / name: read_run(make_run(root, name)) for name in METHODS})
    found = {name: logits_of(DATA / name) for name in METHODS}
    (DATA / "logits.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
