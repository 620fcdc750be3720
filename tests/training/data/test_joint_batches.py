"""A joint run's batches: which task and which rows, by seed and number alone."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from scalearn.training.data.batches import EncodedSplit
from scalearn.training.data.encode import encode
from scalearn.training.data.joint_batches import FirstText, JointSplit, TaskBatches, sample_rows
from tests.tiny import ENCODERS, make_model, make_task
from tests.training.joint import KINDS, SIZES, split


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


def test_a_batch_holds_the_rows_of_its_task(joint_folder: Path) -> None:
    joint = JointSplit([split(joint_folder, name) for name in KINDS])
    assert len(joint) == sum(SIZES.values())
    batch = joint.__getitems__([(2, 5), (2, 7)])
    alone = split(joint_folder, "choice").__getitems__([5, 7])
    assert batch.pop("task") == 2
    assert all(torch.equal(batch[key], alone[key]) for key in alone)
    assert batch.keys() == alone.keys()


def test_some_rows_of_a_large_task(joint_folder: Path) -> None:
    whole = split(joint_folder, "classes")
    assert sample_rows(whole, 96, 0) is whole
    some, others = sample_rows(whole, 40, 0), sample_rows(whole, 40, 1)
    assert len(some) == len(set(some.order.tolist())) == 40
    assert some.order.tolist() != others.order.tolist()
    assert sample_rows(whole, 40, None).order.tolist() == list(range(40))
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
        for multiple in (1, 4):  # padding is that of the texts that are left
            batch, expected = cut.padded(multiple).__getitems__(rows), alone.padded(multiple).__getitems__(rows)
            assert all(torch.equal(batch[key], expected[key]) for key in expected)
