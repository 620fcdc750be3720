"""On a GPU: a full card, steps that cannot be captured, and operations without a deterministic kernel."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from scalearn.training.data.encode import encode
from scalearn.training.engine.determinism import fix
from scalearn.training.engine.replay import Replay
from scalearn.training.engine.trainer import RunTrainer
from scalearn.training.runs.run import train
from tests.tiny import make_model, make_task
from tests.training import single

pytestmark = pytest.mark.gpu

MIB = 2**20


def model_and_step(obstacle: Any = None) -> tuple[torch.nn.Module, Any]:
    """Return a small model with dropout, and a step that computes its gradient and meets the obstacle."""
    fix(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1)).cuda()

    def step(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        loss = model(batch["inputs"]).square().mean()
        if obstacle is not None:
            obstacle(loss)
        loss.backward()
        return loss.detach()

    return model, step


def gradients(model: torch.nn.Module, step: Any, steps: int) -> list[list[torch.Tensor]]:
    """Return the gradients of each step, on random batches of two shapes."""
    generator, found = torch.Generator().manual_seed(1), []
    for index in range(steps):
        step({"inputs": torch.randn(4 + index % 2, 8, generator=generator).cuda()})
        found.append([entry.grad.clone() for entry in model.parameters() if entry.grad is not None])
        model.zero_grad()
    return found


def test_a_replay_has_the_gradients_and_random_numbers_of_any_step() -> None:
    model, step = model_and_step()
    expected = gradients(model, step, 12)
    after = torch.cuda.get_rng_state()
    model, step = model_and_step()
    replay = Replay(step, list(model.parameters()))
    assert all(
        torch.equal(one, other)
        for pair in zip(expected, gradients(model, replay, 12), strict=True)
        for one, other in zip(*pair, strict=True)
    )
    assert (replay.steps, replay.replayed, replay.fault) == (12, 10, "")
    assert torch.equal(torch.cuda.get_rng_state(), after)


def test_a_step_that_waits_for_the_gpu_is_not_captured() -> None:
    model, step = model_and_step()
    expected = gradients(model, step, 6)
    model, waiting = model_and_step(lambda loss: loss.item())
    replay = Replay(waiting, list(model.parameters()))
    found = gradients(model, replay, 6)
    assert all(torch.equal(a, b) for pair in zip(expected, found, strict=True) for a, b in zip(*pair, strict=True))
    assert replay.replayed == 0
    assert "waits for the GPU" in replay.fault


def test_a_capture_that_fails_leaves_nothing_behind() -> None:
    model, step = model_and_step()
    expected = gradients(model, step, 8)

    def obstacle(loss: torch.Tensor) -> None:
        if torch.cuda.is_current_stream_capturing():
            loss.item()

    model, failing = model_and_step(obstacle)
    replay = Replay(failing, list(model.parameters()))
    found = gradients(model, replay, 8)
    assert all(torch.equal(a, b) for pair in zip(expected, found, strict=True) for a, b in zip(*pair, strict=True))
    assert replay.replayed == 0
    assert "capturing failed" in replay.fault
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    before = torch.cuda.memory_reserved()
    torch.empty(512 * MIB, dtype=torch.uint8, device="cuda")
    torch.cuda.empty_cache()
    assert torch.cuda.memory_reserved() <= before
    model, step = model_and_step()
    again = Replay(step, list(model.parameters()))
    gradients(model, again, 8)
    assert again.replayed == 6


def test_encoders_whose_steps_cannot_be_captured_train_as_ever(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model", "distilbert")
    encode(make_task(tmp_path / "tasks/first"), model, tmp_path / "encoded/first")
    train(single.spec(tmp_path, "adapter", tmp_path / "run"))
    timing = json.loads((tmp_path / "run/timing.json").read_text())
    assert timing["replayed_steps"] == 0
    assert "waits for the GPU" in timing["not_replayed"]


def test_a_full_card_is_met_with_microbatches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card is filled but for a little while the run trains."""
    encode(make_task(tmp_path / "tasks/first", rows=4096), make_model(tmp_path / "model"), tmp_path / "encoded/first")
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    train(single.spec(tmp_path, "adapter", tmp_path / "free", batch_size=2048, epochs=2))
    needed = torch.cuda.max_memory_allocated() - before
    gc.collect()
    torch.cuda.empty_cache()
    filling: list[torch.Tensor] = []
    original = RunTrainer.fit

    def fit(self: Any) -> Any:
        free, _ = torch.cuda.mem_get_info()
        filling.append(torch.empty(free - needed // 2, dtype=torch.uint8, device="cuda"))
        return original(self)

    monkeypatch.setattr(RunTrainer, "fit", fit)
    train(single.spec(tmp_path, "adapter", tmp_path / "run", batch_size=2048, epochs=2))
    filling.clear()
    torch.cuda.empty_cache()
    assert "out of memory: batches are computed in at least" in capsys.readouterr().out
    assert "out of memory" in json.loads((tmp_path / "run/timing.json").read_text())["not_replayed"]


def test_an_operation_without_deterministic_kernel_runs_and_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = RunTrainer.forward

    def forward(self: Any, model: Any, inputs: Any) -> Any:
        torch.histc(inputs["labels"].float())
        return original(self, model, inputs)

    monkeypatch.setattr(RunTrainer, "forward", forward)
    train(single.spec(folder, "adapter", tmp_path / "run"))
    (how,) = json.loads((tmp_path / "run/run.json").read_text())["computed"]
    assert "histc" in how["not_deterministic"]
    assert "has no deterministic kernel" in capsys.readouterr().out
