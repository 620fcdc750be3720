"""The paper's values, whoever starts a run, and what a campaign file may say of hyper-parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from scalearn.campaign.config import Config
from scalearn.campaign.hyperparameters import NAMES, exceptions, paper
from scalearn.campaign.plan import Campaign
from scalearn.campaign.variants import Variant
from scalearn.cli.by_hand import planned_by_hand
from scalearn.cli.options import hyper_parameters
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.hyperparameters import HyperParameters
from tests.places import ROOT

PAPER = yaml.safe_load((ROOT / "config.yaml").read_text())
MINE = {"source": {"kind": "files", "train": "mine.csv"}}


def campaign(**changes: Any) -> Campaign:
    return Campaign.parse({**PAPER, "task_seeds": {}, "methods": list(METHODS), **changes})


def encoded(folder: Path, task: str, built_in: bool | None) -> Path:
    """Write what encoding.json says of a task; None: an older version wrote it."""
    folder.mkdir()
    told = {} if built_in is None else {"built_in": built_in}
    content = {"task": {"name": task}, "model": "m", "sha256": {}, **told}
    (folder / "encoding.json").write_text(json.dumps(content))
    return folder


def started(method: str, data: Path, changed: str) -> HyperParameters:
    """Return the values with which the command line starts a run, as `train` and `train-joint` do."""
    model = data.parent / "model"
    model.mkdir(exist_ok=True)
    (model / "model.json").write_text('{"name": "tiny"}')
    run = planned_by_hand(method, model, [data], data.parent / "run", changed=hyper_parameters(method, changed))
    return run.spec.values


def changed(some: Campaign, method: str, benchmark: str, task: str) -> str:
    """Return what a campaign's run has otherwise than the paper, as JSON for the command line."""
    kind = METHODS[method]
    of = task if kind.family != "joint" and task in some.built_in else None
    values = some.run(benchmark, Variant.plain(method), task, 0).values
    return json.dumps(values.beyond(paper(kind, of)))


CONFIGS: dict[str, dict[str, Any]] = {
    "the paper's": {},
    "epochs of the others": {"task_hyperparameters": {"record": {"all": {"epochs": 30}}}},
    "a family's": {"hyperparameters": {"two_stage": {"epochs": 7, "patience": 3}, "all": {"batch_size": 8}}},
    "the reference": {"protocol": "reference"},
}


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("task", ["record", "sectors", "rte", "own record"])
def test_the_command_line_and_a_campaign_come_to_equal_values(task: str, config: str, tmp_path: Path) -> None:
    own = {"tasks": {"record": MINE}, "benchmarks": {"gsg": ["record"]}} if task == "own record" else {}
    name = task.removeprefix("own ")
    data, some = encoded(tmp_path / "data", name, not own), campaign(**CONFIGS[config], **own)
    for method in METHODS:
        benchmark = "humset" if name == "sectors" else "gsg"
        asked = some.run(benchmark, Variant.plain(method), name, 0).values
        assert started(method, data, changed(some, method, benchmark, name)) == asked, method


def test_the_paper_s_values_hold_on_the_command_line_and_for_its_tasks_alone(tmp_path: Path) -> None:
    paper, own = (encoded(tmp_path / str(built_in), "record", built_in) for built_in in (True, False))
    assert [started("scalearn", data, "{}").epochs for data in (paper, own)] == [3, 30]
    assert [started("adapter", data, "{}").epochs for data in (paper, own)] == [30, 30]
    assert started("scalearn", paper, '{"epochs": 30}').epochs == 30
    assert started("adapter_soup", encoded(tmp_path / "s", "sectors", True), "{}").patience == 3


def test_what_differs_from_the_paper_is_spelt_out() -> None:
    assert changed(campaign(), "scalearn", "gsg", "record") == "{}"
    back = campaign(task_hyperparameters={"record": {"two_stage": {"epochs": 30}}})
    assert changed(back, "scalearn", "gsg", "record") == '{"epochs": 30}'
    reference = campaign(protocol="reference")
    assert changed(reference, "adapter_fusion", "gsg", "record") == '{"epochs": 30}'
    assert changed(reference, "scalearn", "gsg", "record") == "{}"


def test_rows_of_an_older_version_are_refused_only_where_their_task_makes_a_difference(tmp_path: Path) -> None:
    data = encoded(tmp_path / "data", "record", None)
    assert started("adapter", data, "{}") == METHODS["adapter"].defaults
    with pytest.raises(UserError, match=r"does not say whether this is the built-in task 'record'; encode"):
        started("scalearn", data, "{}")


def test_where_the_paper_differs() -> None:
    assert exceptions(METHODS["ia3"]) == {"record": {"epochs": 3}}
    assert exceptions(METHODS["adapter"]) == {}
    assert exceptions(METHODS["adapter_soup"])["pillars_1d"] == {"patience": 3}


# ---------------------------------------------------------------------- what a campaign file may say


@pytest.mark.parametrize(("written", "meant"), [(1, True), (0, False), (True, True), (1.0, True), ("False", False)])
def test_a_switch_is_true_or_false_and_was_a_number(written: Any, meant: bool) -> None:
    some = campaign(hyperparameters={"scalearn": {"train_sources": written}}, methods=["adapter", "scalearn"])
    assert some.hyperparameters("scalearn", "gsg", "rte").model_dump()["train_sources"] is meant


def test_values_that_snakemake_hands_over_as_text_are_what_they_say() -> None:
    some = campaign(hyperparameters={"adapter": {"epochs": "7", "learning_rate": "1e-3", "batch_size": "8.0"}})
    values = some.hyperparameters("adapter", "single", "rte")
    assert (values.epochs, values.learning_rate, values.batch_size) == (7, 0.001, 8)
    assert isinstance(values.batch_size, int)


def test_whole_numbers_stay_whole_and_others_are_fractions() -> None:
    values = METHODS["scalearn"].hyperparameters(epochs=30.0, learning_rate=1)
    assert json.dumps([values.epochs, values.learning_rate]) == "[30, 1.0]"


def test_the_schema_has_every_hyperparameter_of_every_method() -> None:
    schema = Config.model_json_schema()
    for key in ("hyperparameters", "benchmark_hyperparameters", "task_hyperparameters"):
        about = schema["properties"][key]
        layer = about if key == "hyperparameters" else next(iter(about["patternProperties"].values()))
        assert list(layer["properties"]) == list(NAMES) and layer["additionalProperties"] is False
    for name, method in METHODS.items():
        of_method = schema["$defs"][name]
        assert of_method["additionalProperties"] is False
        for key, default in method.defaults:
            told, model = of_method["properties"][key], method.hyperparameters.model_json_schema()["properties"][key]
            assert told == {**model, "default": default}
            assert schema["$defs"]["all"]["properties"][key] == {k: v for k, v in told.items() if k != "default"}
            assert key in schema["$defs"][method.family]["properties"]


@pytest.mark.parametrize("name", METHODS)
def test_every_hyperparameter_is_one_thing_that_is_described_and_has_a_good_default(name: str) -> None:
    model, first = METHODS[name].hyperparameters, {}
    for method in METHODS.values():
        for key, field in method.hyperparameters.model_fields.items():
            first.setdefault(key, field)
    for key, field in model.model_fields.items():
        assert field.description and not field.description.endswith(".")
        assert (field.annotation, repr(field.metadata), field.description) == (
            first[key].annotation,
            repr(first[key].metadata),
            first[key].description,
        )
    assert METHODS[name].defaults.but() == model(**METHODS[name].defaults.model_dump())
