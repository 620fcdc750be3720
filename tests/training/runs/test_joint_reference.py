"""What the reference does otherwise in joint runs, and that it does so to the built-in tasks alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scalearn.cli.by_hand import planned_by_hand
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.training.data.encode import encode
from scalearn.training.data.joint_batches import FirstText
from scalearn.training.runs import joint as joint_module
from scalearn.training.runs.planned import PlannedRun
from tests.tiny import make_model, make_task
from tests.training.planning import like

NAMES = {"mine": "multiple_choice", "wic": "classification", "copa": "multiple_choice", "record": "candidates"}
RECORD = ("joint_record_not_selected", "joint_record_first_rows")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tasks with the names of built-in ones, which are built in and which are not."""
    root = tmp_path_factory.mktemp("reference")
    model = make_model(root / "model")
    for whose in ("paper", "own"):
        for seed, (name, kind) in enumerate(NAMES.items()):
            task = make_task(
                root / "tasks" / whose / name, kind, seed=seed, built_in=whose == "paper" and name != "mine"
            )
            encode(task, model, root / whose / name)
    return root


def spec(root: Path, *switches: str, whose: str = "paper", method: str = "adapter_m", **changes: float) -> PlannedRun:
    values = METHODS[method].defaults.but(**{"epochs": 2, "batch_size": 16, **changes}).model_dump()
    data = tuple(root / whose / name for name in NAMES)
    return planned_by_hand(
        method, root / "model", data, root / "unused", benchmark="all", changed=values, switches=switches
    )


def made(root: Path, *switches: str, **changes: Any) -> Any:
    """Return the trainer of a run with these switches, untrained."""
    asked = spec(root, *switches, **changes)
    return joint_module._trainer(asked, asked.record())


def head(trainer: Any, name: str) -> list[tuple[int, ...]]:
    return [tuple(value.shape) for value in trainer.model.heads[name].parameters()]


ONE_LAYER, TWO_LAYERS = [(1, 32), (1,)], [(32, 32), (32,), (1, 32), (1,)]


def test_the_reference_s_sampler_knows_no_seed(folder: Path) -> None:
    asked = like(spec(folder), seed=7)
    own = joint_module._trainer(asked, asked.record()).get_train_dataloader().batch_sampler
    reference = like(asked, switches=("joint_sampler_seed",))
    assert own.seed == 7
    assert joint_module._trainer(reference, reference.record()).get_train_dataloader().batch_sampler.seed == 0


def test_the_reference_s_head_of_copa(folder: Path) -> None:
    trainer = made(folder, "copa_one_layer_head")
    assert (head(trainer, "copa"), head(trainer, "mine")) == (ONE_LAYER, TWO_LAYERS)
    pooled = made(folder, "copa_pooled_head", method="full_finetuning_m")
    assert (head(pooled, "copa"), head(pooled, "mine")) == (ONE_LAYER, TWO_LAYERS)
    assert [pooled.model.heads[name].config["use_pooler"] for name in NAMES] == [False, False, True, False]
    assert all(value.requires_grad for value in pooled.model.base_model.pooler.parameters())
    assert head(made(folder, method="full_finetuning_m"), "copa") == TWO_LAYERS


def test_the_reference_s_masks_are_tied(folder: Path) -> None:
    adapters = [
        layer.output.adapters["task"]
        for layer in made(folder, "propetl_m_tied_masks", method="propetl_m").model.bert.encoder.layer
    ]
    assert adapters[0].adapter_up.layer_scores is adapters[0].adapter_up.task_scores[3]
    assert adapters[1].adapter_up.layer_scores is not adapters[1].adapter_up.task_scores[3]


def test_what_the_reference_does_to_wic_and_record(folder: Path) -> None:
    corrected = made(folder, record_rows=30)
    assert [len(part) for part in corrected.train_dataset.splits] == [96, 96, 96, 30]
    assert corrected.train_dataset.splits[3].order.tolist() != list(range(30))
    assert corrected.validation.selected == set(NAMES)
    reference = made(folder, "joint_wic_first_sentence", *RECORD, record_rows=30)
    assert reference.train_dataset.splits[3].order.tolist() == list(range(30))
    assert reference.validation.selected == {"mine", "wic", "copa"}
    assert isinstance(reference.train_dataset.splits[1], FirstText)
    assert isinstance(reference.validation.splits["wic"], FirstText)
    assert reference.train_dataset.splits[1].lengths.max() < corrected.train_dataset.splits[1].lengths.max()


# ---------------------------------------------------------------------- a task of one's own of the same name


def test_all_rows_of_a_record_of_one_s_own_train(folder: Path) -> None:
    own = made(folder, whose="own", record_rows=30)
    assert [len(part) for part in own.train_dataset.splits] == [96] * 4
    assert own.validation.selected == set(NAMES)
    assert not any(isinstance(part, FirstText) for part in (*own.train_dataset.splits, *own.validation.splits.values()))


def test_its_runs_are_none_of_the_built_in_record_though_the_rows_are_the_same(folder: Path) -> None:
    paper, own = spec(folder).record(), spec(folder, whose="own").record()
    assert own == {**paper, "own": ["record"]}


@pytest.mark.parametrize(
    "switch", ["joint_wic_first_sentence", "copa_one_layer_head", "joint_record_not_selected", RECORD[1]]
)
def test_a_switch_for_a_built_in_task_is_refused_where_there_is_none(switch: str, folder: Path) -> None:
    with pytest.raises(
        UserError, match=f"--difference {switch}: it changes nothing in a run of 'adapter_m' on mine, wic"
    ):
        spec(folder, switch, whose="own").record()


def test_data_that_do_not_say_whose_record_it_is_are_encoded_again(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "record").mkdir()
    content = json.loads((folder / "paper/record/encoding.json").read_text())
    older = {key: value for key, value in content.items() if key not in ("built_in", "checksum")}
    (tmp_path / "record/encoding.json").write_text(json.dumps(older))
    run = planned_by_hand(
        "adapter_m", folder / "model", (folder / "paper/wic", tmp_path / "record"), tmp_path / "unused"
    )
    with pytest.raises(UserError, match=r"it does not say whether this is the built-in task 'record'; encode"):
        run.record()
