"""The shape of a campaign file, and the schema that is generated from it."""

from __future__ import annotations

import json

import pytest
import yaml
from pydantic import ValidationError

from scalearn.campaign.config import Config, PackageModel
from scalearn.tasks.definition import KEYS_BESIDE_A_RULE, Task
from tests.places import ROOT

DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def test_the_committed_schema_is_the_models() -> None:
    """If this fails: make schema."""
    assert json.loads((ROOT / "workflow/schemas/config.schema.json").read_text()) == Config.model_json_schema()


def test_config_yaml_shows_every_key() -> None:
    assert DEFAULT.keys() == Config.model_fields.keys()


@pytest.mark.parametrize("path", ["config.yaml", "profiles/demo/campaign.yaml", "profiles/showcase/campaign.yaml"])
def test_the_committed_campaigns_are_valid(path: str) -> None:
    Config.model_validate(yaml.safe_load((ROOT / path).read_text()))


def test_the_demo_takes_the_hubs_own_weights_out_of_the_package() -> None:
    demo = Config.model_validate(yaml.safe_load((ROOT / "profiles/demo/campaign.yaml").read_text()))
    model = demo.models[demo.model]
    assert isinstance(model, PackageModel)
    assert model.sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_numbers_may_come_from_the_command_line_as_text() -> None:
    """So Snakemake hands over those of `--config seeds=[0,7] train_rows="{rte: 500}"`."""
    found = Config.model_validate({**DEFAULT, "seeds": ["0", "7"], "source_seed": "3", "train_rows": {"rte": "500"}})
    assert found.seeds == (0, 7) and found.source_seed == 3 and found.train_rows == {"rte": 500}


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": [-1]},
        {"seeds": ["zero"]},
        {"seeds": ["0", 0]},
        {"seeds": [True]},
        {"seeds": [0, 0]},
        {"seeds": []},
        {"methods": [{"name": "mine"}]},
        {"methods": [{"method": "scalearn", "name": "a|b"}]},
        {"methods": [{"method": "scalearn", "select": "test"}]},
        {"benchmarks": {}},
        {"benchmarks": {"glue": []}},
        {"benchmarks": {"glue": ["rte", "rte"]}},
        {"benchmarks": {"single": ["rte"]}},
        {"benchmarks": {"../glue": ["rte"]}},
        {"benchmarks": {"gl ue": ["rte"]}},
        {"task_seeds": {"rte": [1, 1]}},
        {"task_seeds": {"rte": []}},
        {"models": {}},
        {"models": {"m": {"kind": "hub", "repository": "a/b", "revision": "main"}}},
        {"models": {"m": {"kind": "pickle", "path": "x"}}},
        {"hyperparameters": {"all": {"epochs": float("nan")}}},
        {"tasks": {"mine": {"source": {"kind": "files", "test": "a.csv"}}}},
        {
            "tasks": {
                "mine": {"source": {"kind": "files", "train": "a.csv"}, "kind": "regression", "labels": ["a", "b"]}
            }
        },
        {"tasks": {"mine": {"source": {"kind": "rule"}, "metrics": ["pearson"]}}},
        {"colour": "blue"},
    ],
)
def test_what_is_refused(change: dict[str, object]) -> None:
    Config.model_validate(DEFAULT)
    with pytest.raises(ValidationError):
        Config.model_validate({**DEFAULT, **change})


@pytest.mark.parametrize("key", sorted(Task.model_fields.keys() - KEYS_BESIDE_A_RULE))
def test_what_nothing_reads_of_a_rule_s_task_is_refused(key: str) -> None:
    task = {"source": {"kind": "rule"}, key: Task.model_fields[key].get_default()}
    with pytest.raises(ValidationError, match=f"{key}: this key has no effect"):
        Config.model_validate({**DEFAULT, "tasks": {"mine": task}})
    named = {"source": {"kind": "rule"}, "kind": "regression", "metrics": ["spearman"]}
    Config.model_validate({**DEFAULT, "tasks": {"mine": named}})
