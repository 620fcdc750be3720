"""What other benchmarks start from: an encoder of MiniLM's size, and prepared tasks, real ones where they are given."""

from __future__ import annotations

import io
import json
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from scale import WORDS, Format, make_pairs
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from scalearn.campaign.config import FolderModel
from scalearn.encoders.fetching import fetch
from scalearn.tasks import TASKS
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import prepare


def make_model(folder: Path, **changes: int) -> Path:
    """Write a BERT with random weights and a tokenizer of few words, as `scalearn fetch-model` would.

    changes: sizes of its configuration that are not MiniLM's.
    """
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: index for index, word in enumerate([*special, *WORDS, *map(str, range(10))])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=512, model_input_names=inputs, **names
    ).save_pretrained(folder / "saved")
    sizes = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536} | changes
    BertModel(BertConfig(**sizes)).save_pretrained(folder / "saved")
    fetch("random", FolderModel(path=str(folder / "saved")), folder / "random")
    return folder / "random"


def make_task(folder: Path, name: str, mirror: Path | None, rows: int, drawn: int | None = None) -> Path:
    """Prepare the built-in task `name` from the mirror or, without one, a made-up one of pairs with so many rows.

    drawn: how many rows of train are taken, by default all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    task = TASKS[name] if mirror else Task.model_validate(make_pairs(folder, rows, Format.parquet))
    task = task.model_copy(update={"train_rows": drawn})
    with redirect_stdout(io.StringIO()):
        prepare(name, task, folder / name, mirror)
    return folder / name


def quartiles(values: Sequence[float]) -> list[float]:
    """Return median, first and third quartile."""
    return [round(float(value), 4) for value in np.quantile(np.array(values), [0.5, 0.25, 0.75])]


def machine() -> dict[str, Any]:
    """Return what times depend on; the load says how many other processes wanted the cores."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": sys.version.split()[0],
    }


def write(output: Path | None, found: dict[str, Any]) -> None:
    """Write what was measured as JSON, if it is asked for."""
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps({"machine": machine(), **found}, indent=1) + "\n", encoding="utf-8")
