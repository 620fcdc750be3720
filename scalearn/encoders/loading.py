"""Loading an encoder from its folder: safetensors only, no remote code, and with fixed runtime settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import AutoConfig

from scalearn.encoders.architectures import architecture_of
from scalearn.encoders.folder import WEIGHTS
from scalearn.errors import UserError

# Runtime settings that replace those in config.json. They do not change what the encoder computes, but
# gradient_checkpointing, for example, would cut off the gradient below a frozen layer.
RUNTIME: Mapping[str, object] = {
    "chunk_size_feed_forward": 0,
    "gradient_checkpointing": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "return_dict": True,
    "torchscript": False,
}


def load_encoder(folder: Path, attention: str | None = None) -> Any:
    """Return the encoder in `folder` as an `adapters` model without heads.

    Args:
        attention: "sdpa" or "eager"; by default sdpa, or eager if the encoder has no sdpa.

    Raises: UserError if the folder has no safetensors weights, or the encoder lacks that attention.
    """
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{folder}: no model.safetensors; fetch the model again, or convert its weights to safetensors")
    try:
        model = from_pretrained(folder, attn_implementation=attention)
    except ValueError as error:
        if "attention implementation" not in str(error):
            raise
        raise UserError(f"compute.attention: {folder} does not support {attention}; set it to auto or eager") from None
    for head in list(model.heads):  # the head of a checkpoint such as BertForMaskedLM would be trained, too
        model.delete_head(head)
    return model


def from_pretrained(folder: Path, **options: Any) -> Any:
    """Return `AutoAdapterModel.from_pretrained(folder)` for every supported architecture.

    Args:
        options: further arguments of `from_pretrained`.

    Raises: UserError if the architecture is not supported.
    """
    from adapters import AutoAdapterModel

    # The library warns at each activation of adapters that none is active.
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    # It warns of code in a folder whose name Python could not import, such as tiny@1a2b3c4d. No such code is ever run.
    logging.getLogger("transformers.dynamic_module_utils").setLevel(logging.ERROR)
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if kind := architecture_of(f"{folder}/config.json", config.model_type).built_as:
        settings = {key: value for key, value in config.to_dict().items() if key not in ("model_type", "architectures")}
        config = AutoConfig.for_model(kind, **settings)
    for key, value in RUNTIME.items():
        setattr(config, key, value)
    return AutoAdapterModel.from_pretrained(
        folder, config=config, local_files_only=True, use_safetensors=True, trust_remote_code=False, **options
    )
