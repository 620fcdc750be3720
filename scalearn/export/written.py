"""A model of the library's modules alone as the files that the library loads: adapter, fusion or whole model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from adapters.loading import AdapterLoader
from safetensors.torch import save_file
from transformers import AutoTokenizer

Form = Literal["adapter", "fusion", "model"]
SOURCES = "sources"  # the folder of a fusion's source adapters


def write_model(model: Any, name: str, base: str, encoder: Path, folder: Path) -> Form:
    """Write the model's adapter, fusion or, if there is neither, the whole model, with the one head that it has.

    name: of the adapter, and of the head. base: the encoder's name, for whoever loads the export.
    """
    form = _form(model)
    if form == "model":
        model.save_pretrained(folder, safe_serialization=True)
        AutoTokenizer.from_pretrained(encoder, local_files_only=True, trust_remote_code=False).save_pretrained(folder)
    elif form == "fusion":
        (fusion,) = model.adapters_config.fusions
        for source in model.adapters_config.adapters:
            (folder / SOURCES / source).mkdir(parents=True)
            _write_adapter(model, source, source, folder / SOURCES / source)
        model.save_adapter_fusion(str(folder), fusion, use_safetensors=True)
    else:
        (adapter,) = model.adapters_config.adapters
        _write_adapter(model, adapter, name, folder)
    if form != "model":
        model.save_head(str(folder), name, use_safetensors=True)
    for path in folder.rglob("*.json"):
        _name_base(path, base)
    return form


def _form(model: Any) -> Form:
    if model.adapters_config.fusions:
        return "fusion"
    return "adapter" if model.adapters_config.adapters else "model"


def _write_adapter(model: Any, inside: str, name: str, folder: Path) -> None:
    """Write the adapter that the model calls `inside` as the library does, under another name."""
    loader = AdapterLoader(model, use_safetensors=True)
    tensors, config = loader.save_to_state_dict(inside)
    rename = loader.rename_func(inside, name)
    helper = loader.weights_helper
    save_file({rename(key): tensor.contiguous() for key, tensor in tensors.items()}, folder / helper.safe_weights_name)
    helper.save_weights_config(str(folder), {**config, "name": name})


def _name_base(path: Path, base: str) -> None:
    """Replace, where a configuration names its encoder, this machine's folder by the encoder's name."""
    content = json.loads(path.read_text(encoding="utf-8"))
    keys = {"model_name", "_name_or_path", "name_or_path"} & content.keys()
    if keys:
        path.write_text(json.dumps(content | dict.fromkeys(keys, base), indent=2, sort_keys=True) + "\n", "utf-8")
