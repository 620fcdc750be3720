"""The model card: its front matter as the hub reads it back, and its snippet."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from scalearn.campaign.places import MODELS, TASKS
from scalearn.export import proof
from scalearn.export.export import export
from scalearn.export.finished import read_run
from tests.export.making import make_folder, make_run, make_sources

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
    found = re.findall(r"^\| (first|second) \| (\d\.\d{3}) \|$", text, flags=re.MULTILINE)
    assert [name for name, _ in found] == ["first", "second"]
    assert all(0.5 < float(mean) < 1.5 for _, mean in found)  # each starts at 2 / S
    assert "first, second" in (cards / "adapter_fusion" / "README.md").read_text()
    assert "## Sources" not in (cards / "adapter" / "README.md").read_text()


@pytest.mark.parametrize("method", ["adapter", "adapter_fusion"])
def test_the_snippet_loads_the_export(method: str, cards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", (cards / method / "README.md").read_text(), flags=re.M | re.S)
    monkeypatch.chdir(cards)  # where the encoder lies under its name
    found: dict[str, Any] = {}
    exec(compile(snippet.replace('folder = "."', f'folder = "{method}"'), "README.md", "exec"), found)
    assert found["logits"].shape == (1, 2)
