"""Compositions in stock models, and a stock Trainer that trains them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import Trainer, TrainingArguments

import scalearn
from tests.composing.making import TWO_STAGE, batch, encoder, options, save_stack
from tests.methods.sources import make_sources
from tests.tiny import ENCODERS, OTHERS

KINDS = (*ENCODERS, *(kind for kind in OTHERS if kind != "camembert"))  # CamemBERT is built as RoBERTa
CASES = [(name, kind) for name in TWO_STAGE for kind in ENCODERS] + [("scalearn", kind) for kind in KINDS[3:]]


def depth(kind: str) -> int:
    return len(list(encoder(kind).iter_layers()))


def composed(name: str, kind: str, folder: Path, **changes: Any) -> tuple[Any, Any]:
    """Return a model with a composition of three saved adapters, and the composition."""
    folder.mkdir(exist_ok=True)
    sources = save_stack(folder, make_sources(folder / "stack.safetensors", layers=depth(kind)), kind)
    model = encoder(kind)
    return model, scalearn.compose(model, sources, name, num_labels=2, seed=5, **options(name, sources), **changes)


def train(model: Any, out: Path, resume: bool = False, **changes: Any) -> float:
    """Train the model for two steps on 16 rows with a stock Trainer; return the loss that it reports.

    resume: from the checkpoint in `out`.
    """
    rows = Dataset.from_dict({key: value.tolist() for key, value in batch(16).items()})
    arguments = TrainingArguments(
        str(out), max_steps=2, use_cpu=True, report_to=[], disable_tqdm=True, label_names=["labels"], **changes
    )
    return float(Trainer(model, arguments, train_dataset=rows).train(resume_from_checkpoint=resume).training_loss)
