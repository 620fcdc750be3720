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
from scalearn.training.data import encode as encode_module
from scalearn.training.data.batches import EncodedSplit, LengthBuckets, RandomBatches, TrainLoader
from scalearn.training.data.encode import encode
from scalearn.training.data.tokens import Tokens
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


def test_random_batches_are_of_all_rows_whatever_their_length(encoded: Path) -> None:
    lengths = np.arange(100)
    batches = RandomBatches(lengths, 16, seed=0)
    first = list(batches)
    assert [len(rows) for rows in first] == [16] * 6 + [4]
    assert sorted(row for rows in first for row in rows) == list(range(100))
    assert list(batches) == first
    batches.epoch = 1
    assert list(batches) != first
    assert all(np.ptp(lengths[rows]) > 40 for rows in first[:6])


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
    split = split_of(encoded, "test")
    ordered = split.sorted_by_length()
    assert (np.diff(ordered.lengths) <= 0).all()
    for place in (0, 7, 31):
        row = int(ordered.order[place])
        assert torch.equal(ordered.__getitems__([place])["input_ids"], split.__getitems__([row])["input_ids"])
        assert ordered.labels[place] == split.labels[row]
        assert ordered.column("part")[place] == split.column("part")[row]


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


def encoded_task(root: Path, kind: str, model: str = "bert") -> tuple[dict[str, list], EncodedSplit]:
    """Return the rows of a test split, as the task has them and encoded."""
    encode(make_task(root / "task", kind), make_model(root / "model", model), root / "encoded")
    return pq.read_table(root / "task" / "test.parquet").to_pydict(), split_of(root, "test")


@pytest.mark.parametrize("model", ["bert", "roberta"])
def test_multiple_choice_is_a_sequence_per_choice(model: str, tmp_path: Path) -> None:
    rows, split = encoded_task(tmp_path, "multiple_choice", model)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    picked = [5, 0, 31]
    firsts = [rows["text1"][row] for row in picked for _ in range(2)]
    choices = [choice for row in picked for choice in rows["choices"][row]]
    expected = tokenizer(firsts, choices, padding=True, return_tensors="pt")
    batch = split.__getitems__(picked)
    assert batch.pop("labels").tolist() == [rows["label"][row] for row in picked]
    for key, tensor in batch.items():
        assert tensor.shape[:2] == (3, 2)
        assert torch.equal(tensor.flatten(0, 1), expected[key]), key
    longest = tokenizer(rows["text1"][5], rows["choices"][5][0])["input_ids"]
    assert split.lengths[5] >= len(longest)
    ordered = split.sorted_by_length()
    assert ordered.__getitems__([0])["labels"].item() == rows["label"][int(ordered.order[0])]


def test_multi_label_is_zeros_and_ones_also_for_rows_without_labels(tmp_path: Path) -> None:
    rows, split = encoded_task(tmp_path, "multi_label")
    expected = [[float(index in labels) for index in (0, 1)] for labels in rows["label"]]
    assert split.labels.tolist() == expected
    assert [0.0, 0.0] in expected
    batch = split.__getitems__([1, 0])["labels"]
    assert batch.dtype == torch.float32
    assert batch.tolist() == [expected[1], expected[0]]


def test_what_metrics_need_stays_with_its_row_and_out_of_train(tmp_path: Path) -> None:
    rows, split = encoded_task(tmp_path, "candidates")
    ordered = split.sorted_by_length()
    for name in ("group", "candidate", "answers", "part"):
        assert split.column(name).to_pylist() == rows[name]
        assert ordered.column(name).to_pylist() == [rows[name][row] for row in ordered.order]
        assert split_of(tmp_path, "train").column(name) is None
    assert split_of(tmp_path, "validation").column("group") is not None


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("model", ["bert", "roberta"])
def test_tokens_are_those_of_the_librarys_own_call(model: str, side: str, tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model", model)
    settings = folder / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"truncation_side": side}))
    firsts, seconds = ["", "w1 [SEP] wörd", "w2 " * 30, "w3 w4"], ["w5", "", "w6 " * 20, "w7 " * 30]
    tokens, tokenizer = Tokens.of_model(folder, 16, "longest"), AutoTokenizer.from_pretrained(folder)
    for others in (None, seconds):
        expected = tokenizer(firsts, others, truncation=True, max_length=16, return_token_type_ids=True)
        assert tokens.lengths(firsts, others) == [len(row) for row in tokenizer(firsts, others)["input_ids"]]
        found = tokens.encode(firsts, others)
        assert found["input_ids"].to_pylist() == expected["input_ids"]
        assert ("second" in found) == (model == "bert")
        if model == "bert":
            assert found["second"].to_pylist() == [len(types) - sum(types) for types in expected["token_type_ids"]]


@pytest.mark.parametrize(("seconds", "share"), [(None, 3 / 7), (["w9 [UNK]", "", "new"], 5 / 10)])
def test_unknown_tokens_are_counted_and_special_ones_are_not(
    seconds: list[str] | None, share: float, tmp_path: Path
) -> None:
    tokens = Tokens.of_model(make_model(tmp_path / "model"), 16, "longest")
    for count in (tokens.encode, tokens.lengths):
        count(["w1 w2 alt", "w3 w4", "alt neu"], seconds)
        assert tokens.unknown() == share
        assert tokens.unknown() == 0  # of nothing


@pytest.mark.parametrize(("texts", "share"), [(("w1 neu", "alt w2", "w3 w4"), "34 %"), (("w1 w2",) * 9 + ("neu",), "")])
def test_many_unknown_tokens_are_told_of(
    texts: tuple[str, ...], share: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, model = make_task(tmp_path / "task"), make_model(tmp_path / "model")
    for split in ("train", "validation", "test"):
        table = pq.read_table(task / f"{split}.parquet")
        found = {"text1": [texts[row % len(texts)] for row in range(table.num_rows)], "text2": [""] * table.num_rows}
        table = pa.table({name: found.get(name, table[name]) for name in table.column_names})
        pq.write_table(table, task / f"{split}.parquet")
    encode(task, model, tmp_path / "encoded")
    said = capsys.readouterr().out
    assert (f"{share} of the tokens are unknown to the model's tokenizer" in said) if share else "unknown" not in said


@pytest.mark.parametrize("model", ["bert", "roberta"])
def test_truncating_the_first_text_keeps_the_second_whole(model: str, tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model", model)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    firsts, seconds = ["w1 " * 30, "w2", "w3 " * 30], ["w4 w5", "w6 " * 30, "w7 " * 12]
    found = Tokens.of_model(folder, 16, "first").encode(firsts, seconds)["input_ids"].to_pylist()
    assert found[0] == tokenizer(firsts[0], seconds[0], truncation="only_first", max_length=16)["input_ids"]
    assert found[0].count(tokenizer.convert_tokens_to_ids("w4")) == 1
    assert len(found[1]) == 16  # the second alone is too long: both lose what they must
    assert found[2].count(tokenizer.convert_tokens_to_ids("w7")) == 12


@pytest.mark.parametrize(("kind", "label"), [("multi_label", [2]), ("multi_label", [0, -1]), ("multiple_choice", 2)])
def test_a_wrong_index_of_other_kinds_is_refused_by_its_row(kind: str, label: object, tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", kind)
    table = pq.read_table(task / "train.parquet")
    labels = table["label"].to_pylist()
    labels[45] = label
    column = pa.array(labels, table["label"].type)
    pq.write_table(table.set_column(table.column_names.index("label"), "label", column), task / "train.parquet")
    with pytest.raises(UserError, match=r"row 46: label .* must be an index from 0 to 1"):
        encode(task, make_model(tmp_path / "model"), tmp_path / "encoded")


def test_tokens_stay_in_the_mapped_file(tmp_path: Path) -> None:
    encode(
        make_task(tmp_path / "task", rows=6000, noise=(60, 30)), make_model(tmp_path / "model"), tmp_path / "encoded"
    )
    file = tmp_path / "encoded" / "train.arrow"
    before = pa.total_allocated_bytes()
    split = split_of(tmp_path, "train")
    assert split.__getitems__([5999])["labels"].shape == (1,)
    assert pa.total_allocated_bytes() - before < 0.1 * file.stat().st_size
    tokens = split._sequences.tokens
    assert not tokens.flags.owndata and tokens.nbytes <= file.stat().st_size


def test_a_padded_split_has_the_same_rows_in_fewer_shapes(encoded: Path) -> None:
    """Subsets of it are padded, too; the split itself is not."""
    split = split_of(encoded, "train")
    padded = split.padded(16)
    usual, more = split.__getitems__([3, 0]), padded.__getitems__([3, 0])
    assert torch.equal(more["labels"], usual["labels"])
    assert more["input_ids"].shape[1] == min(16, split.lengths.max()) > usual["input_ids"].shape[1]
    assert torch.equal(more["attention_mask"].sum(1), usual["attention_mask"].sum(1))
    taken = padded.take(np.array([3, 0])).__getitems__([0, 1])
    assert all(torch.equal(taken[key], tensor) for key, tensor in more.items())
    assert torch.equal(split.__getitems__([3, 0])["input_ids"], usual["input_ids"])
