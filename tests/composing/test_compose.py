"""`scalearn.compose` puts into a stock model what a campaign's run has, and a stock Trainer trains just that."""

from __future__ import annotations

import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import scalearn
from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.methods.layers.wide_bottleneck import Omega
from scalearn.training.engine import model as campaign
from scalearn.training.engine.checkpoints import trainable
from scalearn.training.engine.model import HEAD, count, is_head
from tests.composing.composed import CASES, composed, train
from tests.composing.making import SIMILARITIES, TWO_STAGE, batch, encoder, logits, options, save_new
from tests.methods.cases import shapes
from tests.tiny import ENCODERS


def of_a_campaign(name: str, kind: str, stack: Path) -> Any:
    """Return the model of a campaign's run with the same sources and the same seed."""
    model, method = encoder(kind), METHODS[name]
    similarity = dict(zip(("t0", "t1", "t2"), SIMILARITIES["adapter_soup"], strict=True))
    torch.manual_seed(5)
    campaign.compose(model, method, method.defaults, Given(stack, "", similarity), labels=2)
    return model


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_it_is_the_model_of_a_campaign(name: str, kind: str, tmp_path: Path) -> None:
    model, composition = composed(name, kind, tmp_path)
    expected = of_a_campaign(name, kind, tmp_path / "stack.safetensors")
    assert count(model) == count(expected)
    if kind in ENCODERS:
        assert count(model)["trainable"] == METHODS[name].count(shapes(model.config, sources=3), METHODS[name].defaults)
    theirs = {key.replace(f"heads.{HEAD}.", f"heads.{name}."): value for key, value in trainable(expected).items()}
    assert trainable(model).keys() == theirs.keys()
    assert all(torch.equal(value, theirs[key]) for key, value in trainable(model).items())
    assert (composition.sources, composition.head) == (("t0", "t1", "t2"), name)
    assert composition.hyperparameters == METHODS[name].defaults
    # A campaign computes the last layer for the first token only, which rounds otherwise.
    torch.testing.assert_close(logits(model), logits(expected), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_gradients_reach_what_trains_and_nothing_else(name: str, kind: str, tmp_path: Path) -> None:
    model, _ = composed(name, kind, tmp_path)
    model.train()(**batch()).loss.backward()
    reached = {key for key, tensor in model.named_parameters() if tensor.grad is not None and tensor.grad.any()}
    assert reached == set(trainable(model))
    assert any(map(is_head, reached))


@pytest.mark.parametrize(("name", "kind"), [*((name, "bert") for name in TWO_STAGE), ("scalearn", "roberta")])
def test_the_stock_trainer_trains_just_that(name: str, kind: str, tmp_path: Path) -> None:
    model, composition = composed(name, kind, tmp_path)
    before = {key: tensor.detach().clone() for key, tensor in model.state_dict(keep_vars=True).items()}
    own = set(trainable(model))
    train(model, tmp_path / "out", learning_rate=composition.hyperparameters.learning_rate)
    assert list((tmp_path / "out").glob("checkpoint-2/model.safetensors"))  # also where layers share omega
    shared = {id(model.get_parameter(key)) for key in own}
    for key, tensor in model.state_dict(keep_vars=True).items():
        assert torch.equal(before[key], tensor) == (id(tensor) not in shared), key


@pytest.mark.parametrize("name", ["scalearn_pp", "adapter_fusion"])
def test_the_stock_trainer_resumes(name: str, tmp_path: Path) -> None:
    model, _ = composed(name, "bert", tmp_path)
    train(model, tmp_path / "out", learning_rate=0.1)
    other, _ = composed(name, "bert", tmp_path / "other")
    assert not torch.allclose(logits(other), logits(model), atol=1e-3)
    train(other, tmp_path / "out", resume=True)  # nothing is left to do
    assert torch.equal(logits(other), logits(model))


def test_accumulated_batches_are_averaged(tmp_path: Path) -> None:
    model, _ = composed("scalearn_uniform_pp", "bert", tmp_path)
    one = train(deepcopy(model), tmp_path / "one", learning_rate=0.0, per_device_train_batch_size=16)
    many = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4}
    assert train(model, tmp_path / "many", learning_rate=0.0, **many) == pytest.approx(one, rel=0.2)


def test_arguments_may_come_from_pandas_and_numpy(tmp_path: Path) -> None:
    sources, table = save_new(tmp_path, "a", "b"), pd.DataFrame({"similarity": [0.2, 0.7], "label": [0, 2]})
    models = [encoder(), encoder()]
    given = scalearn.compose(
        models[0],
        (source for source in sources),
        "adapter_soup",
        num_labels=table["label"].max() + 1,
        similarities=table["similarity"],
        seed=np.int64(5),
    )
    plain = scalearn.compose(models[1], sources, "adapter_soup", num_labels=3, similarities=[0.2, 0.7], seed=5)
    assert given == plain and torch.equal(logits(models[0]), logits(models[1]))


def test_all_is_where_the_model_is(tmp_path: Path) -> None:
    sources = save_new(tmp_path, "a", "b")
    for name in TWO_STAGE:
        model = encoder().to("meta")
        scalearn.compose(model, sources, name, **options(name, sources))
        assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"meta"}


# ---------------------------------------------------------------------- the loss


@pytest.mark.parametrize("name", ["adapter_fusion", "scalearn"])
def test_the_methods_term_is_in_the_loss_of_training(name: str, tmp_path: Path) -> None:
    changes = {"omega_penalty": 3.0, "omega_dropout": 0.0} if name == "scalearn" else {}
    model, composition = composed(name, "bert", tmp_path, **changes)
    with torch.no_grad():  # with the library's start, the identity, the term of AdapterFusion is 0
        for tensor in trainable(model).values():
            tensor.add_(0.1)
    term = METHODS[name].regularisation(model, composition.hyperparameters)
    assert term is not None and term > 0.01
    plain = model.eval()(**batch()).loss
    model.training = True  # its modules stay as they are, without dropout
    torch.testing.assert_close(model(**batch()).loss, plain + term)


def test_a_loss_of_ones_own_lacks_the_term_and_a_warning_says_so(tmp_path: Path) -> None:
    model, _ = composed("adapter_fusion", "bert", tmp_path)
    inputs = batch()
    inputs.pop("labels")
    with pytest.warns(UserWarning, match="AdapterFusion adds a term to the loss that the model returns"):
        model.train()(**inputs)
    with warnings.catch_warnings(action="error"):
        model.eval()(**inputs)


# ---------------------------------------------------------------------- arguments


def test_hyper_parameters_of_the_method(tmp_path: Path) -> None:
    model, composition = composed("scalearn", "bert", tmp_path, omega_scale=6.0, omega_std=0.0, omega_dropout=0.1)
    omegas = [module for module in model.modules() if isinstance(module, Omega)]
    assert [omega.dropout for omega in omegas] == [0.1, 0.1]
    assert all((omega.weight == 2.0).all() for omega in omegas)
    assert composition.hyperparameters.omega_dropout == 0.1
    assert composition.hyperparameters.learning_rate == 6e-3  # for the trainer's arguments


def test_a_seed_leaves_the_generator_as_it_was(tmp_path: Path) -> None:
    sources = save_new(tmp_path, "a", "b")
    models = [encoder() for _ in range(3)]
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    for model, seed in zip(models, (7, 7, 8), strict=True):
        scalearn.compose(model, sources, seed=seed)
    assert torch.equal(torch.rand(1), expected)
    first, second, third = (trainable(model) for model in models)
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())
    assert not all(torch.equal(tensor, third[key]) for key, tensor in first.items())


@pytest.mark.parametrize(("changes", "labels"), [
    ({"num_labels": 1}, torch.rand(8)),
    ({"num_labels": 3}, torch.arange(8) % 3),
    ({"num_labels": 3, "multilabel": True}, torch.ones(8, 3)),
])  # fmt: skip
def test_heads(changes: dict[str, Any], labels: torch.Tensor, tmp_path: Path) -> None:
    model = encoder()
    scalearn.compose(model, save_new(tmp_path, "a"), **changes)
    output = model(**batch() | {"labels": labels})
    assert output.logits.shape == (8, changes["num_labels"])
    output.loss.backward()


def test_other_heads_stay_and_do_not_train(tmp_path: Path) -> None:
    model = encoder()
    model.add_masked_lm_head("words")
    scalearn.compose(model, save_new(tmp_path, "a"))
    assert set(model.heads) == {"words", "scalearn"}
    assert not [name for name in trainable(model) if name.startswith("heads.words")]
    assert logits(model).shape == (8, 2)
