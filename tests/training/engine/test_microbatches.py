"""Microbatches: by length, and out of memory on the CPU or a (simulated) GPU; the gradient stays the same."""

from __future__ import annotations

import json
import math
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from scalearn.errors import UserError
from scalearn.storage.files import read_json
from scalearn.training.data.batches import EncodedSplit, eval_loader, microbatch_sizes
from scalearn.training.engine.microbatches import (
    EVAL_BATCH_SIZE,
    MICROBATCH_COST,
    TOKEN_TENSORS,
    EpochLoss,
    MicrobatchTrainer,
    split_batch,
)
from scalearn.training.engine.trainer import RunTrainer
from scalearn.training.runs.run import train
from tests.training.single import content, spec
from tests.training.trainers import trainer_of, without_dropout

FULL = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "driver": torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be reported later."),
    "cpu": RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
}


def room_for(monkeypatch: pytest.MonkeyPatch, rows: int, error: Exception, predicting: bool = False) -> None:
    """Let the model hold so many rows at a time in training (or in evaluation), and no more."""
    original = RunTrainer.compute_loss

    def compute_loss(self: Any, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
        if model.training != predicting and len(inputs["labels"]) > rows:
            raise error
        return original(self, model, inputs, *rest, **named)

    monkeypatch.setattr(RunTrainer, "compute_loss", compute_loss)


def gradients(trainer: Any, batch: Any) -> dict[str, torch.Tensor]:
    trainer.model.zero_grad()
    torch.manual_seed(5)
    trainer.training_step(trainer.model, batch)
    return {name: p.grad.clone() for name, p in trainer.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("rows", [16, 7, 1])
@pytest.mark.parametrize("name", ["adapter", "scalearn", "scalearn_pp", "adapter_fusion"])
def test_the_gradient_of_the_microbatches_is_that_of_the_batch(
    name: str, rows: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In double precision and without dropout of activations: equal up to rounding, regularisation counted once.

    Omega's mask stays on: it is one for all microbatches.
    """
    trainer = trainer_of(spec(folder, name, tmp_path))
    without_dropout(trainer.model.double())
    batch = trainer.train_dataset.__getitems__(list(range(rows)))
    monkeypatch.setattr(MicrobatchTrainer, "microbatch_cost", math.inf)
    whole = gradients(trainer, batch)
    assert whole
    for microbatches, cost in ((2, math.inf), (3, MICROBATCH_COST), (8, math.inf), (1, 1)):
        monkeypatch.setattr(MicrobatchTrainer, "microbatch_cost", cost)
        trainer.microbatches = microbatches
        split = gradients(trainer, batch)
        assert split.keys() == whole.keys()
        for key, gradient in whole.items():
            torch.testing.assert_close(split[key], gradient, rtol=1e-9, atol=1e-12)


def test_the_loss_of_an_epoch_goes_on_from_a_checkpoint() -> None:
    """In double precision. `totals` is what checkpoints have, those of earlier versions, too: the sum and the steps."""
    losses, whole, first, resumed = torch.rand(50), EpochLoss(), EpochLoss(), EpochLoss()
    for loss in losses:
        whole.add(loss)
    for loss in losses[:20]:
        first.add(loss)
    stored = first.totals
    assert (stored.dtype, stored.shape, stored[1].item()) == (torch.float64, (2,), 20)
    resumed.totals = stored
    for loss in losses[20:]:
        resumed.add(loss)
    assert stored.tolist() == first.totals.tolist()  # they share no memory
    assert resumed.totals.tolist() == whole.totals.tolist() == [sum(losses.tolist()), 50]
    assert resumed.pop_mean() == whole.pop_mean() == sum(losses.tolist()) / 50
    resumed.add(losses[0])
    assert resumed.pop_mean() == losses[0].item()
    assert math.isnan(resumed.pop_mean())


def test_microbatches_are_sorted_and_hold_no_needless_padding(folder: Path) -> None:
    encoding = read_json(folder / "encoded/first/encoding.json")
    batch = EncodedSplit(folder / "encoded/first/train.arrow", encoding).__getitems__(list(range(30)))
    found = list(split_batch({**batch, "task": 3}, 8, math.inf))
    assert [len(part["labels"]) for part in found] == [8, 8, 8, 6]
    lengths = [part["attention_mask"].sum(-1) for part in found]
    assert (torch.cat(lengths).diff() <= 0).all()
    for part, length in zip(found, lengths, strict=True):
        assert part["task"] == 3
        assert {part[key].shape[-1] for key in TOKEN_TENSORS} == {int(length.max())}
    rows = {
        (tuple(ids[ids != 0].tolist()), int(label))
        for ids, label in zip(batch["input_ids"], batch["labels"], strict=True)
    }
    again = {
        (tuple(ids[ids != 0].tolist()), int(label))
        for part in found
        for ids, label in zip(part["input_ids"], part["labels"], strict=True)
    }
    assert rows == again


def test_microbatches_of_a_multiple_choice_keep_its_choices_together() -> None:
    mask = torch.tensor([[[1, 0, 0], [1, 1, 0]], [[1, 1, 1], [1, 0, 0]], [[1, 0, 0], [1, 0, 0]]])
    batch = {"input_ids": torch.arange(18).reshape(3, 2, 3), "attention_mask": mask, "labels": torch.tensor([0, 1, 2])}
    found = list(split_batch(batch, 1, math.inf))
    assert [part["labels"].tolist() for part in found] == [[1], [0], [2]]
    assert [tuple(part["input_ids"].shape) for part in found] == [(1, 2, 3), (1, 2, 2), (1, 2, 1)]


def total(lengths: list[int], rows: tuple[int, ...], cost: float) -> float:
    starts = [sum(rows[:place]) for place in range(len(rows))]
    return sum(size * lengths[start] + cost for start, size in zip(starts, rows, strict=True))


@pytest.mark.parametrize("cost", [0, 1, 6, 50])
@pytest.mark.parametrize("most", [3, 9])
def test_no_way_to_cut_costs_less(cost: float, most: int) -> None:
    for lengths in ([9, 9, 8, 3, 3, 3, 2, 1, 1], [5] * 9, [30, 4, 4, 4, 4, 4, 4, 1, 1]):
        cuts = [cut for count in range(9) for cut in combinations(range(1, 9), count)]
        every = [tuple(b - a for a, b in zip((0, *cut), (*cut, 9), strict=True)) for cut in cuts]
        least = min(total(lengths, rows, cost) for rows in every if max(rows) <= most)
        found = tuple(microbatch_sizes(lengths, most, cost))
        assert sum(found) == 9 and max(found) <= most
        assert total(lengths, found, cost) == least


def test_a_batch_is_cut_where_that_saves_more_tokens_than_a_microbatch_costs() -> None:
    assert microbatch_sizes([40] * 4 + [10] * 28, 32, MICROBATCH_COST) == [4, 28]
    assert microbatch_sizes([11] * 16 + [10] * 16, 32, MICROBATCH_COST) == [32]
    assert microbatch_sizes([40] * 4 + [10] * 28, 32, math.inf) == [32]


@pytest.mark.parametrize(("gpu", "many"), [(False, True), (True, False)])
def test_batches_are_cut_on_a_cpu_alone(
    gpu: bool, many: bool, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, seen = trainer_of(spec(folder, "adapter", tmp_path, batch_size=32)), []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(trainer, "forward", lambda model, inputs: seen.append(inputs) or model(**inputs))
    trainer._step_in_microbatches(trainer.model, trainer.train_dataset.__getitems__(list(range(32))))
    assert (len(seen) > 1) == many


@pytest.mark.parametrize("device", FULL)
def test_a_batch_that_does_not_fit_is_split_until_it_does(
    device: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        room_for(patch, 4, FULL[device])
        train(spec(folder, "adapter", tmp_path / "run", length_buckets=1))
    printed = capsys.readouterr().out
    assert all(f"at least {number} microbatches" in printed for number in (2, 4)) and "at least 8 micro" not in printed
    assert json.loads((tmp_path / "run/run.json").read_text())["spec"]["hyperparameters"]["batch_size"] == 16


def test_one_row_that_does_not_fit_ends_the_run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room_for(monkeypatch, 0, FULL["cuda"])
    with pytest.raises(UserError, match=r"out of memory with one row at a time.*max_length"):
        train(spec(folder, "adapter", tmp_path / "run"))
    assert not (tmp_path / "run/run.json").exists()


def test_evaluation_takes_fewer_rows_and_finds_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(spec(folder, "adapter", tmp_path / "whole"))
    room_for(monkeypatch, 16, FULL["cpu"], predicting=True)
    train(spec(folder, "adapter", tmp_path / "run"))
    assert "evaluation takes 16 rows at a time" in capsys.readouterr().out
    assert content(tmp_path / "run")["weights.safetensors"] == content(tmp_path / "whole")["weights.safetensors"]


def test_evaluation_takes_many_rows_of_like_length_and_no_gradients(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, seen = trainer_of(spec(folder, "adapter", tmp_path)), []

    def forward(model: Any, inputs: Any) -> Any:
        seen.append(inputs["input_ids"].shape)
        found = model(**inputs)
        assert not found.logits.requires_grad
        return found

    monkeypatch.setattr(trainer, "forward", forward)
    found = trainer.evaluate()["eval_loss"]
    assert len(trainer.eval_dataset) == 32 < EVAL_BATCH_SIZE
    assert sum(rows for rows, _ in seen) == 32 and len(seen) > 1
    assert all(length > after for (_, length), (_, after) in pairwise(seen))
    (whole,) = eval_loader(trainer.eval_dataset, EVAL_BATCH_SIZE, math.inf)
    with torch.no_grad():
        assert trainer.model(**whole).loss.item() == pytest.approx(found, rel=1e-5)  # the rows' mean
    assert whole["labels"].tolist() == trainer.eval_dataset.labels.tolist()


def test_another_error_is_not_taken_for_it(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room_for(monkeypatch, 4, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train(spec(folder, "adapter", tmp_path / "run"))
