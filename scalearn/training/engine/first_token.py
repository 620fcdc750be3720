"""Computes the last layer for the first token only, since our heads read no other token.

Keys and values still come from every token. Queries, FFN and adapters of the other tokens change no output and get no
gradient. Without dropout the results are equal up to rounding; with dropout, other masks are drawn.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers.models.bert.modeling_bert import BertAttention
from transformers.models.roberta.modeling_roberta import RobertaAttention
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaAttention

# Tested for these kinds of attention. Any other encoder computes its last layer for all tokens.
ATTENTIONS = (BertAttention, RobertaAttention, XLMRobertaAttention)


def only_first_token(model: Any) -> None:
    """Compute the last layer of a BERT-like encoder for the first token only.

    The attention then returns one token, and so the rest of the layer sees one.
    """
    *_, (_, last) = model.iter_layers()
    attention = getattr(last, "attention", None)
    if isinstance(attention, ATTENTIONS) and not model.config.is_decoder:
        attention.register_forward_pre_hook(_from_first_token, with_kwargs=True)


def _from_first_token(
    attention: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Turn self-attention into cross-attention from the first token to all, which the library supports."""
    (states,), mask = arguments, options["attention_mask"]
    options |= {"encoder_hidden_states": states, "attention_mask": None if mask is None else mask[..., :1, :]}
    return (states[:, :1],), options
