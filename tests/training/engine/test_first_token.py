"""The last layer for the first token alone against the last layer in full: outputs, gradients, and what it computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel
from torch import Tensor
from transformers import ElectraConfig

from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.training.engine.checkpoints import trainable
from scalearn.training.engine.model import compose
from tests.methods.cases import JOINT, SORTS
from tests.methods.conformance import Built, batch, build
from tests.tiny import tiny_config

CASES = [
    *((name, "bert") for name in METHODS),
    *((name, kind) for kind in ("roberta", "xlm-roberta") for name in (*SORTS, *JOINT)),
]


def attention(model: Any) -> Any:
    return list(model.iter_layers())[-1][1].attention


def stirred(model: Any) -> Any:
    """The model in float64 with dropout off, every tensor moved, so that no token is like another and none is 0."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.double().eval()


def outcome(model: Any, inputs: dict[str, Tensor], **options: Any) -> dict[str, Tensor | None]:
    """Logits, loss and every gradient."""
    model.zero_grad()
    found = model(**inputs, **options)
    found.loss.backward()
    return {"logits": found.logits, "loss": found.loss, **{key: value.grad for key, value in trainable(model).items()}}


def assert_as_in_full(model: Any, inputs: dict[str, Tensor], **options: Any) -> None:
    short = outcome(model, inputs, **options)
    attention(model)._forward_pre_hooks.clear()
    full = outcome(model, inputs, **options)
    assert full["logits"] is not None and full["logits"].std() > 1e-3
    for name, expected in full.items():
        found = short[name]
        assert (found is None) == (expected is None), name
        if found is not None and expected is not None:
            torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10, msg=lambda text, name=name: name + text)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_outputs_and_gradients_are_those_of_the_full_layer(name: str, kind: str, tmp_path: Path) -> None:
    built = build(METHODS[name], kind, tmp_path)
    built.current.index = len(built.heads) - 1
    assert attention(built.model)._forward_pre_hooks
    assert_as_in_full(stirred(built.model), batch(), head=built.heads[-1])


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta"])
def test_so_they_are_in_multiple_choice(kind: str, implementation: str, pooled: bool) -> None:
    model = AutoAdapterModel.from_config(tiny_config(kind), attn_implementation=implementation)
    method = METHODS["adapter"]
    compose(model, method, method.defaults, Given(), 2, "multiple_choice", pooled)
    inputs = {key: value.view(4, 2, -1) for key, value in batch().items() if key != "labels"}
    assert_as_in_full(stirred(model), {**inputs, "labels": torch.arange(4) % 2})


def lengths_seen(built: Built) -> list[int]:
    """How many tokens the FFN and the adapter of each layer compute."""
    seen: list[int] = []
    for _, layer in built.model.iter_layers():
        for module in (layer.intermediate, *layer.output.adapters.values()):
            module.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[1]))
    built.run(built.heads[0])
    return seen


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["adapter", "adapter_fusion", "scalearn", "hyperformer"])
def test_the_last_layer_computes_one_token(name: str, training: bool, tmp_path: Path) -> None:
    built = build(METHODS[name], "bert", tmp_path)
    built.model.train(training)
    assert lengths_seen(built) == [12, 12, 1, 1]


def test_an_encoder_that_is_not_known_computes_all() -> None:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    model = AutoAdapterModel.from_config(ElectraConfig(vocab_size=68, embedding_size=32, **sizes))
    compose(model, METHODS["adapter"], METHODS["adapter"].defaults, Given(), labels=3)
    assert lengths_seen(Built(model)) == [12, 12, 12, 12]
