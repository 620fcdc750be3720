"""The encoder architectures that can be trained, as a table of facts. The module does not import torch.

The key `model_type` in `config.json` names the architecture. Each architecture below is tested on a tiny encoder with
every kind of method. Others are refused for one of these reasons:

- The `adapters` library cannot load them (ModernBERT, MPNet, XLM).
- The library leaves tensors out (X-MOD) or adds some (DeBERTa v1).
- They have a decoder (GPT-2, BART, T5). Our heads read the first token, which cannot attend to the text in a decoder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scalearn.errors import UserError


@dataclass(frozen=True)
class Architecture:
    """What differs between architectures.

    prefix: prefix of the encoder's tensor names in a file that also has a head.
    classes: prefix of the names of the `transformers` classes.
    layer: prefix of a layer's tensor names, before its number; empty if the layers share their weights.
    width, layers: the keys of config.json for the hidden size and the number of layers.
    pooler: whether the encoder has a pooler.
    built_as: the `model_type` whose code is used instead, because it computes the same function and supports adapters.
    """

    prefix: str
    classes: str
    layer: str = "encoder.layer."
    width: str = "hidden_size"
    layers: str = "num_hidden_layers"
    pooler: bool = True
    built_as: str = ""


ARCHITECTURES: Mapping[str, Architecture] = {
    "albert": Architecture("albert", "Albert", layer=""),
    "bert": Architecture("bert", "Bert"),
    "camembert": Architecture("roberta", "Camembert", built_as="roberta"),
    "deberta-v2": Architecture("deberta", "DebertaV2", pooler=False),  # also DeBERTa v3
    "distilbert": Architecture("distilbert", "DistilBert", "transformer.layer.", "dim", "n_layers", pooler=False),
    "electra": Architecture("electra", "Electra", pooler=False),
    "roberta": Architecture("roberta", "Roberta"),
    "xlm-roberta": Architecture("roberta", "XLMRoberta"),
}

# In these architectures, positions begin at pad_token_id + 1, so fewer tokens fit than there are position embeddings.
AFTER_PADDING = ("camembert", "roberta", "xlm-roberta")
MPNET_FIRST = 2  # the first position in MPNet, for any padding token


def architecture_of(where: str, model_type: object) -> Architecture:
    """Return the architecture that a `model_type` names.

    Args:
        where: the model's name or file; the message begins with it.

    Raises: UserError if the architecture cannot be trained.
    """
    architecture = ARCHITECTURES.get(model_type) if isinstance(model_type, str) else None
    if architecture is None:
        kind = f"has model_type '{model_type}', which" if model_type else "has no model_type and"
        raise UserError(f"{where} {kind} cannot be trained here; choose a model of one of: {', '.join(ARCHITECTURES)}")
    return architecture


def check_named_classes(where: str, config: Mapping[str, Any]) -> None:
    """Refuse a config.json whose `architectures` names a class of another architecture than its `model_type`.

    Args:
        where: the model's name or file; the message begins with it.
        config: the content of config.json.

    Raises: UserError if the two differ, because the other class computes another function.
    """
    expected, named = ARCHITECTURES[config["model_type"]], config.get("architectures")
    for name in named if isinstance(named, list) else []:
        for kind, other in ARCHITECTURES.items():
            if other.prefix != expected.prefix and re.match(
                rf"{other.classes}(Model|For|LMHead|AdapterModel)", str(name)
            ):
                raise UserError(
                    f"{where} has architectures {name!r}, which belongs to '{kind}', but model_type "
                    f"'{config['model_type']}'; take the config that belongs to the weights"
                )


def most_tokens(config: Mapping[str, Any]) -> int | None:
    """Return the maximum number of tokens of an encoder's input; None means no limit.

    config: the complete configuration, with defaults filled in.
    """
    positions = config.get("max_position_embeddings")
    if positions is None or not config.get("position_biased_input", True):
        return None  # only relative positions, as in DeBERTa v3
    kind, first = config["model_type"], 0
    if kind in AFTER_PADDING:
        first = int(config["pad_token_id"]) + 1
    elif kind == "mpnet":
        first = MPNET_FIRST
    return int(positions) - first
