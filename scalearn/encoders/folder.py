"""What a model folder's small parts tell: config.json, and the header of model.safetensors. Imports no torch.

It is a first look, before any job starts. `scalearn fetch-model` then compares every tensor: scalearn.encoders.weights.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalearn.encoders.architectures import Architecture, check_classes, trainable
from scalearn.errors import UserError
from scalearn.storage.files import read_json

CONFIG, WEIGHTS = "config.json", "model.safetensors"
WORDS = "embeddings.word_embeddings.weight"  # the name in every kind that can be trained
SAVE_AGAIN = (
    "load the model where you trust it with the class that wrote it, check it, and write it with save_pretrained, "
    "which makes both files"
)
Header = Mapping[str, tuple[int, ...]]  # a tensor's name -> its shape

FLOATS = ("F64", "F32", "F16", "BF16")  # the format's names of what weights may be stored as
_WEIGHT = re.compile(r"(^|\.)(weight|bias|gamma|beta)$")  # other tensors are stored positions and the like
_NUMBER = re.compile(r"(dropout|_prob|_eps|_range|_size|_heads|_layers|_positions?_embeddings|pad_token_id)$")
_POINTER = b"version https://git-lfs"  # begins what git puts in a large file's place
_SHOWN = 80  # characters of a wrong value
_LARGEST_HEADER = 100_000_000  # the format's own limit


def check_model_folder(where: str, folder: Path, trained: bool) -> tuple[dict[str, Any], Header]:
    """Return config.json and the shapes of the tensors; refuse what cannot be loaded, or is not `trained` here.

    where: begins the sentence of a UserError. trained: or else the encoder only compares texts (adapter_soup).
    """
    for name in (CONFIG, "tokenizer_config.json"):
        if (folder / name).is_file() and "auto_map" in read_json(folder / name):
            raise UserError(
                f"{where}: {name} has 'auto_map', code of its own, which is never run; choose another model"
            )
    config, header = read_json(folder / CONFIG), _shapes(where, folder / WEIGHTS)
    if "quantization_config" in config:
        raise UserError(f"{where}: its weights are quantised, which cannot be trained on; choose the original model")
    if trained and config.get("pruned_heads"):
        raise UserError(f"{where}: {CONFIG} has pruned_heads, which are not taken out here; choose another model")
    if trained and (decoder := next((key for key in ("is_decoder", "add_cross_attention") if config.get(key)), None)):
        raise UserError(
            f"{where}: {CONFIG} says {decoder}, and the first token of a decoder, which heads read, does not see the "
            "text; choose an encoder"
        )
    if trained:
        architecture = trainable(f"{where}: {CONFIG}", config.get("model_type"))
        check_classes(f"{where}: {CONFIG}", config)
        _check_numbers(f"{where}: {CONFIG}", config)
        _check_layers(where, config, header, architecture)
    return config, header


def misfit(where: str, what: str) -> UserError:
    """Return the refusal of weights that do not belong to their config."""
    return UserError(f"{where}: {WEIGHTS} does not fit {CONFIG}: {what}; {SAVE_AGAIN}")


def is_weight(name: str) -> bool:
    """Tell whether a tensor of this name must be of floating-point numbers."""
    return _WEIGHT.search(name) is not None


def _check_numbers(where: str, config: Mapping[str, Any]) -> None:
    """Refuse a text or the like for a number, an epsilon that is not above 0, a dropout that leaves nothing."""
    for key, value in config.items():
        if not _NUMBER.search(key) or value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{where}: {key} must be a number, not {json.dumps(value)[:_SHOWN]}; mend it")
        if key.endswith("_eps") and not 0 < value < math.inf:
            raise UserError(f"{where}: {key} is {value}, but must be above 0; take the config of the weights")
        if key.endswith(("dropout", "dropout_prob")) and not 0 <= value < 1:
            raise UserError(f"{where}: {key} is {value}, but must be at least 0 and below 1; mend it")


def _shapes(where: str, path: Path) -> Header:
    why = "it has no header of that format"
    try:
        with path.open("rb") as stream:
            if stream.read(len(_POINTER)) == _POINTER:
                raise UserError(
                    f"{where}: {WEIGHTS} is a pointer of git-lfs, not the weights; run `git lfs pull` in its repository"
                )
            stream.seek(0)
            size = int.from_bytes(stream.read(8), "little")
            content: Any = json.loads(stream.read(size)) if size <= _LARGEST_HEADER else None
        content.pop("__metadata__", None)
        found = {str(name): tuple(int(side) for side in entry["shape"]) for name, entry in content.items()}
        stored = {str(name): str(entry["dtype"]) for name, entry in content.items()}
        end = max((int(entry["data_offsets"][1]) for entry in content.values()), default=0)
        if 8 + size + end != path.stat().st_size:
            why = "it is not as long as its header says"
            raise ValueError
    except (OSError, ValueError, RecursionError, AttributeError, LookupError, TypeError):
        raise UserError(f"{where}: {WEIGHTS} is not readable ({why}); fetch or save it again") from None
    if not found:
        raise UserError(f"{where}: {WEIGHTS} holds no tensor; save the model again")
    for name, kind in stored.items():
        if is_weight(name) and kind not in FLOATS:
            raise UserError(
                f"{where}: {WEIGHTS} holds tensor '{name}' as {kind}, but weights are read as one of "
                f"{', '.join(FLOATS)}; choose the original model"
            )
    return found


def _check_layers(where: str, config: Mapping[str, Any], header: Header, architecture: Architecture) -> None:
    """Refuse embeddings of another size, and other layers than the config has, as far as it says them."""
    tensors = {name.removeprefix(f"{architecture.prefix}."): shape for name, shape in header.items()}
    if WORDS not in tensors:
        raise misfit(where, f"no tensor '{WORDS}', but '{min(header)}'")
    rows, known = tensors[WORDS][0], config.get("vocab_size")
    if isinstance(known, int) and rows != known:
        raise misfit(where, f"{rows} token embeddings, where vocab_size is {known}")
    layers = config.get(architecture.layers)
    if architecture.layer and isinstance(layers, int):
        pattern = re.compile(rf"{re.escape(architecture.layer)}(\d+)\.")
        found = {int(match[1]) for name in tensors if (match := pattern.match(name))}
        if found != set(range(layers)):
            raise misfit(where, f"{len(found)} layers, where {architecture.layers} is {layers}")
