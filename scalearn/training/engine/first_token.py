"""The last layer for the first token alone, which is all that our heads read of it.

Keys and values there are still those of every token; queries, FFN and adapters of all but the first change no output,
and so no gradient. Without dropout everything is equal up to rounding; with it, other masks are drawn.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers.models.bert.modeling_bert import BertAttention
from transformers.models.roberta.modeling_roberta import RobertaAttention
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaAttention

# Of these it is known, and tested. Any other encoder computes its last layer in full.
ATTENTIONS = (BertAttention, RobertaAttention, XLMRobertaAttention)


def only_first_token(model: Any) -> None:
    """Let the last layer of an encoder built as BERT's attend from its first token only; the rest of it follows."""
    *_, (_, last) = model.iter_layers()
    attention = getattr(last, "attention", None)
    if isinstance(attention, ATTENTIONS) and not model.config.is_decoder:
        attention.register_forward_pre_hook(_from_first_token, with_kwargs=True)


def _from_first_token(
    attention: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Make self-attention a cross-attention of the first token to all: the library has that, residual included."""
    (states,), mask = arguments, options["attention_mask"]
    options |= {"encoder_hidden_states": states, "attention_mask": None if mask is None else mask[..., :1, :]}
    return (states[:, :1],), options
