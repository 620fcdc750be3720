"""Checking that a model can be composed, and that source adapters were trained on its encoder."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from adapters.heads import ModelWithFlexibleHeadsAdaptersMixin

from scalearn.campaign.input_files import ENCODER_WEIGHTS
from scalearn.composing.sources import SourceAdapter
from scalearn.errors import UserError
from scalearn.foreign.fit import check_identity, check_shape
from scalearn.storage.files import sha256


class Encoder:
    """What a model tells of its encoder."""

    def __init__(self, model: Any) -> None:
        self.config = model.config
        self.layers, self.hidden = len(list(model.iter_layers())), int(model.config.hidden_size)
        self.name, self.model_type = str(model.config.name_or_path), str(model.config.model_type)

    def __str__(self) -> str:
        return f"'{self.name}'" if self.name else "the model"

    @cached_property
    def sha256(self) -> str:
        """The checksum of the file that the weights were loaded from; "" if no such file is here."""
        path = Path(self.name) / ENCODER_WEIGHTS if self.name else None
        if self.name and not Path(self.name).is_dir():
            path = self._cached()
        return sha256(path) if path is not None and path.is_file() else ""

    def _cached(self) -> Path | None:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            cached = try_to_load_from_cache(
                self.name, ENCODER_WEIGHTS, revision=getattr(self.config, "_commit_hash", None)
            )
        except HFValidationError:  # neither a folder nor an id of the hub
            return None
        return Path(cached) if isinstance(cached, str) else None


def check_model(model: Any, head: str) -> None:
    """Refuse a model that methods cannot be installed in.

    head: the name of the head that it will get.

    Raises: UserError if it is no model of `adapters` with heads, no encoder in float32, or has adapters already.
    """
    if not isinstance(model, ModelWithFlexibleHeadsAdaptersMixin):
        raise UserError(
            f"model: an AutoAdapterModel of `adapters` is expected, found {type(model).__name__}; load it with "
            "adapters.AutoAdapterModel.from_pretrained"
        )
    if "classification" not in model.head_types or model.config.is_encoder_decoder:
        raise UserError(f"model: {type(model).__name__} is no text encoder; choose one such as RoBERTa")
    if types := {tensor.dtype for tensor in model.parameters()} - {torch.float32}:
        raise UserError(
            f"model: its weights are {', '.join(sorted(map(str, types)))}; load it in float32, and let the trainer "
            "compute in half precision, for example with TrainingArguments(bf16=True)"
        )
    if names := sorted(model.adapters_config.adapters):
        raise UserError(f"model: it has adapters already ({', '.join(names)}); load the encoder anew")
    if head in model.heads:
        raise UserError(f"model: it has a head '{head}' already; delete it with delete_head")


def check_fit(model: Any, sources: Sequence[SourceAdapter]) -> None:
    """Refuse source adapters of another encoder than the model's, and adapters of different widths.

    Where nothing tells whether the encoder is the same, a warning says so.

    Raises: UserError if one does not fit.
    """
    encoder, first = Encoder(model), sources[0]
    for source in sources:
        check_shape(source, encoder)
        if source.bottleneck != first.bottleneck:
            raise UserError(
                f"{first.where} (width {first.bottleneck}) and {source.where} (width {source.bottleneck}) cannot be "
                "composed: train both with the same reduction_factor"
            )
    for source in sources:
        if doubt := check_identity(source, encoder):
            warnings.warn(doubt, stacklevel=4)
