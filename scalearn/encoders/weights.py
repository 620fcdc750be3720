"""Checking that an encoder's weights and tokenizer belong to its config.json: tensor names, shapes, token ids.

`transformers` loads the model to torch's meta device, which takes no memory, and reports which tensors are missing or
left over. So its own rules for prefixes and old tensor names apply.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scalearn.encoders.architectures import AFTER_PADDING
from scalearn.encoders.folder import CONFIG, WEIGHTS, WORDS, is_weight, misfit
from scalearn.errors import UserError
from scalearn.storage.files import read_json

TOKENIZER_CONFIG = "tokenizer_config.json"
_CASED = 0.01  # a vocabulary with a larger share of tokens with upper-case letters is cased
_SHOWN = 150  # characters of the library's error that a message shows


def check_weights(where: str, folder: Path, trained: bool) -> Any:
    """Return the encoder's model on the meta device, after comparing all tensors with config.json.

    Only the pooler and heads may be missing from the weights, and only heads may be left over.

    Args:
        where, trained: as in `check_model_folder`.

    Raises: UserError if a tensor is missing, left over, has another shape, or holds values that are not finite.
    """
    try:
        with _silent():  # the library warns of what is checked below
            model, loading = _load_to_meta(folder, trained)
        if min(int(model.config.hidden_size), int(model.config.num_hidden_layers)) < 1:
            raise ValueError("it has no layers")
    except UserError:
        raise
    except Exception as error:  # a wrong config.json can end in any exception
        raise UserError(
            f"{where}: {CONFIG} does not describe an encoder ({_why(error)}); choose another model"
        ) from None
    _check_names(where, model, loading)
    _check_values(where, folder / WEIGHTS)
    return model


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the library from logging anything but errors."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _load_to_meta(folder: Path, trained: bool) -> tuple[Any, Mapping[str, Sequence[str]]]:
    """Return the model on the meta device, and the library's lists of missing, unexpected and mismatched tensors."""
    options = {"device_map": "meta", "output_loading_info": True, "ignore_mismatched_sizes": True}
    found: tuple[Any, Mapping[str, Sequence[str]]]
    if trained:
        from scalearn.encoders.loading import from_pretrained

        found = from_pretrained(folder, **options)
    else:
        import transformers

        # For encoder-decoder models, sentence encoders use the encoder only, as the library sentence_transformers does.
        encoder_classes = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel"}
        kind = getattr(transformers, encoder_classes.get(read_json(folder / CONFIG).get("model_type", ""), "AutoModel"))
        found = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, **options
        )
    return found


def _check_names(where: str, model: Any, loading: Mapping[str, Sequence[str]]) -> None:
    """Refuse tensors that the library would initialise at random or ignore. `loading`: its lists of tensor names."""
    prefix = f"{model.base_model_prefix}."
    modules = {name for name, _ in model.base_model.named_children() if name != "pooler"}

    def of_encoder(key: str) -> list[str]:
        return sorted(name for name in loading[key] if name.removeprefix(prefix).split(".")[0] in modules)

    if wrong := of_encoder("mismatched_keys"):
        raise misfit(where, f"{_first(wrong)} with another shape than the config's")
    if missing := of_encoder("missing_keys"):
        others = sorted(loading["unexpected_keys"])
        instead = f", but {_first(others)}, which the config has no place for" if others else ""
        raise misfit(where, f"no {_first(missing)}{instead}")
    if left := of_encoder("unexpected_keys"):
        raise misfit(where, f"{_first(left)}, which the config has no place for")


def _check_values(where: str, path: Path) -> None:
    """Refuse weights that are not finite as float32, the type for training, and word embeddings that are all equal."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as stream:
        for name in sorted(filter(is_weight, stream.keys())):
            tensor = stream.get_tensor(name).float()
            if not tensor.numel():
                continue
            low, high = (float(end) for end in tensor.aminmax())  # makes no copy; NaN if any value is NaN
            if not (math.isfinite(low) and math.isfinite(high)):
                raise UserError(
                    f"{where}: {WEIGHTS}: tensor '{name}' holds values that are not finite; fetch or save it again"
                )
            if name.endswith(WORDS) and low == high:
                raise UserError(
                    f"{where}: {WEIGHTS}: tensor '{name}' is {low:g} everywhere, so all words look the same; "
                    "fetch or save it again"
                )


def _first(names: Sequence[str]) -> str:
    """Return a phrase with the first of these tensors and the number of others."""
    return f"tensor '{names[0]}'" + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")


def load_tokenizer(where: str, folder: Path, model: Any, trained: bool) -> Any:
    """Return the fast tokenizer of a model folder.

    Args:
        where, trained: as in `check_model_folder`.
        model: the encoder's model, as `check_weights` returns it.

    Raises: UserError if the tokenizer cannot be read, or does not suit the encoder: token ids, padding, first token or
        case.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, use_fast=True, trust_remote_code=False
        )
    except Exception as error:  # the tokenizers library raises a class that Python cannot name
        raise UserError(f"{where}: its tokenizer cannot be read ({_why(error)}); save it again") from None
    if not tokenizer.is_fast:
        raise UserError(f"{where}: no fast tokenizer; save the model again with its tokenizer.json")
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    if vocabulary.keys() <= set(tokenizer.all_special_tokens):
        raise UserError(
            f"{where}: its tokenizer knows only special tokens, no words; take the one that belongs to the weights"
        )
    rows = int(model.get_input_embeddings().num_embeddings)
    last = max(vocabulary, key=lambda token: vocabulary[token])
    if vocabulary[last] >= rows:
        raise UserError(
            f"{where}: its tokenizer has token {last!r} with id {vocabulary[last]}, but the encoder has only "
            f"{rows} embeddings; take the tokenizer that belongs to the weights"
        )
    if tokenizer.pad_token_id is None:
        raise UserError(
            f"{where}: its tokenizer has no padding token; add it with save_pretrained, for example "
            "tokenizer.pad_token = '[PAD]', a token that the encoder knows"
        )
    _check_padding(where, tokenizer, model.config)
    if trained:
        _check_first_token(where, tokenizer)
    _check_case(where, folder, tokenizer, vocabulary)
    return tokenizer


def _check_padding(where: str, tokenizer: Any, config: Any) -> None:
    """Refuse another padding token than the encoder's if the encoder computes positions from it."""
    if config.model_type in AFTER_PADDING and config.pad_token_id != tokenizer.pad_token_id:
        raise UserError(
            f"{where}: its tokenizer pads with token {tokenizer.pad_token!r} (id {tokenizer.pad_token_id}), but "
            f"pad_token_id in {CONFIG} is {config.pad_token_id}, from which the encoder computes positions; "
            "take the tokenizer that belongs to the weights"
        )


def _check_first_token(where: str, tokenizer: Any) -> None:
    """Refuse a tokenizer that puts no special token before a text, because heads read the first token."""
    first = {tuple(tokenizer(text).input_ids[:1]) for text in ("a", "the b")}
    special = {(token,) for token in tokenizer.all_special_ids if token != tokenizer.unk_token_id}
    if len(first) > 1 or not first <= special:
        raise UserError(
            f"{where}: its tokenizer puts no special token such as [CLS] before a text, but heads read that token; "
            "take the tokenizer that belongs to the weights"
        )


def _check_case(where: str, folder: Path, tokenizer: Any, vocabulary: Mapping[str, int]) -> None:
    """Refuse a tokenizer that lower-cases texts, the library's default, although its vocabulary is cased."""
    normalizer = tokenizer.backend_tokenizer.normalizer
    if normalizer is None or normalizer.normalize_str("A") != "a":
        return
    if (folder / TOKENIZER_CONFIG).is_file() and "do_lower_case" in read_json(folder / TOKENIZER_CONFIG):
        return
    cased = [token for token in vocabulary if token != token.lower() and token not in tokenizer.all_special_tokens]
    if len(cased) > _CASED * len(vocabulary):
        raise UserError(
            f"{where}: its vocabulary has upper-case letters ({min(cased)!r}), but texts would be lower-cased; "
            f'write {{"do_lower_case": false}} into its {TOKENIZER_CONFIG}, or true to lower-case them'
        )


def _why(error: Exception) -> str:
    """Return the first sentence of the library's error."""
    if isinstance(error, KeyError):
        return f"the library knows no {error}"[:_SHOWN]
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0].strip().split(". ")[0][:_SHOWN]
