"""Similarity of tasks against a double loop over all pairs of texts; which texts are taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from scalearn.errors import UserError
from scalearn.training.data import similarity as module
from scalearn.training.data.similarity import drawn_texts, embed, similarities
from tests.tiny import make_model, make_task

TASKS = {"one": "classification", "two": "multiple_choice", "three": "regression"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("similarity")
    model = make_model(root / "model", initializer_range=0.3)
    for seed, (name, kind) in enumerate(TASKS.items()):
        make_task(root / name, kind, rows=12 + 3 * seed, seed=seed)
        embed(root / name, model, root / f"{name}.safetensors")
    return root


def texts(folder: Path, name: str) -> list[str]:
    rows = pq.read_table(folder / name / "train.parquet").to_pylist()
    return [f"{row['text1']} {row['choices'][0] if 'choices' in row else row['text2']}" for row in rows]


def vectors(folder: Path, found: list[str]) -> list[Any]:
    """One text at a time: the mean of its tokens' states."""
    tokenizer, encoder = AutoTokenizer.from_pretrained(folder / "model"), AutoModel.from_pretrained(folder / "model")
    with torch.no_grad():
        return [
            encoder.eval()(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0).double().numpy()
            for text in found
        ]


def slow(target: list[Any], source: list[Any]) -> float:
    cosines = [float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b)) for a in target for b in source]
    return max(0.0, sum(cosines) / len(cosines))


def test_it_is_the_mean_cosine_over_all_pairs(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):  # one of its own is replaced
        embed(folder / "one", folder / "model", folder / "one.safetensors")
        similarities([folder / f"{name}.safetensors" for name in TASKS], tmp_path / "s.json")
    found = json.loads((tmp_path / "s.json").read_text())
    embedded = {name: vectors(folder, texts(folder, name)) for name in TASKS}
    first = {
        name: vectors(folder, drawn_texts(folder / name / "train.parquet", 12 + 3 * seed)[:3])
        for seed, name in enumerate(TASKS)
    }
    for target in TASKS:
        for source in TASKS:
            expected = slow(embedded[target], embedded[source])
            assert found["all"][target][source] == pytest.approx(expected, abs=1e-5)
            three = slow(first[target], embedded[source])
            assert found["first_three"][target][source] == pytest.approx(three, abs=1e-5)
    assert len({round(value, 4) for row in found["all"].values() for value in row.values()}) > 3


def test_opposite_tasks_are_not_less_than_unlike(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    means = {"a": np.array([1.0, 0.0]), "b": np.array([-0.6, 0.8])}
    monkeypatch.setattr(module, "_read", lambda path: (path.name, {"all": means[path.name], "first_three": means["a"]}))
    similarities([Path("a"), Path("b")], tmp_path / "s.json")
    found = json.loads((tmp_path / "s.json").read_text())
    assert found["all"] == {"a": {"a": 1.0, "b": 0.0}, "b": {"a": 0.0, "b": pytest.approx(1.0)}}


def test_rows_are_drawn_once_each_by_a_seed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawn_texts(folder / "three" / "train.parquet", 18)
    assert sorted(whole) == sorted(texts(folder, "three"))
    assert whole != texts(folder, "three")
    monkeypatch.setattr(module, "ROWS", 5)
    assert drawn_texts(folder / "three" / "train.parquet", 18) == whole[:5]


def test_what_is_no_model_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere/model\.json: no such file; `scalearn fetch-model"):
        embed(folder / "one", tmp_path / "nowhere", tmp_path / "x")


def test_what_is_no_embedding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_text("no")
    with pytest.raises(UserError, match=r"x\.safetensors: no readable embedding of a task"):
        similarities([tmp_path / "x.safetensors"], tmp_path / "s.json")
