"""AdapterFusion over stacked sources against the library's own, which projects every source's output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel
from adapters.composition import Fuse
from torch import Tensor

from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.methods.layers.sources import Sources, add_source_adapters
from scalearn.training.engine.checkpoints import trainable
from scalearn.training.engine.first_token import only_first_token
from scalearn.training.engine.model import HEAD, add_head, compose
from tests.methods.sources import make_sources
from tests.tiny import tiny_config

METHOD = METHODS["adapter_fusion"]


def encoder(kind: str) -> Any:
    torch.manual_seed(3)
    return AutoAdapterModel.from_config(tiny_config(kind))


def both(kind: str, sources: Path) -> tuple[Any, Any]:
    """Our model and the library's, from one seed."""
    ours, theirs = encoder(kind), encoder(kind)
    torch.manual_seed(4)
    compose(ours, METHOD, METHOD.defaults, Given(sources), labels=3)
    torch.manual_seed(4)
    fusion = Fuse(*add_source_adapters(theirs, Sources.read(sources)))
    theirs.add_adapter_fusion(fusion, "dynamic")
    theirs.train_adapter_fusion(fusion)
    add_head(theirs, HEAD, 3, "classification")
    only_first_token(theirs)
    return ours, theirs


def outcome(model: Any, rows: int, tokens: int, term: Callable[[], Tensor]) -> dict[str, Tensor]:
    """Logits and every gradient, also of the regulariser's term; dropout is on where the model is in training."""
    ids = torch.randint(5, 60, (rows, tokens), generator=torch.Generator().manual_seed(1))
    torch.manual_seed(9)
    found = model(input_ids=ids, labels=torch.arange(rows) % 3)
    (found.loss + term()).backward()
    return {"logits": found.logits, **{name: tensor.grad for name, tensor in trainable(model).items()}}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("rows", "tokens"), [(1, 2), (8, 12)])  # fewer tokens than stacked units, and more
@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_it_is_the_library_s_function(
    kind: str, count: int, rows: int, tokens: int, training: bool, tmp_path: Path
) -> None:
    ours, theirs = both(kind, make_sources(tmp_path / "s.safetensors", count))
    with torch.no_grad():
        for name, tensor in trainable(ours).items():
            tensor.add_(torch.randn_like(tensor), alpha=0.1)
            trainable(theirs)[name].copy_(tensor)
    found = outcome(ours.train(training), rows, tokens, lambda: METHOD.regularisation(ours, METHOD.defaults))
    expected = outcome(theirs.train(training), rows, tokens, theirs.get_fusion_regularization_loss)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        scale = max(1.0, float(tensor.detach().abs().max()))
        assert float((found[name] - tensor).detach().abs().max()) < 1e-5 * scale, name


def test_what_trains_has_the_library_s_names_and_first_values(tmp_path: Path) -> None:
    ours, theirs = (trainable(model) for model in both("bert", make_sources(tmp_path / "s.safetensors")))
    assert list(ours) == list(theirs)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_nothing_is_as_wide_as_all_sources_outputs(tmp_path: Path) -> None:
    """No tensor of (batch, length, S, d): in a layer's fusion the widest is the stacked inner activation."""
    model, _ = both("bert", make_sources(tmp_path / "s.safetensors", 8))
    sizes: list[int] = []
    pack = torch.autograd.graph.saved_tensors_hooks(lambda tensor: sizes.append(tensor.numel()) or tensor, lambda t: t)
    with pack:
        model(input_ids=torch.randint(5, 60, (16, 20)))
    assert max(sizes) < 16 * 20 * 8 * 32
