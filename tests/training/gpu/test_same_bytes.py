"""On a GPU: replayed steps equal others, and neither kills nor other trainings change a byte."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import warnings
from pathlib import Path
from typing import Any

import pytest

from scalearn.campaign.compute import Compute
from scalearn.errors import Stopped
from scalearn.methods import METHODS
from scalearn.training.data.encode import encode
from scalearn.training.engine.trainer import RunTrainer
from scalearn.training.runs import joint as joint_module
from scalearn.training.runs.planned import PlannedRun
from scalearn.training.runs.run import train
from tests.methods.cases import SORTS
from tests.tiny import make_model, make_task
from tests.training import joint, single
from tests.training.gpu.without_replay import kernel_by_kernel
from tests.training.interrupting import Killed, kill_after
from tests.training.planning import like

pytestmark = pytest.mark.gpu

JOINT = [name for name, method in METHODS.items() if method.family == "joint"]


def replayed(output: Path) -> float:
    """Return the share of replayed steps of a run, which used deterministic kernels only."""
    (how,) = json.loads((output / "run.json").read_text())["computed"]
    assert "not_deterministic" not in how
    timing = json.loads((output / "timing.json").read_text())
    assert "not_replayed" not in timing, timing["not_replayed"]
    return float(timing["replayed_steps"])


@pytest.mark.parametrize("name", SORTS)
def test_replayed_steps_change_no_byte(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(single.spec(folder, name, tmp_path / "replayed"))
    assert replayed(tmp_path / "replayed") > 0.5
    train(single.spec(folder, name, tmp_path / "again"))
    kernel_by_kernel(monkeypatch)
    train(single.spec(folder, name, tmp_path / "eager"))
    assert replayed(tmp_path / "eager") == 0
    assert single.content(tmp_path / "again") == single.content(tmp_path / "replayed")
    assert single.content(tmp_path / "eager") == single.content(tmp_path / "replayed")


@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta"])
def test_nor_with_other_encoders(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(tmp_path / "model", kind)
    encode(make_task(tmp_path / "tasks/first"), model, tmp_path / "encoded/first")
    train(single.spec(tmp_path, "adapter", tmp_path / "replayed"))
    assert replayed(tmp_path / "replayed") > 0.5
    kernel_by_kernel(monkeypatch)
    train(single.spec(tmp_path, "adapter", tmp_path / "eager"))
    assert single.content(tmp_path / "eager") == single.content(tmp_path / "replayed")


@pytest.mark.parametrize("name", JOINT)
def test_nor_in_joint_training(name: str, joint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    joint_module.train(joint.spec(joint_folder, tmp_path / "replayed", name, epochs=6))
    assert replayed(tmp_path / "replayed") > 0.3
    kernel_by_kernel(monkeypatch)
    joint_module.train(joint.spec(joint_folder, tmp_path / "eager", name, epochs=6))
    assert joint.content(tmp_path / "eager") == joint.content(tmp_path / "replayed")


@pytest.mark.parametrize("precision", ["fp16", "float32"])
def test_nor_in_other_precisions(precision: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(output: str) -> PlannedRun:
        return like(single.spec(folder, "scalearn", tmp_path / output), compute=Compute(precision=precision))

    train(run("replayed"))
    assert replayed(tmp_path / "replayed") > 0.5
    (how,) = json.loads((tmp_path / "replayed/run.json").read_text())["computed"]
    assert (how["precision"], how["tf32"]) == (precision, precision == "float32")
    kernel_by_kernel(monkeypatch)
    train(run("eager"))
    assert single.content(tmp_path / "eager") == single.content(tmp_path / "replayed")


@pytest.mark.parametrize("name", ["adapter", "scalearn"])
def test_a_kill_changes_no_byte(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(single.spec(folder, name, tmp_path / "whole"))
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(Killed):
            train(single.spec(folder, name, tmp_path / "killed"))
    train(single.spec(folder, name, tmp_path / "killed"))
    assert "going on from checkpoint-12" in capsys.readouterr().out
    assert single.content(tmp_path / "killed") == single.content(tmp_path / "whole")


def test_nor_does_a_stop_within_an_epoch(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(single.spec(folder, "scalearn", tmp_path / "whole"))
    original = RunTrainer.training_step

    def step(self: Any, *rest: Any) -> Any:
        if self.state.global_step == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(RunTrainer, "training_step", step)
        with pytest.raises(Stopped, match="stopped after step 9 of 18"):
            train(single.spec(folder, "scalearn", tmp_path / "stopped"))
    train(single.spec(folder, "scalearn", tmp_path / "stopped"))
    assert single.content(tmp_path / "stopped") == single.content(tmp_path / "whole")


def test_nor_does_company_on_the_gpu(folder: Path, tmp_path: Path) -> None:
    train(single.spec(folder, "scalearn", tmp_path / "alone"))
    runs = [single.spec(folder, "scalearn", tmp_path / f"company{index}", epochs=3) for index in range(3)]
    children = [multiprocessing.get_context("spawn").Process(target=train, args=(run,)) for run in runs]
    for child in children:
        child.start()
    for child in children:
        child.join(100)
        assert child.exitcode == 0
    for run in runs:
        assert single.content(run.output) == single.content(tmp_path / "alone")


def test_nothing_warns_of_kernels_that_are_not_deterministic(folder: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in ("adapter", "adapter_fusion", "full_finetuning"):
            train(single.spec(folder, name, tmp_path / name))
    assert not [str(one.message) for one in caught if "determinis" in str(one.message)]
