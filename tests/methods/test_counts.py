"""Trainable parameters at RoBERTa-base shapes equal the paper's, built from a configuration without weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from adapters import AutoAdapterModel
from transformers import RobertaConfig

from scalearn.methods import METHODS
from scalearn.methods.base import Shapes
from scalearn.training.model import compose, count
from tests.methods.sources import make_sources

PAPER = {  # eight GLUE tasks; head excluded
    "adapter": 894_528,
    "adapter_fusion": 21_252_096,
    "scalearn": 73_728,
    "scalearn_uniform": 96,
    "scalearn_pp": 6_144,
    "scalearn_uniform_pp": 8,
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sources(tmp_path_factory.mktemp("s") / "s.safetensors", count=8, layers=12, hidden=768, bottleneck=48)


@pytest.mark.parametrize("name", METHODS)
def test_counts_at_roberta_base_shapes(name: str, sources: Path) -> None:
    method = METHODS[name]
    with torch.device("meta"):
        model = AutoAdapterModel.from_config(RobertaConfig(vocab_size=50265))
        compose(model, method, method.defaults, sources if method.family == "two_stage" else None, labels=2)
    counts = count(model)
    assert counts["trainable"] == PAPER[name]
    assert counts["trainable"] == method.count(Shapes(12, 768, 8), method.defaults)
    assert counts["head"] == 592_130
