"""What differs from the paper's conditions, as the campaign file says it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from scalearn.campaign.paper import departures, not_compared, paper_seeds, plain_methods
from scalearn.campaign.plan import Campaign
from scalearn.methods import METHODS
from tests.places import ROOT

PAPERS: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
OWN_RTE = {"rte": {"source": {"kind": "files", "train": "rte.csv", "test": "rte.csv"}}}
ENCODER = {"small": {"kind": "folder", "path": "small"}, **PAPERS["models"]}
SQUAD = {"adapter": "somebody/squad", "revision": "0" * 40, "name": "squad"}
GLUE = PAPERS["benchmarks"]["glue"]


def campaign(**changes: Any) -> Campaign:
    return Campaign.parse({**PAPERS, **changes})


def said(benchmark: str, **changes: Any) -> list[str]:
    return [sentence for sentence in departures(campaign(**changes), benchmark) if "Protocol:" not in sentence]


def test_the_papers_own_campaign_under_its_protocol_departs_in_the_seeds_of_one_row() -> None:
    reference = campaign(protocol="reference")
    assert reference.compared == ["glue", "superglue", "humset"]
    assert {name: departures(reference, name) for name in reference.compared} == {
        "glue": (),
        "superglue": ("Seeds: 3 instead of the paper's 10 (record, multirc: Full FT).",),
        "humset": (),
    }


def test_the_corrected_protocol_names_each_difference_and_whom_it_concerns() -> None:
    (sentence,) = departures(campaign(methods=["adapter", "scalearn", "scalearn_pp"]), "glue")
    assert sentence == (
        "Protocol: corrected. The released code trains or prepares otherwise (docs/protocol.md): "
        "shared_omega_of_last_epoch (ScaLearn++)."
    )
    assert departures(campaign(methods=["adapter"]), "glue") == ()
    superglue = departures(campaign(methods=["adapter"], task_seeds={}, seeds=[0]), "superglue")[0]
    assert superglue.endswith("record_selected_on_test (record); multirc_cut_by_row (multirc).")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"models": ENCODER, "model": "small"}, "Encoder: small; the paper's is roberta-base."),
        (
            {"joint_seeds": [0]},
            "Seeds: 1 instead of the paper's 3 (mnli, qqp, qnli, sst2, stsb, mrpc, rte, cola: Full FT-m,",
        ),
        ({"seeds": [0, 1]}, "Seeds: 2 instead of the paper's 10 (stsb, mrpc, rte, cola: Full FT, Adapter,"),
        (
            {"methods": ["adapter"], "seeds": [0, 1]},
            "Seeds: 2 instead of the paper's 10 (stsb, mrpc, rte, cola: all methods).",
        ),
        (
            {"task_hyperparameters": {"rte": {"scalearn": {"learning_rate": 0.01}}}},
            "Hyper-parameters of ScaLearn on rte: learning_rate 0.01 (paper: 0.006).",
        ),
        (
            {"methods": ["scalearn"], "hyperparameters": {"adapter": {"epochs": 3}}},
            "Hyper-parameters of Adapter on mnli, qqp, qnli, sst2, stsb, mrpc, rte, cola: epochs 3 (paper: 30).",
        ),
        (
            {"benchmark_hyperparameters": {"glue": {"adapter_m": {"epochs": 1}}}},
            "Hyper-parameters of Adapter-m on all tasks: epochs 1 (paper: ",
        ),
        ({"train_rows": {"mnli": 3000}}, "Training rows: only a part of the train split (mnli 3,000)."),
        ({"unavailable": ["mnli"]}, "Without the tasks mnli, which are unavailable; nothing learns from them."),
        ({"mirror": "mirror"}, "Rows come from the folder of `mirror`, not from the hub: mnli, qqp,"),
        (
            {"benchmarks": {"glue": {"tasks": GLUE, "sources": ["mnli", SQUAD]}}},
            "Sources of two-stage methods: mnli, squad; the paper's are mnli, qqp, qnli,",
        ),
        ({"source_seed": 3}, "Source adapters: those of seed 3; the paper's are those of seed 0."),
        ({"source_seed": "paired"}, "Source adapters: those of the run's own seed; the paper composes those of seed 0"),
    ],
)
def test_what_is_said_of_a_change(changes: dict[str, Any], sentence: str) -> None:
    assert [line for line in said("glue", **changes) if line.startswith(sentence)], said("glue", **changes)
    assert said("glue") == []


def test_rows_with_settings_of_their_own_depart_from_nothing() -> None:
    rows = ["adapter", {"method": "scalearn", "learning_rate": 0.5}, {"method": "adapter", "name": "mine"}]
    assert plain_methods(campaign(methods=rows)) == [METHODS["adapter"]]
    assert said("glue", methods=rows) == []


def test_single_task_rows_depart_in_nothing_of_sources() -> None:
    assert said("glue", methods=["adapter"], source_seed=3) == []


@pytest.mark.parametrize(
    ("benchmarks", "tasks", "reason"),
    [
        (
            {"mine": ["rte"]},
            {},
            "the paper has no published scores of a benchmark 'mine', but of glue, superglue, humset",
        ),
        ({"glue": ["rte", "cola"]}, {}, r"the tasks of 'glue' are not the paper's (mnli, qqp,"),
        ({"glue": GLUE}, OWN_RTE, "the campaign file defines tasks of 'glue' in its own way: rte"),
        ({"glue": [*GLUE, "cb"]}, {}, "the tasks of 'glue' are not the paper's"),
    ],
)
def test_a_benchmark_of_ones_own_is_not_compared(
    benchmarks: dict[str, Any], tasks: dict[str, Any], reason: str
) -> None:
    (name,) = benchmarks
    own = campaign(benchmarks=benchmarks, tasks=tasks, task_seeds={})
    assert str(not_compared(own, name)).startswith(reason)
    assert own.compared == []


def test_tasks_in_another_order_are_the_papers() -> None:
    assert not_compared(campaign(benchmarks={"glue": GLUE[::-1]}), "glue") is None


def test_the_papers_seeds() -> None:
    assert paper_seeds(METHODS["adapter"], "rte") == paper_seeds(METHODS["full_finetuning"], "record") == 10
    assert paper_seeds(METHODS["adapter"], "record") == paper_seeds(METHODS["adapter_m"], "rte") == 3
    assert paper_seeds(METHODS["scalearn"], "sectors") == 3
