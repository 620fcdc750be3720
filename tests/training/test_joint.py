"""A joint run: its batches, its rounds, what each task gets of it, and that a kill changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.protocol import Joint
from scalearn.results.scores import score_run
from scalearn.training import joint as joint_module
from scalearn.training.batches import EncodedSplit
from scalearn.training.encode import encode
from scalearn.training.joint import JointSpec, train
from scalearn.training.joint_batches import FirstText, JointSplit, TaskBatches, drawn
from scalearn.training.joint_trainer import JointTrainer, rounds
from scalearn.training.outputs import write_predictions
from tests.methods.cases import JOINT
from tests.tiny import ENCODERS, make_model, make_task
from tests.training.test_run import Killed, kill_after

KINDS = {"classes": "classification", "number": "regression", "choice": "multiple_choice", "many": "multi_label"}
SIZES = {"classes": 96, "number": 48, "choice": 64, "many": 32}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("joint")
    model = make_model(root / "model")
    for seed, (name, kind) in enumerate(KINDS.items()):
        encode(make_task(root / "tasks" / name, kind, SIZES[name], seed), model, root / "encoded" / name)
    return root


def spec(root: Path, output: Path, method: str = "adapter_m", **changes: float) -> JointSpec:
    values = {**METHODS[method].defaults, "epochs": 2, "learning_rate": 5e-3, "batch_size": 16, **changes}
    data = tuple(root / "encoded" / name for name in KINDS)
    return JointSpec(method, "all", 0, values, root / "model", data, output)


def content(output: Path) -> dict[str, bytes]:
    files = sorted(path for path in output.rglob("*") if path.is_file())
    return {
        str(path.relative_to(output)): path.read_bytes() for path in files if path.name not in ("timing.json", ".lock")
    }


def split(root: Path, name: str, part: str = "train") -> EncodedSplit:
    encoding = json.loads((root / "encoded" / name / "encoding.json").read_text())
    return EncodedSplit(root / "encoded" / name / f"{part}.arrow", encoding)


# ---------------------------------------------------------------------- batches


@pytest.mark.parametrize("temperature", [1.0, 2.0, 10.0])
def test_tasks_are_drawn_in_proportion_to_their_size(temperature: float) -> None:
    sizes = [1000, 100, 10]
    batches = TaskBatches(sizes, 4, 5000, temperature, seed=1)
    counts = Counter(rows[0][0] for rows in batches)
    total = sum(size ** (1 / temperature) for size in sizes)
    for task, size in enumerate(sizes):
        share = size ** (1 / temperature) / total
        assert abs(counts[task] / 5000 - share) < 4 * (share * (1 - share) / 5000) ** 0.5


def test_a_batch_is_of_one_task_and_its_rows_are_drawn_uniformly_with_replacement() -> None:
    drawn_rows = []
    for rows in TaskBatches([8, 3], 16, 1500, 1.0, seed=0):
        assert len(rows) == 16
        assert len({task for task, _ in rows}) == 1
        drawn_rows += [row for task, row in rows if task == 0]
    shares = np.bincount(drawn_rows, minlength=8) / len(drawn_rows)
    assert len(shares) == 8
    assert np.abs(shares - 1 / 8).max() < 0.01


def test_a_batch_follows_from_the_seed_and_its_number_alone() -> None:
    def listed(seed: int, batches: int, number: int) -> list[Any]:
        sampler = TaskBatches([50, 20], 4, batches, 1.0, seed)
        found = []
        for sampler.round in range(number):
            found += list(sampler)
        return found

    assert listed(3, 10, 4) == listed(3, 40, 1) == listed(3, 5, 8)
    assert listed(3, 10, 4) != listed(4, 10, 4)
    assert len({str(batch) for batch in listed(3, 40, 1)}) > 30


def test_a_batch_holds_the_rows_of_its_task(folder: Path) -> None:
    joint = JointSplit([split(folder, name) for name in KINDS])
    assert len(joint) == sum(SIZES.values())
    batch = joint.__getitems__([(2, 5), (2, 7)])
    alone = split(folder, "choice").__getitems__([5, 7])
    assert batch.pop("task") == 2
    assert all(torch.equal(batch[key], alone[key]) for key in alone)
    assert batch.keys() == alone.keys()


def test_some_rows_of_a_large_task(folder: Path) -> None:
    whole = split(folder, "classes")
    assert drawn(whole, 96, 0) is whole
    some, others = drawn(whole, 40, 0), drawn(whole, 40, 1)
    assert len(some) == len(set(some.order.tolist())) == 40
    assert some.order.tolist() != others.order.tolist()
    assert drawn(whole, 40, None).order.tolist() == list(range(40))
    batch, same = some.__getitems__([3]), whole.__getitems__([int(some.order[3])])
    assert all(torch.equal(batch[key], same[key]) for key in batch)


@pytest.mark.parametrize("kind", ENCODERS)
def test_first_texts_end_with_their_separator(kind: str, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model", kind)
    encode(make_task(tmp_path / "pairs"), model, tmp_path / "encoded")
    single = tmp_path / "single"
    make_task(single)
    for part in ("train", "validation", "test"):
        table = pq.read_table(single / f"{part}.parquet")
        pq.write_table(table.drop_columns("text2"), single / f"{part}.parquet")
    info = json.loads((single / "task.json").read_text())
    (single / "task.json").write_text(json.dumps({**info, "texts": ["text1"]}))
    encode(single, model, tmp_path / "alone")
    encodings = [json.loads((tmp_path / name / "encoding.json").read_text()) for name in ("encoded", "alone")]
    cut = FirstText(tmp_path / "encoded" / "train.arrow", encodings[0], separator=3).sorted_by_length()
    alone = EncodedSplit(tmp_path / "alone" / "train.arrow", encodings[1]).take(cut.order)
    assert cut.lengths.tolist() == alone.lengths.tolist()
    for rows in ([0, 1, 2], [95, 40]):
        batch, expected = cut.__getitems__(rows), alone.__getitems__(rows)
        assert all(torch.equal(batch[key], expected[key]) for key in expected)


# ---------------------------------------------------------------------- rounds


@pytest.mark.parametrize(
    ("rows", "changes", "expected"),
    [
        (854_185, {}, (50, 7500)),  # GLUE, SuperGLUE and HumSet of the paper: 375,000 steps
        (141_941, {}, (50, 7500)),
        (587_175, {}, (50, 7500)),
        (3_000, {}, (100, 94)),  # a short training is evaluated after each pass
        (30_000, {}, (12, 7500)),  # 93,800 batches, of which whole rounds
        (854_185, {"max_steps": 60_000}, (8, 7500)),  # a pass has more
        (3_000, {"epochs": 5}, (5, 94)),
        (3_000, {"max_steps": 40}, (1, 40)),
        (10, {"epochs": 3}, (3, 1)),
    ],
)
def test_rounds(rows: int, changes: dict[str, float], expected: tuple[int, int]) -> None:
    assert rounds(rows, {**METHODS["adapter_m"].defaults, **changes}) == expected


def test_the_best_round_has_the_lowest_mean_of_the_selected_losses(folder: Path, tmp_path: Path) -> None:
    train(spec(folder, tmp_path / "run", epochs=4))
    history = pq.read_table(tmp_path / "run" / "history.parquet").to_pylist()
    assert [row["round"] for row in history] == [1, 2, 3, 4]
    for row in history:
        assert row["eval_loss"] == pytest.approx(mean(row[f"eval_{name}_loss"] for name in KINDS))
    best = min(history, key=lambda row: row["eval_loss"])["round"]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["training"]["best_epoch"] == best
    assert record["training"]["steps"] == 4 * 15


def test_losses_are_those_of_each_task_alone(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last round's validation losses, from its weights and each task's head, task by task."""
    kept: dict[str, Any] = {}

    def keep(self: JointTrainer) -> None:
        if kept:  # called twice; the second time the best round's weights are there
            return
        (*_, last) = (entry for entry in self.state.log_history if "eval_loss" in entry)
        kept["losses"] = {name: last[f"eval_{name}_loss"] for name in KINDS}
        self.model.eval()
        for name, rows in self.validation.items():
            with torch.no_grad():
                found = [self.model(**rows.__getitems__([row]), head=name).loss.item() for row in range(len(rows))]
            kept[name] = mean(found)

    monkeypatch.setattr(JointTrainer, "_load_best_model", keep)
    train(spec(folder, tmp_path / "run"))
    for name in KINDS:
        assert kept["losses"][name] == pytest.approx(kept[name], rel=1e-4)


# ---------------------------------------------------------------------- runs


@pytest.mark.parametrize("method", JOINT)
def test_a_resumed_run_equals_an_uninterrupted_one(
    method: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(spec(folder, tmp_path / "whole", method))
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(Killed):
            train(spec(folder, tmp_path / "killed", method))
    (tmp_path / "killed" / ".tasks.half").mkdir()  # as a kill while tasks/ is written leaves it
    (tmp_path / "killed" / ".tasks.half" / "part").touch()
    (tmp_path / "killed" / ".history.parquet.half").touch()
    train(spec(folder, tmp_path / "killed", method))
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert not (tmp_path / "killed" / "checkpoints").exists()


@pytest.mark.parametrize("place", range(len(KINDS)))
def test_a_run_killed_after_its_training_equals_an_uninterrupted_one(
    place: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it writes what each task gets: the training, which had ended, is not done again."""
    train(spec(folder, tmp_path / "whole", "hyperformer_pp", epochs=1))
    written: list[Path] = []

    def write(path: Path, *arguments: Any) -> None:
        if len(written) == place:
            raise Killed
        written.append(path)
        write_predictions(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(joint_module, "write_predictions", write)
        with pytest.raises(Killed):
            train(spec(folder, tmp_path / "killed", "hyperformer_pp", epochs=1))
    assert not (tmp_path / "killed" / "run.json").exists()
    monkeypatch.setattr(JointTrainer, "training_step", lambda *_: pytest.fail("it trains again"))
    train(spec(folder, tmp_path / "killed", "hyperformer_pp", epochs=1))
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_each_task_is_scored_from_its_part(folder: Path, tmp_path: Path) -> None:
    train(spec(folder, tmp_path / "run"))
    whole = json.loads((tmp_path / "run" / "run.json").read_text())
    heads = 0
    for name, kind in KINDS.items():
        output = tmp_path / "scores" / f"{name}.json"
        record = score_run(tmp_path / "run" / "tasks" / name, output=output)
        assert output.is_file()
        assert record.identity.run.path == f"model/adapter_m/all/{name}/full/0"
        assert record.cost.trainable_parameters == whole["parameters"]["trainable"]
        heads += record.cost.head_parameters
        predictions = pq.read_table(tmp_path / "run" / "tasks" / name / "predictions.parquet")
        assert len(predictions) == len(split(folder, name, "test"))
        assert kind != "multiple_choice" or len(predictions["logits"][0]) == 2
    assert heads == whole["parameters"]["head"]


def test_predictions_come_from_the_task_s_own_head(folder: Path, tmp_path: Path) -> None:
    """Weights of the run in a fresh model, row by row."""
    made = spec(folder, tmp_path / "run", "hyperformer")
    train(made)
    trainer = joint_module._trainer(replace(made, seed=5), made.record())
    tensors = load_file(tmp_path / "run" / "weights.safetensors")
    missing = trainer.model.load_state_dict(tensors, strict=False).unexpected_keys
    assert missing == []
    trainer.model.eval()
    for index, name in enumerate(KINDS):
        trainer.current.index = index
        rows = split(folder, name, "test")
        predictions = pq.read_table(tmp_path / "run" / "tasks" / name / "predictions.parquet")
        with torch.no_grad():
            found = trainer.model.cpu()(**rows.__getitems__([0, 9]), head=name).logits
        expected = torch.tensor([predictions["logits"][row].as_py() for row in (0, 9)])
        torch.testing.assert_close(found.view_as(expected), expected, rtol=1e-4, atol=1e-5)


def test_a_finished_run_is_left_alone_unless_it_is_damaged(folder: Path, tmp_path: Path, capsys: Any) -> None:
    train(spec(folder, tmp_path / "run"))
    before = content(tmp_path / "run")
    capsys.readouterr()
    train(spec(folder, tmp_path / "run"))
    assert "this run is done" in capsys.readouterr().out
    (tmp_path / "run" / "tasks" / "many" / "predictions.parquet").unlink()
    train(spec(folder, tmp_path / "run"))
    assert content(tmp_path / "run") == before


def test_a_single_method_and_a_task_twice_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a joint one; use `scalearn train`"):
        train(replace(spec(folder, tmp_path / "run"), method="adapter"))
    data = (folder / "encoded" / "many",) * 2
    with pytest.raises(UserError, match="many, many; name each once"):
        train(replace(spec(folder, tmp_path / "run"), data=data))


def test_a_task_s_name_that_no_head_can_have_is_refused(folder: Path, tmp_path: Path) -> None:
    encode(make_task(tmp_path / "keys"), folder / "model", tmp_path / "encoded")
    data = (folder / "encoded" / "many", tmp_path / "encoded")
    with pytest.raises(UserError, match="task 'keys': torch keeps this name"):
        train(replace(spec(folder, tmp_path / "run"), data=data))


# ---------------------------------------------------------------------- the reference


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
