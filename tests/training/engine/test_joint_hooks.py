"""What a method and a protocol difference may say counts in joint runs as it does in single ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from scalearn.campaign import protocol
from scalearn.campaign.protocol import RunDifference
from scalearn.methods import METHODS
from scalearn.methods.adapter import Adapter, AdapterOfAllValues
from scalearn.training.engine.checkpoints import snapshot, trainable
from scalearn.training.engine.joint_trainer import JointTrainer
from scalearn.training.engine.model import is_head
from scalearn.training.runs import joint as joint_module
from scalearn.training.runs.joint import train
from tests.training.joint import spec
from tests.training.planning import like
from tests.training.trainers import without_dropout


class DrawnValues(AdapterOfAllValues):
    pull: float = 0.5


class Drawn(Adapter):
    """Adapter-m whose weights are drawn towards zero."""

    def regularisation(self, model: nn.Module, values: DrawnValues) -> Tensor:
        drawn = [entry for name, entry in trainable(model).items() if not is_head(name)]
        return values.pull * torch.stack([entry.square().sum() for entry in drawn]).sum()


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(METHODS, "drawn", Drawn("drawn", "Drawn", "joint", "nobody", DrawnValues, regularised=True))
    return "drawn"


def switch(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> str:
    """Let there be a difference that concerns the toy method."""
    toy = RunDifference("toy", lambda method, *_: method.name == "drawn", **changes)
    monkeypatch.setattr(protocol, "RUN_DIFFERENCES", (toy,))
    return "toy"


def test_the_term_of_a_joint_method_joins_each_batch_s_loss(joint_folder: Path, tmp_path: Path, toy: str) -> None:
    asked = spec(joint_folder, tmp_path, toy)
    trainer = joint_module._trainer(asked, asked.record())
    trainer.current_gradient_accumulation_steps = 1
    without_dropout(trainer.model)
    batches = iter(trainer.get_train_dataloader())
    for batch in (next(batches), next(batches)):
        trainer.model.train().zero_grad()
        loss = trainer.forward(trainer.model, dict(batch)).loss
        term = METHODS[toy].regularisation(trainer.model, asked.spec.values)
        assert term is not None and term > 0
        (loss + term).backward()
        training = trainable(trainer.model)
        expected = {key: entry.grad.clone() for key, entry in training.items() if entry.grad is not None}
        trainer.model.zero_grad()
        assert trainer.training_step(trainer.model, dict(batch)) == pytest.approx((loss + term).item(), rel=1e-5)
        for key, gradient in expected.items():
            torch.testing.assert_close(training[key].grad, gradient, rtol=1e-4, atol=1e-6, msg=key)


def test_evaluation_has_no_such_term(joint_folder: Path, tmp_path: Path, toy: str) -> None:
    asked = spec(joint_folder, tmp_path, toy, pull=1e6)
    trainer = joint_module._trainer(asked, asked.record())
    assert trainer.evaluate()["eval_loss"] < 100


def test_a_switch_may_take_the_term_away(
    joint_folder: Path, tmp_path: Path, toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = switch(monkeypatch, fields={"regularised": False})
    asked = like(spec(joint_folder, tmp_path, toy), switches=(name,))
    assert joint_module._trainer(asked, asked.record()).objective.regularisation is None


def test_values_of_a_switch_take_the_place_of_the_run_s(
    joint_folder: Path, tmp_path: Path, toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = switch(monkeypatch, values={"learning_rate": 0.0, "pull": 2.0, "epochs": 1})
    asked = like(spec(joint_folder, tmp_path / "run", toy, epochs=5), switches=(name,))
    trainer = joint_module._trainer(asked, asked.record())
    before = snapshot(trainer.model)
    term = METHODS[toy].regularisation(trainer.model, asked.spec.values.but(pull=2.0))
    assert term is not None and torch.equal(trainer.objective.regularisation(), term)
    trainer.train()
    assert trainer.state.num_train_epochs == 1
    for key, tensor in snapshot(trainer.model).items():
        assert torch.equal(tensor, before[key]), key
    record = asked.record()["spec"]
    assert (record["switches"], record["hyperparameters"]["epochs"]) == (["toy"], 5)


def test_what_a_switch_leaves_at_the_last_round_meets_heads_of_the_best(
    joint_folder: Path, tmp_path: Path, toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = switch(monkeypatch, last_epoch=lambda name: not is_head(name))
    rounds: list[dict[str, Tensor]] = []
    losses = iter([0.9, 0.5, 0.7, 0.6])
    evaluate = JointTrainer.evaluate

    def scripted(self: JointTrainer, *arguments: Any, **options: Any) -> dict[str, float]:
        rounds.append(snapshot(self.model))
        return evaluate(self, *arguments, **options)

    monkeypatch.setattr(JointTrainer, "evaluate", scripted)
    monkeypatch.setattr("scalearn.training.engine.joint_trainer.mean", lambda _: next(losses))
    train(like(spec(joint_folder, tmp_path / "run", toy, epochs=4), switches=(name,)))
    for key, tensor in load_file(tmp_path / "run" / "weights.safetensors").items():
        assert torch.equal(tensor, rounds[1 if is_head(key) else 3][key]), key
    assert any(not torch.equal(rounds[1][key], rounds[3][key]) for key in rounds[1])
