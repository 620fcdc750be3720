"""Loads exports and predicts with none of our code: a script for a process of its own, which cannot import scalearn.

    python -P fresh.py JOBS

JOBS is a JSON file, a list of objects of four paths. `export` and `encoder` are folders; `rows` is a JSON file of
`first`, a list of texts, and `second`: null, a text for each, or in multiple choice a list of texts for each. The
logits, in float32, go to the safetensors file `logits`.
"""

from __future__ import annotations

import json
import sys
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


def predict(model: Any, tokenizer: Any, how: dict[str, Any], texts: dict[str, Any]) -> torch.Tensor:
    """Return the logits of these texts, (rows, outputs)."""
    first, second, found = texts["first"], texts["second"], []
    with torch.inference_mode():
        for start in range(0, len(first), BATCH):
            end = start + BATCH
            batch = inputs(tokenizer, how, first[start:end], None if second is None else second[start:end])
            found.append(model(**batch).logits)
    return torch.cat(found)


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
        texts = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))
        found = predict(load(export, encoder, about), tokenizer, about["input"], texts)
        save_file({"logits": found.contiguous()}, job["logits"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
