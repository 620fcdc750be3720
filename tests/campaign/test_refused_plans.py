"""What is refused of a campaign file: names that nothing bears, keys in a wrong place, values that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from scalearn.errors import UserError, shown
from scalearn.methods import METHODS
from tests.campaign.default import campaign

# The hyper-parameters of all methods, as a message lists them.
ALL = shown(sorted({name for method in METHODS.values() for name in method.hyperparameters.model_fields}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"methods": ["scalern"]}, "config.yaml: methods: unknown name 'scalern', did you mean 'scalearn'?"),
        ({"benchmarks": {"glue": ["rtt"]}}, "config.yaml: benchmarks.glue: unknown name 'rtt', did you mean 'rte'?"),
        ({"task_seeds": {"mnl": [1]}}, "config.yaml: task_seeds: unknown name 'mnl', did you mean 'mnli'?"),
        ({"hyperparameters": {"epochs": 3}}, "hyperparameters.epochs: unknown key here; it belongs in `all`"),
        ({"hyperparameters": {1: {}}}, "config.yaml: hyperparameters.1: unknown key; known: adapter, "),
        ({"hyperparameters": {"all": {1: 1}}}, f"config.yaml: hyperparameters.all.1: unknown key; known: {ALL}"),
        ({"hyperparameters": {"al": {}}}, "config.yaml: hyperparameters.al: unknown key, did you mean 'all'?"),
        (
            {"hyperparameters": {"all": {"epoch": 1}}},
            "hyperparameters.all.epoch: unknown key, did you mean 'epochs'?",
        ),
        ({"model": "roberta"}, "config.yaml: model: unknown name 'roberta', did you mean 'roberta-base'?"),
        (
            {"benchmarks": {"b": {"tasks": ["rte"], "sources": ["mmli"]}}},
            "config.yaml: benchmarks.b.sources: unknown name 'mmli', did you mean 'mnli'?",
        ),
        (
            {"benchmarks": {"b": {"tasks": ["rte"], "model": "roberta"}}},
            "config.yaml: benchmarks.b.model: unknown name 'roberta', did you mean 'roberta-base'?",
        ),
        ({"benchmarks": {"b": {"tasks": ["rte"], "source": []}}}, "unknown key, did you mean 'sources'?"),
        ({"benchmarks": {"b": {"tasks": ["rte"], "sources": ["qqp", "qqp"]}}}, "b.sources: 'qqp' is listed more"),
        ({"train_rows": {"multirk": 9}}, "config.yaml: train_rows: unknown name 'multirk', did you mean 'multirc'?"),
        (
            {"hyperparameters": {"two_stages": {"epochs": 1}}},
            "two_stages: unknown key, did you mean 'two_stage'?",
        ),
        (
            {"benchmark_hyperparameters": {"glue": {"adapter": {"epochs": 1}}}},
            "config.yaml: benchmark_hyperparameters.glue.adapter: all benchmarks share its runs",
        ),
        (
            {"task_hyperparameters": {"rte": {"all": {"epoch": 1}}}},
            "rte.all.epoch: unknown key, did you mean 'epochs'?",
        ),
        (
            {"task_hyperparameters": {"rte": {"joint": {"max_steps": 9}}}},
            "config.yaml: task_hyperparameters.rte.joint: its runs learn all tasks of a benchmark; use `benchmark_hyp",
        ),
        ({"task_hyperparameters": {"rte": {"adapter_m": {"epochs": 1}}}}, "rte.adapter_m: its runs learn all tasks"),
        (
            {"hyperparameters": {"all": {"batch_size": 0}}},
            "all.batch_size: a whole number of at least 1 is expected",
        ),
        (
            {"hyperparameters": {"joint": {"temperature": 0.01}}},
            "joint.temperature: a number of at least 0.1 is expected",
        ),
        (
            {"hyperparameters": {"adapter": {"warmup_ratio": 2}}},
            "warmup_ratio: a number from 0 to 1 is expected",
        ),
        (
            {"hyperparameters": {"all": {"epochs": -1}}},
            "all.epochs: a whole number of at least 1 is expected",
        ),
        (
            {"task_hyperparameters": {"rte": {"adapter": {"learning_rate": -1}}}},
            "learning_rate: a number of at least 0 is",
        ),
        ({"unavailable": ["recrod"]}, "config.yaml: unavailable: unknown name 'recrod', did you mean 'record'?"),
        (
            {"benchmarks": {"b": ["cb"]}, "unavailable": ["cb"]},
            "benchmarks.b: all its tasks or sources are in `unavailable`",
        ),
        ({"protocol": "right"}, "config.yaml: protocol: one of corrected, reference is expected"),
        ({"benchmark": {}}, "config.yaml: benchmark: unknown key, did you mean 'benchmarks'?"),
        ({"tasks": {"rte": {"source": {"kind": "rule"}, "lables": ["a"]}}}, "unknown key, did you mean 'label"),
        (
            {"tasks": {"mine": {"source": {"kind": "rule"}, "max_length": 64}}},
            "tasks.mine: max_length: this key has no effect because a rule makes the task; give it to the rule",
        ),
        (
            {"tasks": {"mine": {"source": {"kind": "rule"}}}, "train_rows": {"mine": 50}},
            "config.yaml: train_rows.mine: a rule of your own makes this task, and how many rows it has; remove",
        ),
        ({"seeds": [3, 3]}, "config.yaml: seeds: 3 is listed more than once; keep one"),
    ],
)
def test_bad_input_is_one_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        campaign(**change)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)
