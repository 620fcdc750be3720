"""A training that is asked to stop does so at the next step, and goes on from that step to the same bytes."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from scalearn.errors import Stopped
from scalearn.machine import time_budget
from scalearn.training.engine import trainer as trainer_module
from scalearn.training.runs import joint as joint_module
from scalearn.training.runs.run import train
from tests.methods.cases import SORTS
from tests.training import joint
from tests.training.single import content, spec


def at_step(monkeypatch: pytest.MonkeyPatch, number: int, do: Any) -> None:
    """Call `do` within the step that follows so many others."""
    original = trainer_module.RunTrainer.training_step

    def step(self: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        if self.state.global_step == number:
            do()
        return original(self, *args, **kwargs)

    monkeypatch.setattr(trainer_module.RunTrainer, "training_step", step)


def ask(number: signal.Signals) -> Any:
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("name", SORTS)
def test_a_training_stopped_within_an_epoch_goes_on_from_that_step(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(spec(folder, name, tmp_path / "whole"))
    for step in (2, 8):  # before the first evaluation, and after it
        with monkeypatch.context() as patch:
            at_step(patch, step, ask(signal.SIGTERM))
            with pytest.raises(Stopped, match=f"SIGTERM: stopped after step {step + 1} of 18, which is saved"):
                train(spec(folder, name, tmp_path / "stopped"))
    capsys.readouterr()
    train(spec(folder, name, tmp_path / "stopped"))
    assert "going on from checkpoint-9\n" in capsys.readouterr().out
    assert content(tmp_path / "stopped") == content(tmp_path / "whole")


def test_so_does_a_joint_one(joint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    joint_module.train(joint.spec(joint_folder, tmp_path / "whole"))
    with monkeypatch.context() as patch:
        at_step(patch, 18, ask(signal.SIGTERM))
        with pytest.raises(Stopped, match="stopped after step 19"):
            joint_module.train(joint.spec(joint_folder, tmp_path / "stopped"))
    joint_module.train(joint.spec(joint_folder, tmp_path / "stopped"))
    assert joint.content(tmp_path / "stopped") == joint.content(tmp_path / "whole")


def test_at_the_end_of_an_epoch_its_evaluation_is_waited_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        at_step(patch, 5, ask(signal.SIGINT))
        with pytest.raises(Stopped, match="SIGINT: stopped after step 6"):
            train(spec(folder, "adapter", tmp_path / "run"))
    state = json.loads((tmp_path / "run/checkpoints/checkpoint-6/trainer_state.json").read_text())
    assert "eval_loss" in state["log_history"][-1]


def test_a_training_whose_time_is_up_stops(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(time_budget.VARIABLE, repr(time.time() + 0.0))
    with pytest.raises(Stopped, match="the time budget is used up: stopped after step 1 of 18"):
        train(spec(folder, "adapter", tmp_path / "run"))
    monkeypatch.delenv(time_budget.VARIABLE)
    train(spec(folder, "adapter", tmp_path / "run"))
    train(spec(folder, "adapter", tmp_path / "whole"))
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_afterwards_signals_mean_what_they_did(folder: Path, tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    train(spec(folder, "adapter", tmp_path / "run"))
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_training_in_a_thread_needs_no_signals(folder: Path, tmp_path: Path) -> None:
    thread = threading.Thread(target=train, args=[spec(folder, "adapter", tmp_path / "run")])
    thread.start()
    thread.join()
    assert (tmp_path / "run/run.json").is_file()


@pytest.mark.parametrize("name", ["current.safetensors", "optimizer.safetensors", "state.json", "trainer_state.json"])
def test_a_damaged_checkpoint_is_named_and_not_gone_on_from(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        at_step(patch, 8, ask(signal.SIGTERM))
        with pytest.raises(Stopped):
            train(spec(folder, "adapter", tmp_path / "run"))
    damaged = tmp_path / "run/checkpoints/checkpoint-9" / name
    damaged.write_bytes(damaged.read_bytes()[:-7])
    train(spec(folder, "adapter", tmp_path / "run"))
    printed = capsys.readouterr().out
    assert "checkpoint-9: a damaged checkpoint" in printed and "going on from" not in printed
    train(spec(folder, "adapter", tmp_path / "whole"))
    assert content(tmp_path / "run") == content(tmp_path / "whole")
