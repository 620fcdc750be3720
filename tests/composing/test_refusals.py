"""Arguments and models that compose refuses, with the reason and before the model changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import adapters
import pytest
import torch
from adapters import AutoAdapterModel
from transformers import BertForSequenceClassification, T5Config, ViTConfig

import scalearn
from tests.composing.making import encoder, refused, save_new
from tests.tiny import tiny_config


@pytest.mark.parametrize(("changes", "words"), [
    ({"method": "scalern"}, "method: unknown name 'scalern', did you mean 'scalearn'?"),
    ({"method": "adapter"}, "method: 'adapter' composes no source adapters; choose one of: adapter_fusion"),
    ({"num_labels": 0}, "num_labels: a whole number of at least 1 is expected, found 0"),
    ({"num_labels": True}, "num_labels: a whole number of at least 1 is expected, found True"),
    ({"learning_rate": 1e-3}, "learning_rate: the trainer decides this; set it in TrainingArguments"),
    ({"include_target": False}, "include_target: list in `sources` exactly the adapters that you want to compose"),
    ({"omega_drop": 0.1}, "omega_drop: 'scalearn' has no such hyper-parameter, did you mean 'omega_dropout'?"),
    ({"omega_dropout": 1.5}, "omega_dropout: a number from 0 to 1 is expected, found the number 1.5"),
    ({"omega_constraint": "mean"}, "omega_dropout is 0.3; set it to 0"),
    ({"method": "adapter_soup"}, "similarities: 'adapter_soup' weights its sources by their similarity"),
    ({"method": "adapter_soup", "similarities": [1, 2]}, "similarities: 2 numbers for 1 sources"),
    ({"method": "adapter_soup", "similarities": [float("nan")]}, "similarities: numbers of at least 0 are expected"),
    ({"method": "adapter_soup", "similarities": ["a"]}, r"similarities: a list of numbers is expected, found \['a'\]"),
    ({"method": "adapter_soup", "similarities": 1}, "similarities: a list of numbers is expected, found 1"),
    ({"seed": "five"}, "seed: a whole number of at least 0 is expected, found 'five'"),
    ({"seed": -1}, "seed: a whole number of at least 0 is expected, found -1"),
    ({"method": "adapter_soup", "similarities": [-0.1]}, "similarities: numbers of at least 0 are expected"),
    ({"method": "adapter_soup", "similarities": [0.0]}, "similarities: .* and at least one above 0"),
    ({"similarities": [1.0]}, "similarities: 'scalearn' uses none; leave them out"),
    ({"sources": []}, "sources: the list is empty"),
    ({"sources": {"a", "b"}}, "sources: a list of folders or ids is expected, found a set"),
    ({"sources": 3}, "sources: a list of folders or ids is expected, found a int"),
    ({"sources": [None]}, "sources: a folder or an id of the hub is expected, found None"),
    ({"num_labels": 2.0}, "num_labels: a whole number of at least 1 is expected, found 2.0"),
    ({"method": "adapter_soup", "similarities": {0.5}}, r"similarities: a list of numbers is expected, found \{0.5\}"),
    ({"sources": "a"}, r"sources: a list of folders or ids is expected, for example \['a'\]"),
])  # fmt: skip
def test_arguments_that_are_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    sources = changes.pop("sources", None)
    refused(words, save_new(tmp_path, "a") if sources is None else sources, **changes)


def with_an_adapter() -> Any:
    model = encoder()
    model.add_adapter("mine")
    return model


def with_the_head() -> Any:
    model = encoder()
    model.add_classification_head("scalearn")
    return model


def of_an_encoder_and_a_decoder() -> Any:
    return AutoAdapterModel.from_config(T5Config(d_model=32, num_layers=2, num_heads=4, d_kv=8, d_ff=64, vocab_size=70))


def of_images() -> Any:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    return AutoAdapterModel.from_config(ViTConfig(**sizes, image_size=32, patch_size=16))


def without_flexible_heads() -> Any:
    model = BertForSequenceClassification(tiny_config())
    adapters.init(model)
    return model


@pytest.mark.parametrize(("model", "words"), [
    (of_an_encoder_and_a_decoder, "T5AdapterModel is no text encoder"),
    (of_images, "ViTAdapterModel is no text encoder"),
    (without_flexible_heads, "an AutoAdapterModel of `adapters` is expected, found BertForSequenceClassification"),
    (lambda: torch.nn.Linear(2, 2), "an AutoAdapterModel of `adapters` is expected, found Linear"),
    (lambda: None, "an AutoAdapterModel of `adapters` is expected, found NoneType"),
    (lambda: encoder().bfloat16(), r"its weights are torch.bfloat16; load it in float32"),
    (with_an_adapter, r"it has adapters already \(mine\); load the encoder anew"),
    (with_the_head, "it has a head 'scalearn' already"),
])  # fmt: skip
def test_models_that_are_refused(model: Callable[[], Any], words: str, tmp_path: Path) -> None:
    made, sources = model(), save_new(tmp_path, "a")
    if made is None:
        with pytest.raises(ValueError, match=words):
            scalearn.compose(made, sources)
    else:
        refused(words, sources, made)
