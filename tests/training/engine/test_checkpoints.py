"""Checkpoints: written beside the training as what they were, at most two at a time, one of them to go on from."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from scalearn.errors import UserError
from scalearn.training.engine import checkpoints
from scalearn.training.engine import trainer as trainer_module
from scalearn.training.runs.run import train
from tests.training.interrupting import Killed, kill_after
from tests.training.single import content, spec


def test_checkpoints_are_written_beside_the_training(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is written when training is three steps on, and still holds what the step after its own needs."""
    train(spec(folder, "scalearn", tmp_path / "whole"))
    original, three_steps_on = checkpoints.write, threading.Semaphore(0)

    def write(*args: Any) -> None:
        assert three_steps_on.acquire(timeout=300)
        original(*args)

    def step(self: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        if self.state.global_step in (9, 15):
            three_steps_on.release()
        return training_step(self, *args, **kwargs)

    training_step = trainer_module.RunTrainer.training_step
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "write", write)
        patch.setattr(trainer_module.RunTrainer, "training_step", step)
        kill_after(patch, 2.8)
        with pytest.raises(Killed):
            train(spec(folder, "scalearn", tmp_path / "killed"))
    assert [path.name for path in (tmp_path / "killed" / "checkpoints").iterdir()] == ["checkpoint-12"]
    train(spec(folder, "scalearn", tmp_path / "killed"))
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_a_checkpoint_that_cannot_be_written_ends_the_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise UserError("checkpoint-6: cannot be written (No space left on device); free some space and run again")

    monkeypatch.setattr(checkpoints, "write", full)
    with pytest.raises(UserError, match="free some space"):
        train(spec(folder, "adapter", tmp_path / "run"))
    assert not (tmp_path / "run/run.json").exists()


def write(folder: Path, step: int) -> None:
    tensors = {checkpoints.CURRENT: {"omega": torch.ones(2)}}
    checkpoints.write(folder, step, tensors, {"identity": "mine"}, lambda path: Path(path).write_text("{}"))


def test_of_two_whole_checkpoints_the_newer_is_taken_and_the_older_removed(tmp_path: Path) -> None:
    """A kill may come after one is written and before the one before it is removed."""
    for step in (6, 12):
        write(tmp_path, step)
        if step == 6:
            (tmp_path / "checkpoint-6").rename(tmp_path / "kept")
    (tmp_path / "kept").rename(tmp_path / "checkpoint-6")
    assert checkpoints.latest(tmp_path, "mine", ["omega"]) == tmp_path / "checkpoint-12"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-12"]


@pytest.mark.parametrize("trained", [["omega", "heads.default"], []])
def test_training_does_not_go_on_from_other_tensors_than_those_that_train(
    trained: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An earlier version may have trained others, for example a checkpoint's own head."""
    write(tmp_path, 6)
    assert checkpoints.latest(tmp_path, "mine", trained) is None
    assert "checkpoint-6: a checkpoint of an earlier version, which trained other tensors" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
