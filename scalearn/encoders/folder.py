"""Checking config.json and the header of model.safetensors in a model folder. The module does not import torch.

This is the check before any job starts. `scalearn fetch-model` later compares every tensor (scalearn.encoders.weights).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalearn.campaign.input_files import ENCODER_FILES
from scalearn.encoders.architectures import Architecture, architecture_of, check_named_classes
from scalearn.errors import UserError
from scalearn.storage.files import read_json

CONFIG, WEIGHTS = ENCODER_FILES
WORDS = "embeddings.word_embeddings.weight"  # the name in every supported architecture
SAVE_AGAIN = (
    "if you trust the model, load it with the class that wrote it, check it, and save it with save_pretrained, which "
    "writes both files"
)
Header = Mapping[str, tuple[int, ...]]  # tensor name -> shape

FLOATS = ("F64", "F32", "F16", "BF16")  # the safetensors names of the types that weights may have
_WEIGHT = re.compile(r"(^|\.)(weight|bias|gamma|beta)$")  # other tensors hold, for example, positions
_NUMBER = re.compile(r"(dropout|_prob|_eps|_range|_size|_heads|_layers|_positions?_embeddings|pad_token_id)$")
_POINTER = b"version https://git-lfs"  # the first bytes of a Git LFS pointer file
_SHOWN = 80  # characters of a wrong value that a message shows
_LARGEST_HEADER = 100_000_000  # bytes, the limit of the safetensors format


def check_model_folder(where: str, folder: Path, trained: bool) -> tuple[dict[str, Any], Header]:
    """Return the content of config.json, and tensor name -> shape.

    Args:
        where: the model's name or file; the message begins with it.
        trained: True if methods are trained on the encoder, False if it only compares texts (adapter_soup).

    Raises: UserError if the encoder cannot be loaded or trained, or config.json and the tensors differ.
    """
    for name in (CONFIG, "tokenizer_config.json"):
        if (folder / name).is_file() and "auto_map" in read_json(folder / name):
            raise UserError(
                f"{where}: {name} has 'auto_map': the model needs code of its own, which is never run; choose another"
            )
    config, header = read_json(folder / CONFIG), _shapes(where, folder / WEIGHTS)
    if "quantization_config" in config:
        raise UserError(
            f"{where}: its weights are quantised and cannot be used for training; choose the original model"
        )
    if trained and config.get("pruned_heads"):
        raise UserError(f"{where}: {CONFIG} has pruned_heads, which are not supported; choose another model")
    if trained and (decoder := next((key for key in ("is_decoder", "add_cross_attention") if config.get(key)), None)):
        raise UserError(
            f"{where}: {CONFIG} sets {decoder}; heads read the first token, which cannot attend to the text in a "
            "decoder; choose an encoder"
        )
    if trained:
        architecture = architecture_of(f"{where}: {CONFIG}", config.get("model_type"))
        check_named_classes(f"{where}: {CONFIG}", config)
        _check_numbers(f"{where}: {CONFIG}", config)
        _check_layers(where, config, header, architecture)
    return config, header


def misfit(where: str, what: str) -> UserError:
    """Return the error about weights that do not belong to their config.json. `what`: the difference."""
    return UserError(f"{where}: {WEIGHTS} does not fit {CONFIG}: {what}; {SAVE_AGAIN}")


def is_weight(name: str) -> bool:
    """Tell whether a tensor of this name must hold floating-point numbers."""
    return _WEIGHT.search(name) is not None


def _check_numbers(where: str, config: Mapping[str, Any]) -> None:
    """Refuse numbers in config.json that are not numbers, an epsilon of 0 or less, and a dropout outside [0, 1)."""
    for key, value in config.items():
        if not _NUMBER.search(key) or value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{where}: {key} must be a number, not {json.dumps(value)[:_SHOWN]}; mend it")
        if key.endswith("_eps") and not 0 < value < math.inf:
            raise UserError(
                f"{where}: {key} is {value}, but must be above 0; use the config.json that belongs to the weights"
            )
        if key.endswith(("dropout", "dropout_prob")) and not 0 <= value < 1:
            raise UserError(f"{where}: {key} is {value}, but must be at least 0 and below 1; mend it")


def _shapes(where: str, path: Path) -> Header:
    """Return tensor name -> shape from the header of a safetensors file, after checking its length and types."""
    why = "it has no safetensors header"
    try:
        with path.open("rb") as stream:
            if stream.read(len(_POINTER)) == _POINTER:
                raise UserError(
                    f"{where}: {WEIGHTS} is a Git LFS pointer, not the weights; run `git lfs pull` in its repository"
                )
            stream.seek(0)
            size = int.from_bytes(stream.read(8), "little")
            content: Any = json.loads(stream.read(size)) if size <= _LARGEST_HEADER else None
        content.pop("__metadata__", None)
        shapes = {str(name): tuple(int(side) for side in entry["shape"]) for name, entry in content.items()}
        types = {str(name): str(entry["dtype"]) for name, entry in content.items()}
        end = max((int(entry["data_offsets"][1]) for entry in content.values()), default=0)
        if 8 + size + end != path.stat().st_size:
            why = "its size differs from what its header says"
            raise ValueError
    except (OSError, ValueError, RecursionError, AttributeError, LookupError, TypeError):
        raise UserError(f"{where}: {WEIGHTS} is not readable ({why}); fetch or save it again") from None
    if not shapes:
        raise UserError(f"{where}: {WEIGHTS} holds no tensor; save the model again")
    for name, kind in types.items():
        if is_weight(name) and kind not in FLOATS:
            raise UserError(
                f"{where}: {WEIGHTS} holds tensor '{name}' as {kind}, but weights are read as one of "
                f"{', '.join(FLOATS)}; choose the original model"
            )
    return shapes


def _check_layers(where: str, config: Mapping[str, Any], header: Header, architecture: Architecture) -> None:
    """Refuse another vocabulary size or number of layers than config.json says."""
    tensors = {name.removeprefix(f"{architecture.prefix}."): shape for name, shape in header.items()}
    if WORDS not in tensors:
        raise misfit(where, f"no tensor '{WORDS}', but '{min(header)}'")
    rows, vocab_size = tensors[WORDS][0], config.get("vocab_size")
    if isinstance(vocab_size, int) and rows != vocab_size:
        raise misfit(where, f"{rows} token embeddings, but vocab_size is {vocab_size}")
    layers = config.get(architecture.layers)
    if architecture.layer and isinstance(layers, int):
        pattern = re.compile(rf"{re.escape(architecture.layer)}(\d+)\.")
        numbers = {int(match[1]) for name in tensors if (match := pattern.match(name))}
        if numbers != set(range(layers)):
            raise misfit(where, f"{len(numbers)} layers, but {architecture.layers} is {layers}")
