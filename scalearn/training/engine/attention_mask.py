"""Prepares the attention mask without waiting for the GPU.

With fused attention, BERT-like encoders check whether a batch has padding, and leave the mask out if it has none. On a
GPU each forward pass then waits until all earlier work is done. The encoders do not check a mask of three dimensions.
Its shape is (rows, 1, tokens), since all tokens of a row see the same tokens.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers.models.bert.modeling_bert import BertModel
from transformers.models.roberta.modeling_roberta import RobertaModel
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

ENCODERS = (BertModel, RobertaModel, XLMRobertaModel)  # other encoders take no such mask, or do not check theirs


def use_mask_as_it_is(model: Any) -> None:
    """Let the encoder use each batch's mask without a check for padding."""
    if isinstance(model.base_model, ENCODERS):
        model.base_model.register_forward_pre_hook(_with_three_dimensions, with_kwargs=True)


def _with_three_dimensions(
    encoder: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    mask = options.get("attention_mask")
    if isinstance(mask, Tensor) and mask.dim() == 2:
        options["attention_mask"] = mask[:, None]
    return arguments, options
