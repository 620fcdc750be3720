"""Prepares the attention mask without waiting for the GPU.

With fused attention, BERT-like encoders look whether a batch has padding at all, and leave the mask out if it has none.
On a GPU the look waits for all work so far, once in each forward. A mask of three dimensions is used as it is. Its
shape is (rows, 1, tokens), since all tokens of a row see the same ones.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers.models.bert.modeling_bert import BertModel
from transformers.models.roberta.modeling_roberta import RobertaModel
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

ENCODERS = (BertModel, RobertaModel, XLMRobertaModel)  # others have no such way, or need none


def use_mask_as_it_is(model: Any) -> None:
    """Let the encoder use each batch's mask, also where there is no padding."""
    if isinstance(model.base_model, ENCODERS):
        model.base_model.register_forward_pre_hook(_with_three_dimensions, with_kwargs=True)


def _with_three_dimensions(
    encoder: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    mask = options.get("attention_mask")
    if isinstance(mask, Tensor) and mask.dim() == 2:
        options["attention_mask"] = mask[:, None]
    return arguments, options
