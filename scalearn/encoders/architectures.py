"""The kinds of encoder that can be trained here, as a table of facts. Imports no torch.

`config.json` names an encoder's kind as its `model_type`. Each kind below is tested with every sort of method, on a
tiny encoder. A kind that is not listed is refused: the `adapters` library cannot load it (ModernBERT, MPNet, XLM), or
would leave tensors out (X-MOD) or add some (DeBERTa v1); or it has a decoder, and our heads read the first token, which
sees nothing of the text there (GPT-2, BART, T5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scalearn.errors import UserError


@dataclass(frozen=True)
class Architecture:
    """What differs between kinds of encoder.

    `prefix` begins the encoder's tensors in a file that also holds a head. `layer` begins the tensors of each layer,
    before its number; it is empty where layers share their weights. `width` and `layers` are the keys of config.json
    for the hidden size and the number of layers. `pooler`: the encoder has one. `built_as`: the kind whose code
    computes the same function and takes adapters. `classes` begins the names of the library's classes of this kind.
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
    "deberta-v2": Architecture("deberta", "DebertaV2", pooler=False),  # DeBERTa v3 is of this kind, too
    "distilbert": Architecture("distilbert", "DistilBert", "transformer.layer.", "dim", "n_layers", pooler=False),
    "electra": Architecture("electra", "Electra", pooler=False),
    "roberta": Architecture("roberta", "Roberta"),
    "xlm-roberta": Architecture("roberta", "XLMRoberta"),
}

# These count positions from the padding token's id plus one, so that fewer tokens fit than there are positions.
AFTER_PADDING = ("camembert", "roberta", "xlm-roberta")
MPNET_FIRST = 2  # where positions of an MPNet begin, whatever its padding token


def trainable(where: str, model_type: object) -> Architecture:
    """Return the facts about this kind of encoder; a UserError, which begins with `where`, says that it has none."""
    found = ARCHITECTURES.get(model_type) if isinstance(model_type, str) else None
    if found is None:
        kind = f"is of the kind '{model_type}', which" if model_type else "names no model_type, so that it"
        raise UserError(f"{where} {kind} cannot be trained here; choose a model of one of: {', '.join(ARCHITECTURES)}")
    return found


def check_classes(where: str, config: Mapping[str, Any]) -> None:
    """Refuse a config whose `architectures` names a class of another kind, whose code computes another function."""
    mine, named = ARCHITECTURES[config["model_type"]], config.get("architectures")
    for name in named if isinstance(named, list) else []:
        for kind, other in ARCHITECTURES.items():
            if other.prefix != mine.prefix and re.match(rf"{other.classes}(Model|For|LMHead|AdapterModel)", str(name)):
                raise UserError(
                    f"{where} has architectures {name!r}, of the kind '{kind}', but model_type "
                    f"'{config['model_type']}'; take the config that belongs to the weights"
                )


def most_tokens(config: Mapping[str, Any]) -> int | None:
    """Return how many tokens the encoder with this configuration, complete, can take; None: any number."""
    positions = config.get("max_position_embeddings")
    if positions is None or not config.get("position_biased_input", True):
        return None  # relative positions alone, as DeBERTa v3 has them
    kind, first = config["model_type"], 0
    if kind in AFTER_PADDING:
        first = int(config["pad_token_id"]) + 1
    elif kind == "mpnet":
        first = MPNET_FIRST
    return int(positions) - first
