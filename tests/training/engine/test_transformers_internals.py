"""What we take of the library's Trainer: which methods we override, and that the private ones still do what we need."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import (
    AutoModel,
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    trainer_callback,
)

from scalearn.training.engine.joint_trainer import JointTrainer
from scalearn.training.engine.transformers_internals import attention_of, use_one_gpu
from tests.tiny import make_model

# Documented methods that the library invites its users to override, and the private ones, with their parameters.
PUBLIC = {
    "autocast_smart_context_manager",
    "compute_loss",
    "evaluate",
    "evaluation_loop",
    "floating_point_ops",
    "get_eval_dataloader",
    "get_train_dataloader",
    "log",
    "training_step",
}
PRIVATE = {
    "_load_from_checkpoint": ["self", "resume_from_checkpoint", "model"],
    "_load_optimizer_and_scheduler": ["self", "checkpoint"],
    "_load_scaler": ["self", "checkpoint"],
    "_load_rng_state": ["self", "checkpoint"],
}


def test_we_override_these_methods_of_the_trainer_and_no_others() -> None:
    ours = [kind for kind in JointTrainer.__mro__ if kind.__module__.startswith("scalearn.")]
    names = {name for kind in ours for name in vars(kind) if not name.startswith("__") and hasattr(Trainer, name)}
    assert names == PUBLIC | PRIVATE.keys()


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_method_has_the_parameters_that_we_know(name: str) -> None:
    assert list(inspect.signature(getattr(Trainer, name)).parameters) == PRIVATE[name]


class Data(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
        return {"inputs": torch.full((2,), float(row)), "labels": torch.tensor(1.0)}


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(2))

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (inputs @ self.weight - labels).square().mean(), "logits": inputs}


class Recorder(TrainerCallback):  # type: ignore[misc]
    """Records the events of a training with what our callbacks read in them."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        assert given["optimizer"] is not None and given["lr_scheduler"] is not None
        self.events.append(("begin", state.global_step))

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.events.append("step")

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        assert model.weight.grad is not None
        self.events.append(("gradient", state.global_step))

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        self.events.append(("evaluated", state.global_step, state.best_metric is None, "eval_loss" in metrics))


class Small(Trainer):  # type: ignore[misc]
    recorder: Recorder

    def _load_from_checkpoint(self, resume_from_checkpoint: Any, model: Any = None) -> None:
        self.recorder.events.append(f"weights of {Path(resume_from_checkpoint).name}")


def small(folder: Path) -> tuple[Small, list[Any]]:
    """Return a trainer that resembles ours, and the list of its events."""
    arguments = TrainingArguments(
        str(folder),
        num_train_epochs=2,
        per_device_train_batch_size=2,
        eval_strategy="epoch",
        save_strategy="no",
        metric_for_best_model="loss",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    arguments.load_best_model_at_end = True
    recorder = Recorder()
    trainer = Small(Model(), arguments, train_dataset=Data(), eval_dataset=Data(), callbacks=[recorder])
    trainer.recorder = recorder
    return trainer, recorder.events


def test_the_library_calls_back_where_we_write_and_restore_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It restores its state before the training begins, needs none of its own files, and writes none."""
    warnings: list[str] = []
    monkeypatch.setattr(trainer_callback.logger, "warning", warnings.append)
    whole, events = small(tmp_path)
    whole.add_callback(EarlyStoppingCallback(3))
    whole.train()
    first = ["step", ("gradient", 0), "step", ("gradient", 1), ("evaluated", 2, True, True)]
    second = ["step", ("gradient", 2), "step", ("gradient", 3), ("evaluated", 4, False, True)]
    assert events == [("begin", 0), *first, *second]
    assert list(tmp_path.iterdir()) == []
    assert warnings == []  # EarlyStoppingCallback believes that the best epoch is restored, as it is

    checkpoint = tmp_path / "checkpoint-2"
    checkpoint.mkdir()
    whole.state.global_step = 2
    whole.state.save_to_json(str(checkpoint / "trainer_state.json"))
    resumed, events = small(tmp_path)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert events == ["weights of checkpoint-2", ("begin", 2), *second]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]


def test_the_library_keeps_a_best_metric_that_we_have_set(tmp_path: Path) -> None:
    """`finish_epoch` sets it during the evaluation; early stopping compares with the value before."""
    trainer, _ = small(tmp_path)

    class Sets(TrainerCallback):  # type: ignore[misc]
        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
            state.best_metric, state.best_global_step = -1.0, state.global_step

    trainer.callback_handler.callbacks.insert(0, Sets())
    trainer.train()
    assert (trainer.state.best_metric, trainer.state.best_global_step) == (-1.0, 4)


@pytest.mark.parametrize(("there", "taken"), [(0, 0), (1, 1), (8, 1)])
def test_a_run_takes_one_gpu(there: int, taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = TrainingArguments(str(tmp_path), report_to=[], use_cpu=True)
    assert arguments.n_gpu == 0
    arguments._n_gpu = there
    monkeypatch.setattr(TrainingArguments, "device", property(lambda self: torch.device("cpu")))
    use_one_gpu(arguments)
    assert arguments.n_gpu == taken


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_attention_of_an_encoder_is_told(attention: str, tmp_path: Path) -> None:
    model = AutoModel.from_pretrained(make_model(tmp_path / "model"), attn_implementation=attention)
    assert attention_of(model) == attention
    with pytest.raises(AttributeError):
        attention_of(SimpleNamespace(config=SimpleNamespace()))
