"""Trainable parameters at RoBERTa-base shapes equal the paper's, built from a configuration without weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from adapters import AutoAdapterModel
from transformers import RobertaConfig

from scalearn.methods import METHODS
from scalearn.training.model import compose, count
from tests.methods.cases import shapes
from tests.methods.sources import make_sources

PAPER = {  # eight GLUE tasks; head excluded
    "full_finetuning": 124_055_040,
    "adapter": 894_528,
    "compacter": 29_440,
    "propetl": 74_544 + 884_736,  # the shared adapter, the mask scores
    "ia3": 55_296,
    "adapter_fusion": 21_252_096,
    **dict.fromkeys((name for name in METHODS if name.startswith("scalearn")), 73_728),
    **dict.fromkeys(("scalearn_uniform", "scalearn_uniform_d0"), 96),
    "scalearn_pp": 6_144,
    **dict.fromkeys(("scalearn_uniform_pp", "scalearn_uniform_pp_d03"), 8),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sources(tmp_path_factory.mktemp("s") / "s.safetensors", count=8, layers=12, hidden=768, bottleneck=48)


@pytest.mark.parametrize("name", METHODS)
def test_counts_at_roberta_base_shapes(name: str, sources: Path) -> None:
    method = METHODS[name]
    with torch.device("meta"):
        config = RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1)
        model = AutoAdapterModel.from_config(config)
        compose(model, method, method.defaults, sources if method.family == "two_stage" else None, labels=2)
    counts = count(model)
    assert counts["trainable"] == PAPER[name]
    assert counts["trainable"] == method.count(shapes(config, sources=8), method.defaults)
    assert counts["head"] == 592_130
