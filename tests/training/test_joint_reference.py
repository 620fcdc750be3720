"""What the reference does otherwise in joint runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from scalearn.methods import METHODS
from scalearn.protocol import Joint
from scalearn.training import joint as joint_module
from scalearn.training.joint import JointSpec
from scalearn.training.joint_batches import FirstText
from tests.training.test_joint import KINDS, folder, spec

__all__ = ["folder"]


def made(root: Path, output: Path, *switches: str, method: str = "adapter_m", **changes: float) -> Any:
    """Return the trainer of a run with these switches, untrained."""
    asked = replace(spec(root, output, method, **changes), switches=switches)
    return joint_module._trainer(asked, asked.record())


def test_the_reference_s_sampler_knows_no_seed(folder: Path, tmp_path: Path) -> None:
    asked = replace(spec(folder, tmp_path), seed=7)
    own = joint_module._trainer(asked, asked.record())._batches
    reference = replace(asked, switches=("joint_sampler_seed",))
    assert own.seed == 7
    assert joint_module._trainer(reference, reference.record())._batches.seed == 0


def test_the_reference_s_heads_of_multiple_choice(folder: Path, tmp_path: Path) -> None:
    head = dict(made(folder, tmp_path, "copa_one_layer_head").model.heads["choice"].named_parameters())
    assert [tuple(value.shape) for value in head.values()] == [(1, 32), (1,)]
    pooled = made(folder, tmp_path, "copa_pooled_head", method="full_finetuning_m").model
    assert pooled.heads["choice"].config["use_pooler"]
    assert all(value.requires_grad for value in pooled.base_model.pooler.parameters())
    assert not made(folder, tmp_path, method="full_finetuning_m").model.heads["choice"].config["use_pooler"]


def test_the_reference_s_masks_are_tied(folder: Path, tmp_path: Path) -> None:
    adapters = [
        layer.output.adapters["task"]
        for layer in made(folder, tmp_path, "propetl_m_tied_masks", method="propetl_m").model.bert.encoder.layer
    ]
    assert adapters[0].adapter_up.layer_scores is adapters[0].adapter_up.task_scores[3]
    assert adapters[1].adapter_up.layer_scores is not adapters[1].adapter_up.task_scores[3]


def test_what_the_reference_does_to_wic_and_record(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(joint_module, "RECORD", "classes")
    corrected = made(folder, tmp_path, record_rows=30)
    assert [len(part) for part in corrected.train_dataset.splits] == [30, 48, 64, 32]
    assert corrected.train_dataset.splits[0].order.tolist() != list(range(30))
    assert corrected.selected == set(KINDS)
    rules = Joint(first_text=("number",), unselected=("classes",), first_rows=True)
    method = METHODS["adapter_m"]
    monkeypatch.setattr(JointSpec, "learner", property(lambda self: (method, rules, False)))
    reference = made(folder, tmp_path, record_rows=30)
    assert reference.train_dataset.splits[0].order.tolist() == list(range(30))
    assert reference.selected == {"number", "choice", "many"}
    assert isinstance(reference.train_dataset.splits[1], FirstText)
    assert isinstance(reference.validation["number"], FirstText)
    assert reference.train_dataset.splits[1].lengths.max() < corrected.train_dataset.splits[1].lengths.max()
