"""Which steps are replayed, and when none are. In place of CUDA graphs, a recording computes a step again.

tests/training/gpu has the tests of real graphs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalearn.training.data.batches import Batch
from scalearn.training.engine import microbatches
from scalearn.training.engine.microbatches import MicrobatchTrainer
from scalearn.training.engine.replay import Captured, Replay, Shape
from scalearn.training.engine.trainer import RunTrainer
from scalearn.training.runs import joint as joint_module
from scalearn.training.runs.run import train
from tests.training import joint, single
from tests.training.interrupting import Killed, kill_after


@dataclass
class Recording:
    """Computes a step again, from the same tensors into the same tensors."""

    replay: Callable[[], None]


class Recorded(Replay):
    """Replays steps without a GPU."""

    def _rehearse(self, batch: Batch) -> Tensor:
        return self.step(batch)

    def _capture(self, shape: Shape, batch: Batch) -> None:
        static = {name: value.clone() if isinstance(value, Tensor) else value for name, value in batch.items()}
        with torch.random.fork_rng(devices=[]):
            loss, gradients = self.step(static), self._gather()
            self._drop()

        def again() -> None:
            loss.copy_(self.step(static))
            for parameter, gradient in gradients:
                assert parameter.grad is not None
                gradient.copy_(parameter.grad)
            self._drop()

        self._captured[shape] = Captured(Recording(again), static, loss, gradients)  # type: ignore[arg-type]

    def _drop(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None


class TwoTasks(nn.Module):
    """A body with dropout, and a head for each of two tasks."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.dropout = nn.Linear(4, 4), nn.Dropout(0.5)
        self.heads = nn.ModuleList([nn.Linear(4, 1), nn.Linear(4, 1)])

    def step(self, batch: Any) -> Tensor:
        hidden = self.dropout(self.body(batch["inputs"].float()))
        loss: Tensor = self.heads[batch["task"]](hidden).square().mean()
        loss.backward()
        return loss.detach()


def batches() -> list[dict[str, Any]]:
    """Return batches that differ in rows, dtype and task: each sort comes three times, with other numbers."""
    generator = torch.Generator().manual_seed(1)
    sorts = [(4, torch.float32, 0), (3, torch.float32, 0), (4, torch.float64, 0), (4, torch.float32, 1)] * 3
    return [{"inputs": torch.randn(rows, 4, generator=generator).to(kind), "task": task} for rows, kind, task in sorts]


def course(model: nn.Module, step: Callable[[Any], Tensor]) -> list[tuple[float, list[Tensor | None]]]:
    """Return the loss of each batch and the gradients, None where it reaches no such parameter."""
    found = []
    for batch in batches():
        loss = step(batch).item()
        found.append((loss, [None if p.grad is None else p.grad.clone() for p in model.parameters()]))
        model.zero_grad()
    return found


def same(one: Tensor | None, other: Tensor | None) -> bool:
    return one is other if one is None or other is None else torch.equal(one, other)


def test_a_sort_of_batch_is_replayed_from_its_second_time_on() -> None:
    model = TwoTasks()
    torch.manual_seed(5)
    expected, state = course(model, model.step), torch.get_rng_state()
    model = TwoTasks()
    replay = Recorded(model.step, list(model.parameters()))
    torch.manual_seed(5)
    found = course(model, replay)
    for (loss, gradients), (expected_loss, expected_gradients) in zip(found, expected, strict=True):
        assert loss == expected_loss
        assert all(map(same, gradients, expected_gradients))
    assert {gradients[2] is None for _, gradients in found} == {True, False}  # of the first task's head
    assert torch.equal(torch.get_rng_state(), state)
    assert len(replay._captured) == 4
    assert replay.facts == {"replayed_steps": 0.667}


def test_after_a_fault_nothing_is_replayed_or_kept() -> None:
    model = TwoTasks()
    replay = Recorded(model.step, list(model.parameters()))
    first, second, *_ = batches()
    replay(first), replay(first)
    assert replay.stop("out of memory")
    assert not replay.stop("another")
    assert not replay._captured and not replay._gradients
    for batch in (first, first, second, second):
        replay(batch)
    assert replay.facts == {"replayed_steps": 0.167, "not_replayed": "out of memory"}
    assert Recorded(model.step, []).facts == {"replayed_steps": 0.0}


# ---------------------------------------------------------------------- runs


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trainings replay recordings, and compute whole batches as on a GPU."""
    monkeypatch.setattr(MicrobatchTrainer, "microbatch_cost", math.inf)
    monkeypatch.setattr(MicrobatchTrainer, "replays", True)
    monkeypatch.setattr(microbatches, "Replay", Recorded)


def facts(output: Path) -> dict[str, Any]:
    timing: dict[str, Any] = json.loads((output / "timing.json").read_text())
    return timing


@pytest.mark.parametrize("name", ["scalearn", "adapter_fusion"])
def test_a_run_is_what_it_is_without_replays(
    name: str, recorded: None, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is killed and resumes."""
    run = single.spec(folder, name, tmp_path / "replayed")
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(Killed):
            train(run)
    train(run)
    assert facts(run.output)["replayed_steps"] > 0
    monkeypatch.setattr(MicrobatchTrainer, "replays", False)
    train(single.spec(folder, name, tmp_path / "plain"))
    assert "replayed_steps" not in facts(tmp_path / "plain")
    assert single.content(run.output) == single.content(tmp_path / "plain")


def test_so_is_a_joint_run(recorded: None, joint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    joint_module.train(joint.spec(joint_folder, tmp_path / "replayed", "hyperformer"))
    assert facts(tmp_path / "replayed")["replayed_steps"] > 0
    monkeypatch.setattr(MicrobatchTrainer, "replays", False)
    joint_module.train(joint.spec(joint_folder, tmp_path / "plain", "hyperformer"))
    assert joint.content(tmp_path / "replayed") == joint.content(tmp_path / "plain")


def test_out_of_memory_ends_the_replays_first_and_then_splits_batches(
    recorded: None, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = RunTrainer.compute_loss

    def compute_loss(self: Any, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
        if model.training and self.state.global_step >= 15 and len(inputs["labels"]) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return original(self, model, inputs, *rest, **named)

    monkeypatch.setattr(RunTrainer, "compute_loss", compute_loss)
    train(single.spec(folder, "adapter", tmp_path / "run", length_buckets=1))
    printed = capsys.readouterr().out
    assert "steps are no longer replayed as CUDA graphs" in printed
    assert "at least 2 microbatches" in printed and "at least 4 micro" not in printed
    timing = facts(tmp_path / "run")
    assert timing["not_replayed"] == "out of memory"
    assert 0 < timing["replayed_steps"] < 15 / 18
