"""Loading an encoder from its folder: safetensors only, no remote code, and nothing that changes how it trains."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import AutoConfig

from scalearn.encoders.architectures import trainable
from scalearn.errors import UserError

# What config.json may say of how to run an encoder, which is ours to say; it changes no function. Checkpointing, for
# one, would cut the gradient off below a frozen layer.
RUNNING: Mapping[str, object] = {
    "chunk_size_feed_forward": 0,
    "gradient_checkpointing": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "return_dict": True,
    "torchscript": False,
}


def load_encoder(folder: Path, attention: str | None = None) -> Any:
    """Return the adapters model in `folder`, without heads: local safetensors only, no remote code.

    attention: sdpa or eager; by default sdpa, or eager where the encoder has no other.
    """
    if not (folder / "model.safetensors").is_file():
        raise UserError(f"{folder}: no model.safetensors; fetch the model again, or convert its weights to safetensors")
    try:
        model = from_pretrained(folder, attn_implementation=attention)
    except ValueError as error:
        if "attention implementation" not in str(error):
            raise
        raise UserError(f"compute.attention: {folder} has no {attention}; set it to auto or eager") from None
    for head in list(model.heads):  # of a checkpoint with a head, for example BertForMaskedLM: it would train, too
        model.delete_head(head)
    return model


def from_pretrained(folder: Path, **options: Any) -> Any:
    """Return what the library's `AutoAdapterModel.from_pretrained` does, for all kinds of encoder that train here."""
    from adapters import AutoAdapterModel

    # Each time adapters are activated it warns that none are, from within.
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    # It warns of code in a folder whose name Python could not import, such as tiny@1a2b3c4d. No such code is ever run.
    logging.getLogger("transformers.dynamic_module_utils").setLevel(logging.ERROR)
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if kind := trainable(f"{folder}/config.json", config.model_type).built_as:
        same = {key: value for key, value in config.to_dict().items() if key not in ("model_type", "architectures")}
        config = AutoConfig.for_model(kind, **same)
    for key, value in RUNNING.items():
        setattr(config, key, value)
    return AutoAdapterModel.from_pretrained(
        folder, config=config, local_files_only=True, use_safetensors=True, trust_remote_code=False, **options
    )
