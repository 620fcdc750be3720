"""A step that fails for want of a deterministic kernel is taken again, and the record names the operation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from scalearn.training.engine.trainer import RunTrainer
from scalearn.training.runs.run import train
from tests.training.single import content, spec


def test_a_step_that_is_taken_again_counts_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The failed step has added to the gradient before it fails. Its random numbers are put back here."""
    train(spec(folder, "adapter", tmp_path / "plain"))
    original, allowed, seen = RunTrainer.compute_loss, [], []

    def compute_loss(self: Any, model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
        seen.append(self.state.global_step)
        state = torch.get_rng_state()
        loss = original(self, model, dict(inputs), *rest, **more)
        if model.training and not allowed and self.state.global_step == 3:
            loss.backward()
            torch.set_rng_state(state)
            raise RuntimeError("odd_cuda with floats does not have a deterministic implementation, but you set ...")
        return loss

    monkeypatch.setattr(RunTrainer, "compute_loss", compute_loss)
    monkeypatch.setattr("scalearn.training.engine.trainer.allow_others", lambda: allowed.append(True))
    train(spec(folder, "adapter", tmp_path / "mended"))
    assert len(allowed) == 1
    assert seen.count(3) > 1
    assert "odd_cuda with floats has no deterministic kernel" in capsys.readouterr().out
    (how,) = json.loads((tmp_path / "mended/run.json").read_text())["computed"]
    assert how["not_deterministic"] == "odd_cuda with floats"
    found, expected = content(tmp_path / "mended"), content(tmp_path / "plain")
    for name in ("weights.safetensors", "predictions.parquet"):
        assert found[name] == expected[name]
