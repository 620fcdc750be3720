"""Heads: the loss of each kind of task against its formula, and their sizes as in the paper."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel
from torch import Tensor
from transformers import RobertaConfig

from scalearn.encoders.loading import RUNTIME, load_encoder
from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.training.engine.model import compose, count
from tests.json_files import change
from tests.methods.sources import make_sources
from tests.tiny import ENCODERS, make_model, tiny_config

ADAPTER = METHODS["adapter"]


def build(kind: Any, labels: int, encoder: str = "roberta", **options: bool) -> Any:
    torch.manual_seed(0)
    model = AutoAdapterModel.from_config(tiny_config(encoder))
    compose(model, ADAPTER, ADAPTER.defaults, Given(), labels, kind, **options)
    return model.eval()


def first_token(model: Any, ids: Tensor) -> Tensor:
    """Return the head's value on the encoder's first token, spelt out."""
    encoder = getattr(model, model.base_model_prefix)
    hidden = encoder(ids, attention_mask=torch.ones_like(ids)).last_hidden_state[:, 0]
    dense, output = (module for module in model.heads["task"] if isinstance(module, torch.nn.Linear))
    return output(torch.tanh(dense(hidden)))


IDS = torch.arange(5, 45).reshape(4, 10)


def loss_of(kind: str, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean loss, row by row, from the definition."""
    if kind == "regression":
        return ((logits[:, 0] - labels) ** 2).mean()
    if kind == "multi_label":
        p = torch.sigmoid(logits)
        return -(labels * p.log() + (1 - labels) * (1 - p).log()).mean()
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -torch.stack([p[row, label].log() for row, label in enumerate(labels.tolist())]).mean()


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize(
    ("kind", "outputs", "labels"),
    [
        ("classification", 3, torch.tensor([0, 2, 1, 1])),
        ("candidates", 2, torch.tensor([0, 1, 1, 0])),
        ("regression", 1, torch.tensor([0.5, 4.0, 2.0, -1.0])),
        ("multi_label", 3, torch.tensor([[0.0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 0]])),
    ],
)
def test_loss_and_logits_of_one_sequence_per_row(kind: str, outputs: int, labels: Tensor, encoder: str) -> None:
    model = build(kind, outputs, encoder)
    found = model(input_ids=IDS, attention_mask=torch.ones_like(IDS), labels=labels)
    expected = first_token(model, IDS)
    torch.testing.assert_close(found.logits, expected)
    torch.testing.assert_close(found.loss, loss_of(kind, expected, labels))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_multiple_choice_compares_the_sequences_of_a_row(encoder: str) -> None:
    model, ids, labels = build("multiple_choice", 2, encoder), IDS.reshape(2, 2, 10), torch.tensor([1, 0])
    found = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels)
    expected = torch.stack([first_token(model, ids[:, choice])[:, 0] for choice in (0, 1)], dim=1)
    torch.testing.assert_close(found.logits, expected)
    torch.testing.assert_close(found.loss, loss_of("multiple_choice", expected, labels))


@pytest.mark.parametrize(
    ("kind", "labels", "pooled", "parameters"),
    [
        ("regression", 1, False, 591_361),
        ("classification", 2, False, 592_130),
        ("classification", 3, False, 592_899),
        ("multi_label", 11, False, 599_051),
        ("multi_label", 7, False, 595_975),
        ("multi_label", 6, False, 595_206),
        ("multi_label", 33, False, 615_969),
        ("multi_label", 18, False, 604_434),
        ("multiple_choice", 2, False, 591_361),
        ("multiple_choice", 2, True, 769),
    ],
)
def test_heads_at_roberta_base_shapes(kind: Any, labels: int, pooled: bool, parameters: int) -> None:
    with torch.device("meta"):
        model = AutoAdapterModel.from_config(RobertaConfig(vocab_size=50265))
        compose(model, ADAPTER, ADAPTER.defaults, Given(), labels, kind, pooled)
    assert count(model)["head"] == parameters
    assert count(model)["trainable"] == 894_528 + (590_592 if pooled else 0)


def test_the_pooler_of_the_reference_s_head_stays_frozen_in_stage_2() -> None:
    with torch.device("meta"):
        model = AutoAdapterModel.from_config(RobertaConfig(vocab_size=50265))
        composing = replace(ADAPTER, family="two_stage")
        compose(model, composing, ADAPTER.defaults, Given(), 2, "multiple_choice", pooled=True)
    counts = count(model)
    assert (counts["trainable"], counts["head"]) == (894_528, 769)


def test_the_reference_s_head_of_multiple_choice_reads_the_frozen_pooler(tmp_path: Path) -> None:
    model = load_encoder(make_model(tmp_path / "m", "roberta"))
    method = METHODS["scalearn"]
    sources = make_sources(tmp_path / "s.safetensors")
    compose(model, method, method.defaults, Given(sources), 2, "multiple_choice", pooled=True)
    pooler = [parameter for name, parameter in model.named_parameters() if "pooler" in name]
    assert pooler and not any(parameter.requires_grad for parameter in pooler)
    model.eval()
    ids = IDS.reshape(2, 2, 10)
    pooled = model.roberta(IDS, attention_mask=torch.ones_like(IDS)).pooler_output
    (output,) = (module for module in model.heads["task"] if isinstance(module, torch.nn.Linear))
    found = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    torch.testing.assert_close(found, output(pooled).reshape(2, 2))


SAID: dict[str, Any] = {
    "chunk_size_feed_forward": 3,
    "gradient_checkpointing": True,
    "output_attentions": True,
    "output_hidden_states": True,
    "return_dict": False,
    "torchscript": True,
}


def trained(folder: Path) -> tuple[Tensor, list[Tensor | None]]:
    """Return the logits of a loaded encoder with an adapter, and the gradients of what trains."""
    torch.manual_seed(0)
    model = load_encoder(folder)
    compose(model, ADAPTER, ADAPTER.defaults, Given(), 2)
    torch.manual_seed(0)
    found = model.train()(input_ids=IDS, attention_mask=torch.ones_like(IDS), labels=torch.tensor([0, 1, 1, 0]))
    found.loss.backward()
    return found.logits, [parameter.grad for parameter in model.parameters() if parameter.requires_grad]


@pytest.mark.parametrize("encoder", ["bert", "camembert"])
def test_how_a_config_would_run_its_encoder_changes_nothing(encoder: str, tmp_path: Path) -> None:
    assert SAID.keys() == RUNTIME.keys()
    folder = make_model(tmp_path / "m", encoder)
    expected = trained(folder)
    assert all(gradient is not None for gradient in expected[1])
    for key, value in SAID.items():
        before = (folder / "config.json").read_bytes()
        change(folder / "config.json", **{key: value})
        found = trained(folder)
        (folder / "config.json").write_bytes(before)
        torch.testing.assert_close(found, expected, rtol=0, atol=0, msg=key)


def test_weights_train_in_float32_whatever_the_config_names(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m")
    change(folder / "config.json", dtype="float16", torch_dtype="float16")
    assert {parameter.dtype for parameter in load_encoder(folder).parameters()} == {torch.float32}


def test_the_name_of_a_model_s_folder_brings_no_warning_of_code_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tiny@1a2b3c4d` is no name of a Python module, and no module is ever loaded from there."""
    library = logging.getLogger("transformers.dynamic_module_utils")
    monkeypatch.setattr(library, "handlers", [*library.handlers, caplog.handler])
    load_encoder(make_model(tmp_path / "tiny@1a2b3c4d"))
    assert caplog.messages == []
