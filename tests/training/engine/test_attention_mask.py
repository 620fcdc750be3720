"""The mask that encoders use as it is, against the one that the library prepares."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel

from scalearn.encoders.architectures import ARCHITECTURES
from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.tasks.definition import Kind
from scalearn.training.engine.attention_mask import use_mask_as_it_is
from scalearn.training.engine.checkpoints import trainable
from scalearn.training.engine.model import compose
from tests.tiny import tiny_config

LIKE_BERT = ("bert", "roberta", "xlm-roberta")
OTHERS = sorted(ARCHITECTURES.keys() - {*LIKE_BERT, "camembert"})  # camembert is built as roberta


def model_of(kind: str, task: Kind = "classification") -> Any:
    torch.manual_seed(3)
    model = AutoAdapterModel.from_config(tiny_config(kind))
    compose(model, METHODS["full_finetuning"], METHODS["full_finetuning"].defaults, Given(), 3, task)
    return model.eval()


def batch(padding: bool, choices: bool) -> dict[str, torch.Tensor]:
    """Return four rows (of three choices) of 9 or 12 tokens, or all of 12."""
    shape = (4, 3, 12) if choices else (4, 12)
    ids = torch.randint(5, 60, shape, generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    if padding:
        mask[::2, ..., 9:] = 0
    return {"input_ids": ids * mask, "attention_mask": mask, "labels": torch.arange(4) % 3}


def outcome(model: Any, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return logits and all gradients."""
    model.zero_grad()
    output = model(**inputs)
    output.loss.backward()
    return {"logits": output.logits, **{name: p.grad.clone() for name, p in trainable(model).items()}}


@pytest.mark.parametrize("choices", [False, True])
@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("kind", LIKE_BERT)
def test_it_gives_the_library_s_outputs(
    kind: str, padding: bool, choices: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(kind, "multiple_choice" if choices else "classification")
    inputs = batch(padding, choices)
    expected = outcome(model, dict(inputs))
    use_mask_as_it_is(model)
    use_mask_as_it_is(model)  # a second time, as by a second trainer
    # This function looks at the mask's values; on a GPU that waits.
    prepares = f"transformers.models.{kind.replace('-', '_')}.modeling_{kind.replace('-', '_')}"
    monkeypatch.setattr(f"{prepares}._prepare_4d_attention_mask_for_sdpa", lambda *_, **__: pytest.fail("it looks"))
    found = outcome(model, dict(inputs))
    assert inputs["attention_mask"].dim() == (3 if choices else 2)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=1e-6, msg=name)
    without = outcome(model, {**inputs, "attention_mask": torch.ones_like(inputs["attention_mask"])})
    assert torch.allclose(without["logits"], found["logits"]) != padding


@pytest.mark.parametrize("kind", OTHERS)
def test_other_encoders_stay_as_they_are(kind: str) -> None:
    model = model_of(kind)
    before = dict(model.base_model._forward_pre_hooks)
    use_mask_as_it_is(model)
    assert model.base_model._forward_pre_hooks == before
