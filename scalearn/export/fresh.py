"""Loads exports and predicts with none of our code: a script for a process of its own, which cannot import scalearn.

    python -P fresh.py JOBS

JOBS is a JSON file, a list of objects of four paths. `export` and `encoder` are folders. `rows` is a file of JSON
lines, a list for each row: a text, or a text and another, or in multiple choice a text and a list of choices. The
logits, in float32, go to the safetensors file `logits`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.modules["scalearn"] = None  # type: ignore[assignment]  # whoever imports it fails

import adapters
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer

BATCH = 16


def load(export: Path, encoder: Path, about: dict[str, Any]) -> Any:
    """Return the exported model, active and ready to predict."""
    kind = getattr(adapters, about["model_class"])
    source = export if about["form"] == "model" else encoder
    model = kind.from_pretrained(source, local_files_only=True, use_safetensors=True, trust_remote_code=False)
    if about["form"] == "adapter":
        model.load_adapter(str(export), use_safetensors=True, set_active=True)
    elif about["form"] == "fusion":
        for folder in sorted((export / "sources").iterdir()):
            model.load_adapter(str(folder), use_safetensors=True)
        model.load_adapter_fusion(str(export), use_safetensors=True, set_active=True)
    return model.float().eval()


def inputs(tokenizer: Any, how: dict[str, Any], first: list[str], second: list[Any] | None) -> dict[str, Any]:
    """Return the batch of these texts, padded."""
    if not how["choices"]:
        return dict(tokenizer.pad(rows(tokenizer, how, first, second), return_tensors="pt"))
    texts = [text for text in first for _ in range(how["choices"])]
    choices = [choice for row in second or () for choice in row]
    batch = tokenizer.pad(rows(tokenizer, how, texts, choices), return_tensors="pt")
    return {name: tensor.view(len(first), how["choices"], -1) for name, tensor in batch.items()}


def rows(tokenizer: Any, how: dict[str, Any], first: list[str], second: list[str] | None) -> list[Any]:
    """Return each text or pair as tokens; where the first text alone cannot lose enough of them, both do."""
    found = []
    for pair in [(text,) for text in first] if second is None else zip(first, second, strict=True):
        try:
            found.append(tokenizer(*pair, truncation=how["truncation"], max_length=how["max_length"]))
        except Exception:  # the tokenizer's own class of errors has no name in Python
            if how["truncation"] != "only_first":
                raise
            found.append(tokenizer(*pair, truncation="longest_first", max_length=how["max_length"]))
    return found


def predict(model: Any, tokenizer: Any, how: dict[str, Any], texts: Iterable[list[Any]]) -> torch.Tensor:
    """Return the logits of these rows, (rows, outputs). Memory holds the texts of one batch."""
    logits, remaining = [], iter(texts)
    with torch.inference_mode():
        while batch := list(islice(remaining, BATCH)):
            first, *second = zip(*batch, strict=True)
            logits.append(model(**inputs(tokenizer, how, list(first), list(second[0]) if second else None)).logits)
    return torch.cat(logits)


def main(jobs: Path) -> None:
    """Do all jobs, one after another."""
    for job in json.loads(jobs.read_text(encoding="utf-8")):
        export, encoder = Path(job["export"]), Path(job["encoder"])
        about = json.loads((export / "export.json").read_text(encoding="utf-8"))
        tokenizer = AutoTokenizer.from_pretrained(
            export if about["form"] == "model" else encoder,
            local_files_only=True,
            use_fast=True,
            trust_remote_code=False,
        )
        with Path(job["rows"]).open(encoding="utf-8") as lines:
            logits = predict(load(export, encoder, about), tokenizer, about["input"], map(json.loads, lines))
        save_file({"logits": logits.contiguous()}, job["logits"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
