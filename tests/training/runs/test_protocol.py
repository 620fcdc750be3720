"""What the reference protocol does otherwise in a run, and that nothing of it happens unasked."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from scalearn.cli.by_hand import planned_by_hand
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.training.data.encode import encode
from scalearn.training.engine.model import is_head
from scalearn.training.runs.planned import PlannedRun
from scalearn.training.runs.run import train
from scalearn.training.runs.stacking import stack
from tests.tiny import make_model, make_task
from tests.training.interrupting import Killed, kill_after, scripted
from tests.training.planning import like
from tests.training.single import content
from tests.training.trainers import trainer_of, without_dropout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("protocol")
    model = make_model(root / "model", "roberta")
    for index, (name, kind) in enumerate({"mine": "classification", "copa": "multiple_choice"}.items()):
        task = make_task(root / "tasks" / name, kind, seed=index, built_in=name == "copa")
        encode(task, model, root / "encoded" / name)
        train(spec(root, "adapter", root / name, name))
    stack([root / "mine", root / "copa"], root / "sources.safetensors")
    return root


def spec(root: Path, method: str, output: Path, task: str = "mine", **changes: float) -> PlannedRun:
    values = (
        METHODS[method].defaults.but(**{"epochs": 2, "learning_rate": 5e-3, "batch_size": 16, **changes}).model_dump()
    )
    sources = root / "sources.safetensors" if METHODS[method].family == "two_stage" else None
    return planned_by_hand(
        method, root / "model", [root / "encoded" / task], output, benchmark="both", changed=values, sources=sources
    )


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "weights.safetensors")


def test_shared_coefficients_of_the_last_epoch_meet_the_head_of_the_best(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs = scripted([0.9, 0.5, 0.7, 0.6], monkeypatch)
    run = spec(folder, "scalearn_pp", tmp_path / "run", epochs=4)
    train(like(run, switches=("shared_omega_of_last_epoch",)))
    for key, tensor in weights(tmp_path / "run").items():
        assert torch.equal(tensor, epochs[1 if is_head(key) else 3][key]), key
    assert not torch.equal(epochs[1]["heads.task.1.weight"], epochs[3]["heads.task.1.weight"])


def test_without_its_regulariser_adapter_fusion_learns_something_else(folder: Path, tmp_path: Path) -> None:
    run = spec(folder, "adapter_fusion", tmp_path / "corrected")
    train(run)
    train(like(run, output=tmp_path / "off", switches=("regulariser_off",)))
    on, off = weights(tmp_path / "corrected"), weights(tmp_path / "off")
    assert on.keys() == off.keys()
    assert any(not torch.equal(on[key], off[key]) for key in on)


def test_the_pooled_head_has_one_layer_and_the_pooler_stays_as_it_was(folder: Path, tmp_path: Path) -> None:
    run = spec(folder, "scalearn", tmp_path / "run", "copa")
    train(like(run, switches=("copa_pooled_head",)))
    shapes = {name: tuple(tensor.shape) for name, tensor in weights(tmp_path / "run").items() if is_head(name)}
    assert sorted(shapes.values()) == [(1,), (1, 32)]
    assert not any("pooler" in name for name in weights(tmp_path / "run"))


def test_a_run_of_the_reference_is_another_run(folder: Path, tmp_path: Path) -> None:
    run = spec(folder, "scalearn_pp", tmp_path / "run")
    train(run)
    reference = like(run, switches=("shared_omega_of_last_epoch",))
    assert reference.spec.path != run.spec.path
    with pytest.raises(UserError, match=r"another run \(switches none, not \['shared_omega_of_last_epoch'\]\)"):
        train(reference)
    assert run.done


@pytest.mark.parametrize("switch", ["copa_pooled_head", "ia3_before_activation", "joint_sampler_seed"])
def test_a_switch_that_changes_nothing_in_the_run_is_refused(switch: str, folder: Path, tmp_path: Path) -> None:
    run = spec(folder, "scalearn", tmp_path / "run")
    with pytest.raises(ValueError, match=f"{switch}: it changes nothing in a run of 'scalearn' on mine; leave it out"):
        like(run, switches=(switch,))


class Masked(nn.Module):
    """A projection under a mask that is a constant, made by sorting."""

    def __init__(self, prototype: nn.Linear, scores: torch.Tensor) -> None:
        super().__init__()
        self.prototype = prototype
        least = sorted(scores.detach().abs().flatten().tolist())[scores.numel() // 2]
        self.mask = (scores.detach().abs() >= least).float()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs @ (self.prototype.weight * self.mask).T + self.prototype.bias


@pytest.mark.parametrize("rate", [None, 0.0])
def test_frozen_masks_do_not_count_in_the_norm_that_is_clipped(
    rate: float | None, folder: Path, tmp_path: Path
) -> None:
    """Of the first step: the norm of the other gradients, which a model with constant masks has, too.

    The reference's switch freezes them, and so does a rate of 0.
    """
    changes = {} if rate is None else {"mask_learning_rate": rate}
    run = spec(folder, "propetl", tmp_path / "run", epochs=1, batch_size=96, **changes)
    if rate is None:
        run = like(run, switches=("propetl_frozen_masks",))
    trainer = trainer_of(run)
    without_dropout(trainer.model)
    slow = deepcopy(trainer.model)
    trainer.train()
    norms = [entry["grad_norm"] for entry in trainer.state.log_history if "grad_norm" in entry]
    assert len(norms) == 1

    batch = next(iter(trainer.get_train_dataloader()))
    for layer in slow.roberta.encoder.layer:
        adapter = layer.output.adapters["task"]
        down, up = adapter.adapter_down[0], adapter.adapter_up
        adapter.adapter_down[0] = Masked(down.prototype, down.scores)
        adapter.adapter_up = Masked(up.prototype, up.scores)
    slow.train()(**batch).loss.backward()
    squares = [entry.grad.double().square().sum() for entry in slow.parameters() if entry.grad is not None]
    assert norms[0] == pytest.approx(float(torch.stack(squares).sum().sqrt()), rel=1e-5)

    trainer.model.zero_grad()
    trainer.training_step(trainer.model, batch)
    scores = [entry for name, entry in trainer.model.named_parameters() if name.endswith(".scores")]
    assert len(scores) == 4 and all(entry.grad is None for entry in scores)


def test_a_resumed_run_with_frozen_masks_equals_an_uninterrupted_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the optimizer has no state of the scores."""
    run = spec(folder, "propetl", tmp_path / "whole", mask_learning_rate=0)
    train(run)
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(Killed):
            train(replace(run, output=tmp_path / "killed"))
    train(replace(run, output=tmp_path / "killed"))
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_runs_with_frozen_masks_have_a_version_of_their_own(folder: Path, tmp_path: Path) -> None:
    """The default protocol's stay as they are."""
    run = spec(folder, "propetl", tmp_path / "run")
    versions = [
        made.spec.versions["method"]
        for made in (
            run,
            like(run, switches=("propetl_frozen_masks",)),
            spec(folder, "propetl", tmp_path / "run", mask_learning_rate=0),
        )
    ]
    assert versions == [3, 4, 4]


def test_no_gradient_reaches_the_frozen_masks_of_the_reference(folder: Path, tmp_path: Path) -> None:
    for name, epochs in (("one", 1), ("two", 2)):
        run = spec(folder, "propetl", tmp_path / name, epochs=epochs)
        train(like(run, switches=("propetl_frozen_masks",)))
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    scores = {key for key in one if key.endswith("scores")}
    assert scores
    for key in one:
        assert torch.equal(one[key], two[key]) == (key in scores), key


def test_the_reference_s_ia3_is_another_function_of_as_many_parameters(folder: Path, tmp_path: Path) -> None:
    run = spec(folder, "ia3", tmp_path / "after")
    train(run)
    train(like(run, output=tmp_path / "before", switches=("ia3_before_activation",)))
    after, before = (
        {key: tensor.numel() for key, tensor in weights(tmp_path / name).items()} for name in ("after", "before")
    )
    assert sum(after.values()) == sum(before.values())
    assert after.keys() != before.keys()


def test_values_of_a_switch_take_the_place_of_the_run_s(folder: Path) -> None:
    run = like(spec(folder, "scalearn", folder / "unused", omega_scale=3), switches=("c3_is_c2",))
    assert [values.model_dump()["omega_scale"] for values in (run.spec.values, run.spec.learner[1])] == [3.0, 2.0]
