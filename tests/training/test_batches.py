"""Encoded data and batches: what the tokenizer gives, padded to the longest row, every row once an epoch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoTokenizer

from scalearn.errors import UserError
from scalearn.training import encode as encode_module
from scalearn.training.batches import EncodedSplit, LengthBuckets, TrainLoader
from scalearn.training.encode import encode
from tests.tiny import make_model, make_task


@pytest.fixture(params=["bert", "roberta"])
def encoded(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(encode_module, "ROWS_AT_ONCE", 40)  # several record batches
    encode(make_task(tmp_path / "task"), make_model(tmp_path / "model", request.param), tmp_path / "encoded")
    return tmp_path


def split_of(root: Path, name: str) -> EncodedSplit:
    encoding = json.loads((root / "encoded" / "encoding.json").read_text())
    return EncodedSplit(root / "encoded" / f"{name}.arrow", encoding)


def test_a_batch_is_what_the_tokenizer_gives(encoded: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(encoded / "model")
    rows = pq.read_table(encoded / "task" / "train.parquet").to_pydict()
    picked = [3, 95, 41, 40, 39, 0]
    expected = tokenizer(
        [rows["text1"][row] for row in picked],
        [rows["text2"][row] for row in picked],
        truncation=True,
        max_length=32,
        padding=True,
        return_tensors="pt",
    )
    batch = split_of(encoded, "train").__getitems__(picked)
    assert batch.pop("labels").tolist() == [rows["label"][row] for row in picked]
    assert batch.keys() == expected.keys()
    for key, tensor in batch.items():
        assert torch.equal(tensor, expected[key]), key


def test_texts_are_truncated_to_the_tasks_length(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    info = json.loads((task / "task.json").read_text()) | {"max_length": 8}
    (task / "task.json").write_text(json.dumps(info))
    encode(task, make_model(tmp_path / "model"), tmp_path / "encoded")
    assert split_of(tmp_path, "train").lengths.max() == 8


def test_every_row_comes_once_an_epoch_in_an_order_of_seed_and_epoch(encoded: Path) -> None:
    split = split_of(encoded, "train")

    def epoch(seed: int, number: int) -> list[list[int]]:
        buckets = LengthBuckets(split.lengths, 16, seed)
        buckets.epoch = number
        return list(buckets)

    assert sorted(row for rows in epoch(0, 0) for row in rows) == list(range(96))
    assert epoch(0, 0) == epoch(0, 0)
    assert epoch(0, 0) != epoch(0, 1)
    assert epoch(0, 0) != epoch(1, 0)


def test_buckets_pad_less_than_random_batches() -> None:
    lengths = np.random.default_rng(0).integers(5, 128, 4000)

    def padding(batches: list[list[int]]) -> int:
        return sum(int(lengths[rows].max() * len(rows) - lengths[rows].sum()) for rows in batches)

    shuffled = np.random.default_rng(1).permutation(4000).reshape(-1, 32).tolist()
    assert padding(list(LengthBuckets(lengths, 32, 0))) < 0.1 * padding(shuffled)


def test_the_loader_follows_set_epoch_and_leaves_torchs_generator_alone(encoded: Path) -> None:
    split = split_of(encoded, "train")
    loader = TrainLoader(split, 16, seed=0)
    state = torch.random.get_rng_state()
    first = [batch["labels"].tolist() for batch in loader]
    loader.set_epoch(1)
    second = [batch["labels"].tolist() for batch in loader]
    assert first != second
    assert len(first) == len(loader) == 6
    assert torch.equal(state, torch.random.get_rng_state())


def test_sorting_by_length_keeps_rows_and_labels_together(encoded: Path) -> None:
    path = encoded / "encoded" / "test.arrow"
    split = split_of(encoded, "test")
    ordered = split.sorted_by_length(path)
    assert (np.diff(ordered.lengths) <= 0).all()
    for place in (0, 7, 31):
        row = int(ordered.order[place])
        assert torch.equal(ordered.__getitems__([place])["input_ids"], split.__getitems__([row])["input_ids"])
        assert ordered.labels[place] == split.labels[row]
        assert ordered.parts[place] == split.parts[row]


def test_encoding_twice_gives_the_same_bytes(encoded: Path) -> None:
    before = {path.name: path.read_bytes() for path in (encoded / "encoded").iterdir()}
    encode(encoded / "task", encoded / "model", encoded / "encoded")
    assert {path.name: path.read_bytes() for path in (encoded / "encoded").iterdir()} == before


@pytest.mark.parametrize(
    ("label", "sentence"),
    [(2, "row 46: label 2 must be an index from 0 to 1"), (None, "row 46: label None must be"), (-1, "label -1")],
)
def test_a_label_outside_the_set_is_refused_by_its_row(
    label: int | None, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode_module, "ROWS_AT_ONCE", 40)
    task = make_task(tmp_path / "task")
    table = pq.read_table(task / "train.parquet")
    labels = table["label"].to_pylist()
    labels[45] = label
    pq.write_table(table.set_column(2, "label", pa.array(labels, pa.int64())), task / "train.parquet")
    with pytest.raises(UserError, match=sentence):
        encode(task, make_model(tmp_path / "model"), tmp_path / "encoded")
    assert not (tmp_path / "encoded" / "train.arrow").exists()
