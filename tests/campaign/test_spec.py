"""A run's specification: its path says what tells it from others, and its JSON is read as it was written."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from scalearn.campaign.keys import KEY_PATTERN, LONGEST, is_of, shortened, task_key
from scalearn.campaign.plan import Campaign
from scalearn.campaign.shipped import BENCHMARKS, MODELS, SENTENCE_ENCODER
from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.methods import METHODS
from tests.places import ROOT

DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
PLAIN = {"method": "adapter", "model": "roberta-base", "tasks": ["rte"]}
STAGE2 = {**PLAIN, "method": "scalearn", "benchmark": "pair", "sources": ["roberta-base/adapter/single/rte/full/0"]}
# Each changes what a run is, beside what STAGE2 says.
CHANGES: list[dict[str, Any]] = [
    {"method": "scalearn_pp"},
    {"model": "roberta-base@00000000"},
    {"tasks": ["rte@train_rows=9"]},
    {"tasks": ["cola"]},
    {"benchmark": "three"},
    {"seed": 1},
    {"hyperparameters": {"learning_rate": 0.5}},
    {"hyperparameters": {"learning_rate": 0.5000000001}},
    {"hyperparameters": {"learning_rate": 0.5, "epochs": 7}},
    {"sources": ["roberta-base/adapter/single/rte/full/1"]},
    {"sources": ["roberta-base/adapter/epochs=1/single/rte/full/0"]},
    {"sentence_encoder": "minilm"},
    {"tasks": ["copa"]},
    {"tasks": ["copa"], "switches": ["copa_pooled_head"]},
    {"compute": {"precision": "float32"}},
]


def campaign(**changes: Any) -> Campaign:
    return Campaign.parse({**DEFAULT, **changes})


def test_the_shipped_definitions_are_those_of_the_papers_campaign() -> None:
    config = campaign().config
    assert dict(MODELS) == config.models
    assert {name: benchmark.tasks for name, benchmark in config.benchmarks.items()} == BENCHMARKS
    assert config.sentence_encoder == SENTENCE_ENCODER


def test_whatever_tells_two_runs_apart_is_in_the_path() -> None:
    specs = [RunSpec.model_validate({**STAGE2, **change}) for change in [{}, *CHANGES]]
    assert len({spec.path for spec in specs}) == len({spec.json_text for spec in specs}) == len(specs)
    fields = {field for change in CHANGES for field in change}
    assert fields | {"shots", "versions"} == RunSpec.model_fields.keys()  # a new field belongs among the changes


def test_what_is_at_its_default_is_not_spelt_out() -> None:
    spec = RunSpec.model_validate({**PLAIN, "hyperparameters": METHODS["adapter"].defaults.model_dump()})
    assert spec.path == "roberta-base/adapter/single/rte/full/0"
    assert json.loads(spec.json_text) == {**PLAIN, "versions": spec.versions}
    assert spec.record["hyperparameters"] == METHODS["adapter"].defaults.model_dump()
    assert spec.record["compute"]["precision"] == "auto"


def test_the_model_that_wrote_a_spec_reads_it() -> None:
    for run in campaign(methods=["adapter", "adapter_m", "adapter_soup", "scalearn"]).trainings.values():
        assert (
            RunSpec.model_validate_json(run.json_text) == run == RunSpec.of_record(json.loads(json.dumps(run.record)))
        )


def test_another_version_of_the_code_makes_other_runs() -> None:
    spec = RunSpec.model_validate(PLAIN)
    versions = {**spec.versions, "training": spec.versions["training"] + 1}
    with pytest.raises(ValidationError, match="start the campaign again"):
        RunSpec.model_validate({**PLAIN, "versions": versions})
    assert RunSpec.of_record({**spec.record, "versions": versions}) == spec


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"method": "adaptor"}, "unknown method 'adaptor', did you mean 'adapter'?"),
        ({"tasks": ["rte", "cola"]}, "method 'adapter' learns one task; name one"),
        ({"method": "adapter_m", "tasks": ["rte", "rte@00000000"]}, "name each once"),
        ({"switches": ["copa"]}, "switches: unknown name 'copa'"),
        ({"tasks": ["../rte"]}, "String should match pattern"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"shot": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_spec_is_checked(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        RunSpec.model_validate({**PLAIN, **change})


def test_the_shipped_benchmarks_need_no_digest_until_their_sources_differ() -> None:
    def group(**changes: Any) -> set[str]:
        runs = campaign(methods=["scalearn"], benchmarks={"glue": DEFAULT["benchmarks"]["glue"]}, **changes).trainings
        return {run.group for run in runs.values() if run.method == "scalearn"}

    assert group() == {"glue"}
    others = [
        group(source_seed=1),
        group(train_rows={"rte": 50}),
        group(unavailable=["cola"]),
        group(hyperparameters={"adapter": {"epochs": 1}}),
        group(compute={"precision": "float32"}),
    ]
    assert all(len(names) == 1 and all(re.fullmatch("glue@[0-9a-f]{8}", name) for name in names) for names in others)
    assert len(set.union(*others)) == len(others)
    assert len(group(source_seed="paired")) == 10  # a stack for each seed


def test_a_task_or_encoder_of_another_definition_has_another_folder() -> None:
    def keys(**changes: Any) -> tuple[str, str]:
        mine = {"reviews": {"source": {"kind": "files", "train": "a.csv"}, **changes.pop("task", {})}}
        models = {"mine": {"kind": "folder", "path": "here"}, **changes.pop("models", {})}
        some = campaign(
            model="mine",
            models=models,
            tasks=mine,
            benchmarks={"b": ["reviews"]},
            methods=["adapter"],
            task_seeds={},
            sentence_encoder=None,
            **changes,
        )
        return some.model_key("mine"), some.task_key("reviews")

    model, task = keys()
    assert re.fullmatch("mine@[0-9a-f]{8}", model) and re.fullmatch("reviews@[0-9a-f]{8}", task)
    assert keys(task={"max_length": 64})[1] != task and keys(train_rows={"reviews": 9})[1] != task
    assert keys(task={"metrics": ["f1"]}) == (model, task)  # for the scores, which make no rows anew
    assert keys(models={"mine": {"kind": "folder", "path": "there"}})[0] != model


def test_a_task_of_the_package_says_what_is_not_as_shipped() -> None:
    def key(task: str, **changes: Any) -> str:
        return campaign(**changes).task_key(task)

    assert key("rte") == key("rte", protocol="reference", source_seed=0) == "rte"
    assert key("record", protocol="reference") == "record@reference"
    assert key("rte", train_rows={"rte": 300}) == "rte@train_rows=300"
    assert key("record", protocol="reference", train_rows={"record": 300}) == "record@reference@train_rows=300"
    assert key("rte", mirror="a") != key("rte", mirror="b") != key("rte")


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True)


@given(NAMES, st.integers(2, 10**9), st.booleans())
@example("a" * 22, 2, True)  # cut right behind a mark
def test_keys_are_short_and_hold_nothing_odd(name: str, rows: int, shipped: bool) -> None:
    content = {"train_rows": rows, "source": "a, b/c"}
    key = task_key(name, content, {"": {"source": "a, b/c"}} if shipped else {})
    assert len(key) <= LONGEST and re.fullmatch(KEY_PATTERN, key)


@given(st.text(), st.text())
def test_what_is_shortened_stays_apart(one: str, other: str) -> None:
    assert (shortened(one) == shortened(other)) == (one == other)


@given(NAMES, NAMES, NAMES, st.integers(0, 2**32 - 1), st.floats(1e-300, 1, exclude_min=True), st.integers(1, 10**9))
def test_a_path_makes_one_file_name_for_the_plugin(
    model: str, task: str, benchmark: str, seed: int, rate: float, epochs: int
) -> None:
    spec = RunSpec(
        method="scalearn_uniform_pp",
        model=shortened(model),
        tasks=(shortened(task),),
        benchmark=benchmark,
        seed=seed,
        hyperparameters={"learning_rate": rate, "epochs": epochs, "weight_decay": rate, "warmup_ratio": rate},
        sources=("a",),
    )
    wildcards = [spec.model, spec.variant, spec.group, spec.task, str(spec.seed)]
    assert len("_".join(wildcards)) < 200
    assert re.fullmatch(r"[A-Za-z0-9_@+=.-]+(/[A-Za-z0-9_@+=.-]+)+", spec.path)


@pytest.mark.parametrize("length", [1, 22, 23, 24, 25, 31, 32, 33, 64])
def test_names_of_any_length_are_known_by_their_keys(length: int) -> None:
    name = "ab" * 32
    of = {"name": name[:length], "other": name[: length - 1] + "x"}
    tasks = {task: {"source": {"kind": "files", "train": f"{said}.csv"}} for said, task in of.items()}
    some = campaign(
        model=of["name"],
        models={of["name"]: {"kind": "folder", "path": "here"}},
        tasks=tasks,
        benchmarks={"b": list(tasks)},
        methods=["adapter_m"],
        seeds=[0],
        task_seeds={},
        joint_seeds=[0],
        sentence_encoder=None,
    )
    assert is_of(some.model_key(of["name"]), of["name"])
    assert all(is_of(some.task_key(task), task) for task in tasks)
    (run,) = some.trainings.values()
    assert len(set(run.tasks)) == 2 and len(run.tasks[0]) <= LONGEST


def test_two_long_names_of_equal_beginnings_and_content_stay_apart() -> None:
    content = {"source": "a"}
    assert len({task_key(f"{'a' * 40}{end}", content, {}) for end in "xyz"}) == 3


def test_the_folder_of_a_rule_of_the_user_s_is_its_task_s_name() -> None:
    def name(length: int) -> str:
        return ("own-task-" * 10)[:length]

    def parsed(length: int) -> Campaign:
        mine = {name(length): {"source": {"kind": "rule"}}}
        return campaign(tasks=mine, benchmarks={"b": list(mine)}, task_seeds={})

    assert parsed(LONGEST).task_key(name(LONGEST)) == name(LONGEST)
    with pytest.raises(UserError, match=r"a rule of your own makes this task, .* of at most 32 characters"):
        parsed(LONGEST + 1)
