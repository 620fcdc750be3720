"""Weights, config and tokenizer that do not belong together are refused; what only looks so is taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
)

from scalearn.encoders.architectures import ARCHITECTURES
from scalearn.encoders.folder import check_model_folder
from scalearn.errors import UserError
from scalearn.storage.files import read_json
from tests.encoders.taking import refused, taken
from tests.json_files import change
from tests.places import ROOT
from tests.tiny import make_model, make_task, tiny_config

Spoil = Callable[[Path], object]
Tensors = dict[str, Tensor]


def config(**changes: Any) -> Spoil:
    return lambda folder: change(folder / "config.json", **changes)


def tensors(changed: Callable[[Tensors], Tensors]) -> Spoil:
    """Return what rewrites a folder's tensors."""

    def spoil(folder: Path) -> None:
        save_file(changed(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})

    return spoil


def renamed(old: str, new: str) -> Spoil:
    """Return what changes the tensors' names by a pattern."""
    return tensors(lambda found: {re.sub(old, new, name): tensor for name, tensor in found.items()})


def without(pattern: str) -> Spoil:
    return tensors(lambda found: {name: tensor for name, tensor in found.items() if not re.search(pattern, name)})


def added(**new: Tensor) -> Spoil:
    return tensors(lambda found: {**found, **{name.replace("__", "."): tensor for name, tensor in new.items()}})


# What is done to a good folder, what is said, and whether `scalearn check` says it before the first job.
WORDS = r"no tensor 'embeddings\.word_embeddings\.weight', but '{}embeddings\.LayerNorm\.bias'"
NORM = "encoder.layer.0.output.LayerNorm.bias"
MISFITS: dict[str, tuple[Spoil, str, bool]] = {
    "a prefix of data parallelism": (renamed("^", "module."), WORDS.format(r"module\."), True),
    "a prefix of a larger model": (renamed("^", "model.bert."), WORDS.format(r"model\.bert\."), True),
    "the config of another kind": (
        lambda folder: (folder / "config.json").write_text(tiny_config("distilbert").to_json_string()),
        "0 layers, but n_layers is 2",
        True,
    ),
    "fewer layers than the config": (without(r"layer\.1\."), "1 layers, but num_hidden_layers is 2", True),
    "more layers than the config": (config(num_hidden_layers=1), "2 layers, but num_hidden_layers is 1", True),
    "other words": (config(vocab_size=100), "68 token embeddings, but vocab_size is 100", True),
    "quantised weights": (config(quantization_config={"bits": 4}), "its weights are quantised", True),
    "a decoder": (config(is_decoder=True), "config.json sets is_decoder; heads read the first token, which", True),
    "pruned heads": (config(pruned_heads={"0": [1]}), "config.json has pruned_heads, which are not supported", True),
    "cross attention": (config(add_cross_attention=True), "config.json sets add_cross_attention; heads read", True),
    "a number as a text": (
        config(layer_norm_eps="1e-12"),
        'config.json: layer_norm_eps must be a number, not "1e-12"; mend it',
        True,
    ),
    "an epsilon of 0": (config(layer_norm_eps=0), "config.json: layer_norm_eps is 0, but must be above 0", True),
    "a dropout of all": (
        config(hidden_dropout_prob=1.0),
        "hidden_dropout_prob is 1.0, but must be at least 0 and below 1",
        True,
    ),
    "classes of another kind": (
        config(architectures=["RobertaForMaskedLM"]),
        r"config\.json has architectures 'RobertaForMaskedLM', which belongs to 'roberta', but model_type 'bert'",
        True,
    ),
    **{
        f"weights as {dtype}": (
            tensors(lambda found, dtype=dtype: {name: tensor.to(dtype) for name, tensor in found.items()}),
            rf"model\.safetensors holds tensor '\S+' as {kind}, but weights are read as one of F64, F32, F16, BF16",
            True,
        )
        for kind, dtype in (
            ("F8_E4M3", torch.float8_e4m3fn),
            ("I8", torch.int8),
            ("I64", torch.int64),
            ("BOOL", torch.bool),
        )
    },
    "NaN": (
        tensors(lambda found: {**found, NORM: torch.full((32,), torch.nan)}),
        rf"model\.safetensors: tensor '{NORM}' holds values that are not finite",
        False,
    ),
    "more than float32 holds": (
        tensors(lambda found: {**found, NORM: torch.full((32,), 1e300, dtype=torch.float64)}),
        rf"model\.safetensors: tensor '{NORM}' holds values that are not finite",
        False,
    ),
    "words that are all the same": (
        tensors(lambda found: {**found, "embeddings.word_embeddings.weight": torch.zeros(68, 32)}),
        r"tensor 'embeddings\.word_embeddings\.weight' is 0 everywhere, so all words look the same",
        False,
    ),
    "an activation that nobody knows": (
        config(hidden_act="foo"),
        r"config\.json does not describe an encoder \(the library knows no 'foo'\)",
        False,
    ),
    "half a layer": (
        without(r"layer\.1\.output"),
        r"no tensor 'bert\.encoder\.layer\.1\.output\.LayerNorm\.bias' \(and 3 more\); if you trust the model, load",
        False,
    ),
    "a part under another name": (
        renamed(r"layer\.1\.output", "layer.1.out"),
        r"no tensor 'bert\.encoder\.layer\.1\.output\.LayerNorm\.bias' \(and 3 more\), "
        r"but tensor 'encoder\.layer\.1\.out\.LayerNorm\.bias' \(and 3 more\), which the config has no place for",
        False,
    ),
    "a wider FFN": (
        config(intermediate_size=128),
        r"tensor 'bert\.encoder\.layer\.0\.intermediate\.dense\.bias' \(and 5 more\) with another shape",
        False,
    ),
    "more positions": (
        config(max_position_embeddings=90),
        r"tensor 'bert\.embeddings\.position_embeddings\.weight' with another shape",
        False,
    ),
    "an adapter in it": (
        added(encoder__layer__0__output__adapters__x__adapter_up__weight=torch.zeros(2)),
        r"tensor 'encoder\.layer\.0\.output\.adapters\.x\.adapter_up\.weight', which the config has no place for",
        False,
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_weights_that_are_not_the_config_s_are_refused(folder: Path, case: str) -> None:
    spoil, says, at_once = MISFITS[case]
    spoil(folder)
    said = refused(folder)
    assert re.search(says, said), said
    assert said.startswith(f"model 'mine' ({folder}): ")
    if at_once:
        with pytest.raises(UserError, match=says):
            check_model_folder("config.yaml: models.mine.path", folder, trained=True)
    else:
        check_model_folder("config.yaml: models.mine.path", folder, trained=True)


FITTING: dict[str, Spoil] = {
    "the encoder's prefix": renamed("^", "bert."),
    "an old name": renamed(r"LayerNorm\.weight", "LayerNorm.gamma"),
    "another old name": renamed(r"LayerNorm\.bias", "LayerNorm.beta"),
    "no pooler": without("pooler"),
    "stored positions": added(embeddings__position_ids=torch.arange(80)[None]),
    "a head": added(classifier__weight=torch.zeros(2, 32)),
    "no architectures": config(architectures=None),
    "architectures of no kind here": config(architectures=["BertweetModel", "MyEncoder"]),
    "half precision": tensors(lambda found: {name: tensor.half() for name, tensor in found.items()}),
}


@pytest.mark.parametrize("case", FITTING)
def test_what_the_library_loads_as_it_stands_is_taken(folder: Path, case: str) -> None:
    FITTING[case](folder)
    check_model_folder("", folder, trained=True)
    taken(folder)


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("made", [AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification])
def test_checkpoints_with_and_without_a_head_are_taken(kind: str, made: Any, tmp_path: Path) -> None:
    saved = make_model(tmp_path / "saved", kind)
    made.from_config(tiny_config(kind)).save_pretrained(saved)
    (saved / "model.json").unlink()
    check_model_folder("", saved, trained=True)
    assert read_json(taken(saved) / "model.json")["model_type"] == kind


REFUSED = ("bart", "deberta", "gpt2", "modernbert", "mpnet", "t5", "xlm", "xmod")


@pytest.mark.parametrize("kind", REFUSED)
def test_other_kinds_are_refused_from_their_config_alone(folder: Path, kind: str) -> None:
    change(folder / "config.json", model_type=kind)
    says = f"config.json has model_type '{kind}', which cannot be trained here; choose a model of one of: albert, bert"
    assert says in refused(folder)


@pytest.mark.parametrize("named", ["XLMRobertaForMaskedLM", "CamembertModel", "RobertaModel"])
def test_kinds_of_one_function_may_bear_each_other_s_name(named: str, tmp_path: Path) -> None:
    saved = make_model(tmp_path / "saved", "roberta")
    (saved / "model.json").unlink()
    change(saved / "config.json", architectures=[named])
    taken(saved)


def test_the_readme_names_exactly_the_kinds_that_can_be_trained() -> None:
    section = (ROOT / "docs/encoders.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)[1:]
    assert sorted(re.findall(r"`(.*?)`", " ".join(rows))) == [*ARCHITECTURES]


# ---------------------------------------------------------------------- encoders that only compare texts


@pytest.mark.parametrize("kind", ["mpnet", "bert"])
def test_a_sentence_encoder_may_be_of_any_kind(folder: Path, kind: str) -> None:
    from scalearn.training.data.similarity import embed

    AutoModel.from_config(tiny_config(kind)).save_pretrained(folder)
    embed(make_task(folder.parent / "task", rows=8), taken(folder, trained=False), folder.parent / "embedded")


@pytest.mark.parametrize("kind", ["mpnet", "bert"])
def test_a_long_text_is_cut_to_what_a_sentence_encoder_takes(folder: Path, kind: str) -> None:
    from scalearn.training.data.similarity import embed

    AutoModel.from_config(tiny_config(kind)).save_pretrained(folder)
    change(folder / "tokenizer_config.json", model_max_length=None)
    embed(make_task(folder.parent / "task", rows=8, noise=(60, 300)), taken(folder, trained=False), folder / "embedded")


def test_a_sentence_encoder_s_weights_must_be_its_config_s_too(folder: Path) -> None:
    AutoModel.from_config(tiny_config("mpnet")).save_pretrained(folder)
    renamed("^", "module.")(folder)
    assert "no tensor 'embeddings.LayerNorm.bias' (and " in refused(folder, trained=False)
