"""Real rows for `epochs.py` and `evaluation.py`: MiniLM, and tasks as our commands prepare and encode them."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from scalearn.campaign.config import ModelSource
from scalearn.encoders.fetching import fetch
from scalearn.storage.files import read_json
from scalearn.tasks import TASKS
from scalearn.tasks.preparing.prepare import prepare
from scalearn.training.data.batches import EncodedSplit
from scalearn.training.data.encode import encode

HIDDEN, LAYERS = 384, 6  # all-MiniLM-L6-v2's
CAMPAIGN = Path(__file__).parent.parent / "profiles/demo/campaign.yaml"  # which says where it comes from


def there(tasks: list[str], mirror: Path) -> list[str]:
    """Return those of the GLUE tasks whose rows the mirror holds; end the program if it holds none."""
    found = [name for name in tasks if (mirror / "glue" / name).is_dir()]
    if not found:
        sys.exit(f"{mirror}: no rows of GLUE there, so nothing is timed; link yours: ln -s <folder> mirror")
    return found


def fetched(model: Path) -> Path:
    """Return the folder of the model, fetched as the demo has it if it is not there."""
    if not (model / "model.json").is_file():
        entry = yaml.safe_load(CAMPAIGN.read_text())["models"]["minilm"]
        fetch("minilm", TypeAdapter(ModelSource).validate_python(entry), model)
    return model


def encoded(task: str, split: str, mirror: Path, model: Path, work: Path) -> EncodedSplit:
    """Return a split of a built-in task, prepared and encoded below `work` if it is not there."""
    folder = work / "encoded" / task
    if not folder.is_dir():
        prepare(task, TASKS[task], work / "tasks" / task, mirror)
        encode(work / "tasks" / task, model, folder)
    return EncodedSplit(folder / f"{split}.arrow", read_json(folder / "encoding.json"))
