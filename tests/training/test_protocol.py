"""What the reference protocol does otherwise in a run, and that nothing of it happens unasked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from scalearn.methods import METHODS
from scalearn.methods.layers.sources import stack
from scalearn.training.encode import encode
from scalearn.training.model import is_head
from scalearn.training.run import RunSpec, train
from tests.tiny import make_model, make_task
from tests.training.test_run import scripted


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("protocol")
    model = make_model(root / "model", "roberta")
    for index, kind in enumerate(("classification", "multiple_choice")):
        encode(make_task(root / "tasks" / kind, kind, seed=index), model, root / "encoded" / kind)
        train(spec(root, "adapter", root / kind, kind))
    stack([root / "classification", root / "multiple_choice"], root / "sources.safetensors")
    return root


def spec(root: Path, method: str, output: Path, kind: str = "classification", **changes: float) -> RunSpec:
    values = {**METHODS[method].defaults, "epochs": 2, "learning_rate": 5e-3, "batch_size": 16, **changes}
    sources = root / "sources.safetensors" if METHODS[method].family == "two_stage" else None
    return RunSpec(method, "both", 0, values, root / "model", root / "encoded" / kind, sources, output)


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "weights.safetensors")


def test_shared_coefficients_of_the_last_epoch_meet_the_head_of_the_best(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs = scripted([0.9, 0.5, 0.7, 0.6], monkeypatch)
    run = spec(folder, "scalearn_pp", tmp_path / "run", epochs=4)
    train(replace(run, switches=("shared_omega_of_last_epoch",)))
    for key, tensor in weights(tmp_path / "run").items():
        assert torch.equal(tensor, epochs[1 if is_head(key) else 3][key]), key
    assert not torch.equal(epochs[1]["heads.task.1.weight"], epochs[3]["heads.task.1.weight"])


def test_without_its_regulariser_adapter_fusion_learns_something_else(folder: Path, tmp_path: Path) -> None:
    run = spec(folder, "adapter_fusion", tmp_path / "corrected")
    train(run)
    train(replace(run, output=tmp_path / "off", switches=("regulariser_off",)))
    on, off = weights(tmp_path / "corrected"), weights(tmp_path / "off")
    assert on.keys() == off.keys()
    assert any(not torch.equal(on[key], off[key]) for key in on)


def test_the_pooled_head_has_one_layer_and_the_pooler_stays_as_it_was(folder: Path, tmp_path: Path) -> None:
    run = spec(folder, "scalearn", tmp_path / "run", "multiple_choice")
    train(replace(run, switches=("copa_pooled_head",)))
    shapes = {name: tuple(tensor.shape) for name, tensor in weights(tmp_path / "run").items() if is_head(name)}
    assert sorted(shapes.values()) == [(1,), (1, 32)]
    assert not any("pooler" in name for name in weights(tmp_path / "run"))


def test_switches_are_part_of_a_run_s_identity_only_when_on(folder: Path, tmp_path: Path, capsys: Any) -> None:
    run = spec(folder, "scalearn_pp", tmp_path / "run")
    train(run)
    assert "switches" not in json.loads((tmp_path / "run" / "run.json").read_text())
    train(replace(run, switches=("shared_omega_of_last_epoch",)))
    assert "this run is done" not in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "run.json").read_text())["switches"] == ["shared_omega_of_last_epoch"]


def test_no_gradient_reaches_the_frozen_masks_of_the_reference(folder: Path, tmp_path: Path) -> None:
    for name, epochs in (("one", 1), ("two", 2)):
        run = spec(folder, "propetl", tmp_path / name, epochs=epochs)
        train(replace(run, switches=("propetl_frozen_masks",)))
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    scores = {key for key in one if key.endswith("scores")}
    assert scores
    for key in one:
        assert torch.equal(one[key], two[key]) == (key in scores), key


def test_the_reference_s_ia3_is_another_function_of_as_many_parameters(folder: Path, tmp_path: Path) -> None:
    run = spec(folder, "ia3", tmp_path / "after")
    train(run)
    train(replace(run, output=tmp_path / "before", switches=("ia3_before_activation",)))
    after, before = (
        {key: tensor.numel() for key, tensor in weights(tmp_path / name).items()} for name in ("after", "before")
    )
    assert sum(after.values()) == sum(before.values())
    assert after.keys() != before.keys()


def test_values_of_a_switch_take_the_place_of_the_run_s(folder: Path) -> None:
    run = replace(spec(folder, "scalearn_c3", folder / "unused"), switches=("c3_is_c2",))
    assert (run.hyperparameters["omega_scale"], run.learner[1]["omega_scale"]) == (3.0, 2.0)


def test_a_run_of_the_reference_is_none_of_the_corrected_protocol(folder: Path, tmp_path: Path) -> None:
    corrected = spec(folder, "scalearn_pp", tmp_path / "run")
    reference = replace(corrected, switches=("shared_omega_of_last_epoch",))
    train(reference)
    assert reference.done and not corrected.done
