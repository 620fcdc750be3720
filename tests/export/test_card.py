"""The model card: its front matter as the hub reads it back, and its snippet."""

from __future__ import annotations

import json
import re
import shutil
import statistics
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from scalearn.campaign.places import MODELS, TASKS
from scalearn.export import proof
from scalearn.export.card import FromUser
from scalearn.export.export import export
from scalearn.export.finished import read_run
from scalearn.results.layout import Scoring
from scalearn.results.scores import score
from scalearn.training.runs.planned import PlannedRun
from tests.export.making import in_place, make_folder, make_run, make_sources, planned, train
from tests.training.planning import like

HUB = {"kind": "hub", "repository": "nyu-mll/glue", "revision": "0" * 40, "config": "rte", "test": "validation"}
PARTS = {"parts": {"mm": "validation_mismatched"}}


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three exports, of a task and an encoder that come from the hub."""
    root = make_folder(tmp_path_factory.mktemp("cards"))
    make_sources(root)
    methods = ("adapter", "scalearn", "adapter_fusion")
    runs = {name: make_run(root, name) for name in methods}
    change(root / TASKS / "first" / "task.json", {"source": HUB | PARTS})
    change(root / MODELS / "bert" / "model.json", {"source": {"kind": "hub", "repository": "some/bert"}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "_in_a_fresh_process", lambda claims: [claim.logits for claim in claims])
        export({root / "out" / name: read_run(run) for name, run in runs.items()})
    (root / "out" / "some").mkdir()
    shutil.copytree(root / MODELS / "bert", root / "out" / "some" / "bert")
    return root / "out"


def change(path: Path, changes: dict[str, Any]) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_front_matter_is_read_back(cards: Path) -> None:
    data = ModelCard.load(cards / "adapter" / "README.md").data
    assert (data.base_model, data.base_model_relation) == ("some/bert", "adapter")
    assert (data.library_name, data.pipeline_tag) == ("adapter-transformers", "text-classification")
    assert (data.datasets, data.metrics) == (["nyu-mll/glue"], ["accuracy"])
    assert data.license is None
    results = {result.metric_name: result for result in data.eval_results}
    assert results.keys() == {"accuracy", "accuracy_mm"}
    main, other = results["accuracy"], results["accuracy_mm"]
    assert (main.dataset_type, main.dataset_config, main.dataset_split) == ("nyu-mll/glue", "rte", "validation")
    assert (main.dataset_revision, main.metric_type, other.metric_type) == ("0" * 40, "accuracy", "accuracy")
    assert other.dataset_split == "validation_mismatched"
    assert 0 <= main.metric_value <= 1


def test_sources_and_the_means_of_omega(cards: Path) -> None:
    text = (cards / "scalearn" / "README.md").read_text()
    rows = re.findall(r"^\| (first|second) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", text, flags=re.MULTILINE)
    assert [name for name, *_ in rows] == ["first", "second"]
    for _, middle, least, greatest in rows:  # each starts at 2 / S
        assert 0.5 < float(least) <= float(middle) <= float(greatest) < 1.5
    assert "first, second" in (cards / "adapter_fusion" / "README.md").read_text()
    assert "## Sources" not in (cards / "adapter" / "README.md").read_text()


@pytest.mark.parametrize("method", ["adapter", "adapter_fusion"])
def test_the_snippet_loads_the_export(method: str, cards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", (cards / method / "README.md").read_text(), flags=re.M | re.S)
    monkeypatch.chdir(cards)  # where the encoder lies under its name
    found: dict[str, Any] = {}
    exec(compile(snippet.replace('folder = "."', f'folder = "{method}"'), "README.md", "exec"), found)
    assert found["logits"].shape == (1, 2)


def test_one_seed_has_no_interval(cards: Path) -> None:
    text = (cards / "adapter" / "README.md").read_text()
    assert "One seed, so that nothing is known of how scores vary between seeds." in text and "95 %" not in text


def test_several_seeds_have_mean_deviation_and_interval(tmp_path: Path, by_hand: None) -> None:
    root = make_folder(tmp_path)
    runs = [train(seeded(root, seed)) for seed in (0, 1, 2)]
    other = planned(root, "adapter", learning_rate=1e-2)
    train(like(other, seed=3))  # of another learning rate: no sibling
    export({root / "out": read_run(runs[1])})
    values = [score(run, Scoring((), None)).scores["accuracy"] for run in runs]
    (row,) = re.findall(r"^\| accuracy \| (.*) \|$", (root / "out" / "README.md").read_text(), flags=re.MULTILINE)
    half = 4.302653 * statistics.stdev(values) / 3**0.5  # Student's t with two degrees of freedom
    middle = statistics.mean(values)
    this, constant, center, interval = row.split(" | ")
    assert this == f"{values[1]:.4f}" and constant
    assert center == f"{middle:.4f} ± {statistics.stdev(values):.4f}"
    assert interval == f"{middle - half:.4f} to {middle + half:.4f}"
    text = (root / "out" / "README.md").read_text()
    assert "are over 3 seeds (0, 1, 2), on these test rows" in text
    (result,) = [
        one for one in ModelCard.load(root / "out" / "README.md").data.eval_results if one.metric_name == "accuracy"
    ]
    assert result.metric_value == pytest.approx(values[1], abs=1e-6)


def test_a_damaged_or_unfinished_sibling_does_not_count(tmp_path: Path, by_hand: None) -> None:
    root = make_folder(tmp_path)
    runs = [train(seeded(root, seed)) for seed in (0, 1)]
    (runs[0] / "predictions.parquet").write_bytes(b"damaged")
    export({root / "out": read_run(runs[1])})
    assert "One seed" in (root / "out" / "README.md").read_text()


def seeded(root: Path, seed: int) -> PlannedRun:
    return in_place(root, like(planned(root, "adapter"), seed=seed))


def test_licence_and_languages_are_the_user_s(tmp_path: Path, by_hand: None) -> None:
    root = make_folder(tmp_path)
    export({root / "out": read_run(make_run(root, "adapter"))}, from_user=FromUser("apache-2.0", ("en", "fr")))
    data = ModelCard.load(root / "out" / "README.md").data
    assert (data.license, data.language) == ("apache-2.0", ["en", "fr"])


def test_provenance_and_citation(cards: Path) -> None:
    text = (cards / "scalearn" / "README.md").read_text()
    content = json.loads((cards / "scalearn" / "export.json").read_text())
    assert content["base_model"]["sha256"] in text and content["weights"] in text
    (entries,) = re.findall(r"^```bibtex\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^@inproceedings\{(.*),$", entries, flags=re.MULTILINE) == [
        "frohmann-etal-2024-scalearn", "poth-etal-2023-adapters",
    ]  # fmt: skip
    assert entries.count("{") == entries.count("}")
    assert "The method: Frohmann et al. 2024, ScaLearn" in text


def test_no_path_of_this_machine_is_in_an_export(tmp_path: Path, by_hand: None) -> None:
    root = make_folder(tmp_path)
    files = {"kind": "files", "train": str(tmp_path / "train.csv"), "test": str(tmp_path / "test.csv")}
    change(root / TASKS / "first" / "task.json", {"source": files})
    export({root / "out": read_run(make_run(root, "adapter"))})
    for path in (root / "out").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path.name
