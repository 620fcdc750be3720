"""Trainable parameters at RoBERTa-base shapes equal the paper's, built from a configuration without weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel
from transformers import RobertaConfig, XLMRobertaConfig

from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.tasks.definition import Kind
from scalearn.training.engine.model import compose, compose_joint, count
from tests.methods.cases import shapes
from tests.methods.sources import make_sources

PAPER = {  # eight GLUE tasks; head excluded
    "full_finetuning": 124_055_040,
    "adapter": 894_528,
    "compacter": 29_440,
    "propetl": 74_544 + 884_736,  # the shared adapter, the mask scores
    "ia3": 55_296,
    "full_finetuning_m": 124_055_040,
    "adapter_m": 894_528,
    "propetl_m": 74_544 + 1_400_832 + 73_728,  # the first layer's masks, which the reference ties to a task's
    "hyperformer": 59_420_544,
    "hyperformer_pp": 5_095_024,
    "adapter_fusion": 21_252_096,
    "adapter_soup": 0,
    **dict.fromkeys((name for name in METHODS if name.startswith("scalearn")), 73_728),
    **dict.fromkeys(("scalearn_uniform",), 96),
    "scalearn_pp": 6_144,
    **dict.fromkeys(("scalearn_uniform_pp",), 8),
}
# Tasks whose heads the benchmarks' joint models have: labels, or choices, of each.
GLUE = {"rte": 2, "mrpc": 2, "cola": 2, "stsb": 1, "sst2": 2, "qnli": 2, "mnli": 3, "qqp": 2}
SUPERGLUE = {"cb": 3, "copa": 2, "wsc": 2, "rte": 2, "wic": 2, "boolq": 2, "multirc": 2, "record": 2}
HUMSET = {"sectors": 11, "pillars_1d": 7, "pillars_2d": 6, "subpillars_1d": 33, "subpillars_2d": 18}
GSG = {**SUPERGLUE, **GLUE}
POOLER = 590_592

# Section 3.1's rows that are of all tasks, as the reference has them: without heads, and without the pooler that it
# lets train (full fine-tuning: with it, where COPA is).
JOINT = {
    "full_finetuning_m": (124_055_040, 124_645_632, 124_645_632),
    "adapter_m": (894_528, 894_528, 894_528),
    "propetl_m": (74_544 + 1_400_832, 74_544 + 1_400_832, 74_544 + 1_916_928),
    "hyperformer": (59_420_544, 59_420_544, 59_424_128),
    "hyperformer_pp": (5_095_024, 5_095_024, 5_098_608),
}


def roberta() -> Any:
    """Return an encoder of RoBERTa-base's shapes; to be called on the meta device."""
    return AutoAdapterModel.from_config(RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1))


def xlm_roberta() -> Any:
    """Return an encoder of XLM-R-base's shapes."""
    return AutoAdapterModel.from_config(
        XLMRobertaConfig(vocab_size=250_002, max_position_embeddings=514, type_vocab_size=1)
    )


def heads(tasks: dict[str, int]) -> dict[str, tuple[int, Kind]]:
    return {name: (labels, "multiple_choice" if name == "copa" else "classification") for name, labels in tasks.items()}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sources(tmp_path_factory.mktemp("s") / "s.safetensors", count=8, layers=12, hidden=768, bottleneck=48)


@pytest.mark.parametrize("name", METHODS)
def test_counts_at_roberta_base_shapes(name: str, sources: Path) -> None:
    method = METHODS[name]
    with torch.device("meta"):
        model = roberta()
        if method.family == "joint":
            compose_joint(model, method, method.defaults, heads(GLUE))
        else:
            similarity = {f"t{index}": 1.0 for index in range(8)}
            given = Given(sources if method.family == "two_stage" else None, "t0", similarity)
            compose(model, method, method.defaults, given, labels=2)
    counts, joint = count(model), method.family == "joint"
    assert counts["trainable"] == PAPER[name]
    sizes = shapes(model.config, sources=8, tasks=len(GLUE) if joint else 1)
    assert counts["trainable"] == method.count(sizes, method.defaults)
    assert counts["head"] == (4_737_040 if joint else 592_130)


@pytest.mark.parametrize("name", JOINT)
@pytest.mark.parametrize(("place", "tasks"), list(enumerate([GLUE, SUPERGLUE, GSG])))
def test_joint_counts_of_the_reference(name: str, place: int, tasks: dict[str, int]) -> None:
    """Its pooler and its heads of one layer for COPA, and ProPETL-m's tied masks."""
    method = METHODS[name]
    if name == "propetl_m":
        method = replace(method, tied=True)
    pooled = {"copa"} & set(tasks) if name != "adapter_m" else set()
    with torch.device("meta"):
        model = roberta()
        compose_joint(model, method, method.defaults, heads(tasks), pooled, one_layer={"copa"})
    counts = count(model)
    without_pooler = counts["trainable"] - (POOLER if pooled and name != "full_finetuning_m" else 0)
    assert without_pooler == JOINT[name][place]
    if tasks is SUPERGLUE:
        assert counts["head"] == 4_146_448


@pytest.mark.parametrize(("name", "totals"), [("hyperformer", 64_157_584), ("hyperformer_pp", 9_832_064)])
def test_totals_with_heads(name: str, totals: int) -> None:
    """GLUE, without the pooler, which no head of GLUE's reads: 3.2's totals less 590,592."""
    with torch.device("meta"):
        model = roberta()
        compose_joint(model, METHODS[name], METHODS[name].defaults, heads(GLUE))
    counts = count(model)
    assert counts["trainable"] + counts["head"] == totals


def test_heads_of_humset() -> None:
    with torch.device("meta"):
        model = roberta()
        kinds = {name: (labels, "multi_label") for name, labels in HUMSET.items()}
        compose_joint(model, METHODS["adapter_m"], METHODS["adapter_m"].defaults, kinds)
    assert count(model)["head"] == 3_010_635
    sizes = {name: sum(value.numel() for value in model.heads[name].parameters()) for name in HUMSET}
    assert list(sizes.values()) == [599_051, 595_975, 595_206, 615_969, 604_434]


@pytest.mark.parametrize(
    ("name", "humset", "gsg"),
    [
        ("full_finetuning", 277_453_056, 124_055_040),
        ("adapter", 894_528, 894_528),
        ("adapter_fusion", 21_252_096, 21_252_096),
        ("adapter_soup", 0, 0),
        ("scalearn", 46_080, 138_240),
        ("scalearn_uniform", 60, 180),
        ("scalearn_pp", 3_840, 11_520),
        ("scalearn_uniform_pp", 5, 15),
        ("full_finetuning_m", 277_453_056, 124_055_040),
        ("adapter_m", 894_528, 894_528),
        ("propetl_m", 74_544 + 1_179_648 + 73_728, 74_544 + 1_916_928 + 73_728),
        ("hyperformer", 59_419_008, 59_424_128),
        ("hyperformer_pp", 5_093_488, 5_098_608),
    ],
)
def test_counts_of_humset_with_xlm_r_and_of_gsg(name: str, humset: int, gsg: int, tmp_path: Path) -> None:
    """Five tasks and fifteen: what depends on the number of tasks, of sources, or on the vocabulary."""
    method = METHODS[name]
    for tasks, kind, expected in ((HUMSET, "multi_label", humset), (GSG, "classification", gsg)):
        sources = make_sources(tmp_path / "s", len(tasks), layers=12, hidden=768, bottleneck=48)
        with torch.device("meta"):
            model = xlm_roberta() if tasks is HUMSET else roberta()
            if method.family == "joint":
                compose_joint(model, method, method.defaults, {task: (labels, kind) for task, labels in tasks.items()})
            else:
                similarity = {f"t{index}": 1.0 for index in range(15)}
                given = Given(sources if method.family == "two_stage" else None, "t0", similarity)
                compose(model, method, method.defaults, given, labels=2)
        assert count(model)["trainable"] == expected
