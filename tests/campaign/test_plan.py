"""A campaign: the runs that follow from a config, what identifies them, and what is refused."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalearn.campaign.keys import normal
from scalearn.campaign.plan import Campaign
from scalearn.campaign.variants import Variant
from scalearn.cli.options import hyper_parameters
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.tasks.generated import RECIPES
from tests.campaign.default import campaign
from tests.places import ROOT


def test_the_papers_campaign() -> None:
    paper = campaign()
    # The reference's numbers of runs: single-task 52, 56 (RTE is GLUE's) and 15; two-stage 52, 66, 108 (GSG) and 15.
    # Joint runs: one for each benchmark and of three seeds.
    single, two_stage = 4 * (52 + 56 + 15), 5 * (52 + 66 + 108 + 15)
    assert len(paper.trainings) == single + two_stage + 5 * 3 * 4
    assert paper.size() == "1757 runs for 14 rows and 20 tasks"
    assert next(iter(paper.trainings)) == "roberta-base/full_finetuning/single/mnli/full/0"
    for path in (
        "xlm-roberta-base/scalearn/humset/sectors/full/2",
        "roberta-base/adapter_m/gsg/joint/full/0",
        "roberta-base/scalearn_pp/glue/rte/full/9",
        "roberta-base/scalearn/epochs=3/superglue/record/full/0",
    ):
        assert path in paper.trainings
    assert {run.seed for run in paper.trainings.values() if run.tasks == ("mnli",)} == {0, 1, 2}


def test_two_benchmarks_share_their_single_task_runs() -> None:
    both = campaign(methods=["adapter"], benchmarks={"a": ["rte"], "b": ["rte"]}, task_seeds={})
    assert len(both.trainings) == 10


def test_source_runs_keep_the_benchmarks_order_whatever_the_methods() -> None:
    order = campaign(methods=["scalearn"], benchmarks={"b": ["cola", "rte", "mrpc"]}, task_seeds={})
    assert [run.path for run in order.source_runs("b", 4)] == [
        f"roberta-base/adapter/single/{task}/full/4" for task in ("cola", "rte", "mrpc")
    ]


def test_sources_and_encoder_of_a_benchmark_are_its_own() -> None:
    long = {"tasks": ["rte"], "sources": ["mnli", "qqp"], "model": "xlm-roberta-base"}
    two = campaign(methods=["adapter", "scalearn"], benchmarks={"a": ["cola"], "b": long}, task_seeds={}, seeds=[0])
    assert [run.path for run in two.source_runs("b", 0)] == [
        f"xlm-roberta-base/adapter/single/{task}/full/0" for task in ("mnli", "qqp")
    ]
    alone, composed = two.runs("b")
    assert alone.path == "xlm-roberta-base/adapter/single/rte/full/0"
    assert (composed.model, composed.benchmark, composed.task) == ("xlm-roberta-base", "b", "rte")
    assert composed.sources == tuple(run.path for run in two.source_runs("b", 0))
    assert set(two.tasks) == {"cola", "rte", "mnli", "qqp"}  # sources are prepared, though no table shows them
    assert set(two.models) == {"roberta-base", "xlm-roberta-base"}


def test_an_unavailable_task_keeps_its_column_and_nothing_else() -> None:
    without = campaign(methods=["adapter", "scalearn"], benchmarks={"b": ["record", "cb"]}, unavailable=["record"])
    assert set(without.tasks) == {run.task for run in without.trainings.values()} == {"cb"}
    assert [run.task for run in without.source_runs("b", 0)] == ["cb"]
    assert without.layout("b")["tasks"] == ("record", "cb")


def test_metrics_are_part_of_what_a_task_is_if_they_choose_the_epoch_or_need_groups() -> None:
    def definition(select: str, metric: str) -> str:
        mine = {"source": {"kind": "files", "train": "a.csv"}, "select": select, "metrics": [metric]}
        return campaign(tasks={"mine": mine}, benchmarks={"b": ["mine"]}, task_seeds={}).definition("mine")

    assert definition("loss", "f1") == definition("loss", "accuracy")
    assert definition("headline", "f1") != definition("headline", "accuracy")
    assert definition("loss", "exact_match") != definition("loss", "accuracy")


def test_the_class_that_f1_is_of_is_for_the_scores_unless_it_chooses_the_epoch() -> None:
    def mine(select: str, **changes: Any) -> Campaign:
        task = {"source": {"kind": "files", "train": "a.csv"}, "select": select, "metrics": ["f1"], **changes}
        return campaign(tasks={"mine": task}, benchmarks={"b": ["mine"]}, task_seeds={})

    plain, named = mine("loss"), mine("loss", positive="it's so")
    assert plain.definition("mine") == named.definition("mine")
    scored = [(layout["metrics"], layout["positive"]) for layout in (c.layout("b") for c in (plain, named))]
    assert scored == [({"mine": ("f1",)}, {}), ({"mine": ("f1",)}, {"mine": "it's so"})]
    assert mine("headline").definition("mine") != mine("headline", positive="yes").definition("mine")
    with pytest.raises(UserError, match=r"tasks\.mine: positive: 'yes' is not a label; write 'a' or 'b'"):
        mine("loss", positive="yes", labels=["a", "b"])
    with pytest.raises(UserError, match=r"tasks\.mine: positive: this key needs exactly two labels, found 3"):
        mine("loss", positive="a", labels=["a", "b", "c"])
    with pytest.raises(UserError, match=r"tasks\.mine: positive: kind 'regression' has no positive class"):
        mine("loss", positive="a", kind="regression", metrics=["pearson"])


def test_one_name_needs_no_brackets() -> None:
    short = {
        "source": {"kind": "files", "train": "a.csv"},
        "kind": "multiple_choice",
        "texts": "q",
        "choices": "all",
        "metrics": "accuracy",
    }
    task = campaign(tasks={"mine": short}, benchmarks={"b": ["mine"]}, task_seeds={}).tasks["mine"]
    assert (task.texts, task.choices, task.metrics) == (("q",), ("all",), ("accuracy",))


def test_a_limit_of_rows_is_part_of_what_a_task_is() -> None:
    few = campaign(train_rows={"multirc": 2000})
    assert few.tasks["multirc"].train_rows == 2000
    assert few.definition("multirc") != campaign().definition("multirc")
    assert few.definition("boolq") == campaign().definition("boolq")


def test_hyperparameters_come_in_layers_and_in_the_defaults_types() -> None:
    layers = campaign(hyperparameters={"all": {"epochs": 5, "learning_rate": 1}, "scalearn": {"learning_rate": 0.5}})
    assert layers.hyperparameters("scalearn", "glue", "rte").learning_rate == 0.5
    assert layers.hyperparameters("adapter", "single", "rte").learning_rate == 1.0
    assert isinstance(layers.hyperparameters("adapter", "single", "rte").learning_rate, float)
    assert isinstance(layers.hyperparameters("adapter", "single", "rte").epochs, int)
    assert campaign().hyperparameters("adapter", "single", "rte") == METHODS["adapter"].defaults


def test_the_narrower_layer_counts() -> None:
    layers = campaign(
        hyperparameters={"all": {"epochs": 9}, "two_stage": {"epochs": 8}, "scalearn": {"batch_size": 4}},
        benchmark_hyperparameters={"superglue": {"two_stage": {"epochs": 7}}},
        task_hyperparameters={"cb": {"scalearn": {"epochs": 6}, "all": {"batch_size": 2}}},
    )
    epochs = {
        (method, benchmark, task): layers.hyperparameters(method, benchmark, task).epochs
        for method, benchmark in (("adapter", "single"), ("scalearn", "glue"), ("scalearn", "superglue"))
        for task in ("rte", "cb")
    }
    assert [*epochs.values()] == [9, 9, 8, 6, 7, 6]
    assert layers.hyperparameters("scalearn", "superglue", "cb").batch_size == 2
    assert layers.hyperparameters("scalearn", "superglue", "rte").batch_size == 4


def test_the_paper_s_values_for_record() -> None:
    assert campaign().hyperparameters("scalearn", "gsg", "record").epochs == 3
    assert campaign().hyperparameters("adapter", "single", "record").epochs == 30
    mine = campaign(hyperparameters={"two_stage": {"epochs": 5}})
    assert mine.hyperparameters("scalearn", "gsg", "record").epochs == 5  # what a campaign says comes on top


def changed(some: Campaign, method: str = "adapter", task: str = "rte") -> dict[str, Any]:
    return some.run("glue", Variant.plain(method), task, 0).hyperparameters


def test_what_changed_is_what_differs_from_the_defaults_in_one_spelling() -> None:
    assert changed(campaign()) == changed(campaign(hyperparameters={"all": {"epochs": 30.0}})) == {}
    one = campaign(hyperparameters={"adapter": {"weight_decay": 1, "epochs": 5}})
    other = campaign(hyperparameters={"adapter": {"epochs": 5.0}, "all": {"weight_decay": 1.0}})
    texts = [json.dumps(changed(some)) for some in (one, other)]
    assert texts == ['{"epochs": 5, "weight_decay": 1.0}'] * 2


@pytest.mark.parametrize("name", METHODS)
def test_no_hyperparameter_is_negative_or_without_end(name: str) -> None:
    """Neither in a campaign nor on the command line, which both ask the method's model."""
    for key in METHODS[name].hyperparameters.model_fields:
        for value in (-1, -1e-9, math.nan, math.inf, "-1", None):
            with pytest.raises(UserError, match=rf"config.yaml: hyperparameters.{name}.{key}: .* expected, found "):
                campaign(hyperparameters={name: {key: value}})
            with pytest.raises(UserError, match=rf"--hyperparameters: {key}: .* expected, found "):
                hyper_parameters(name, json.dumps({key: value}))


def possible(key: str) -> st.SearchStrategy[Any]:
    field = METHODS["scalearn"].hyperparameters.model_json_schema()["properties"][key]
    if "enum" in field:
        return st.sampled_from(field["enum"])
    most = 1 if field["type"] == "boolean" else field.get("maximum", 10**6)
    return st.integers(math.ceil(field.get("minimum", 0)), most)


@given(
    st.fixed_dictionaries({}, optional={key: possible(key) for key in METHODS["scalearn"].hyperparameters.model_fields})
)
def test_defaults_and_changes_give_back_all_hyperparameters(values: dict[str, Any]) -> None:
    some = campaign(hyperparameters={"scalearn": values})
    by_hand = hyper_parameters("scalearn", json.dumps(changed(some, "scalearn")))
    assert METHODS["scalearn"].defaults.but(**by_hand) == some.hyperparameters("scalearn", "glue", "rte")


def test_a_definition_says_its_source_and_what_differs_from_defaults() -> None:
    mine = {"source": {"kind": "files", "train": "a.csv", "test": "b.csv"}, "max_length": 128}
    more = {**mine, "metrics": ["f1"]}
    plain, with_metrics = (
        campaign(tasks={"mine": task}, benchmarks={"b": ["mine", "rte"]}, task_seeds={}) for task in (mine, more)
    )
    assert plain.definition("mine") == '{"source":{"kind":"files","test":"b.csv","train":"a.csv"}}'
    assert with_metrics.definition("mine") == plain.definition("mine")  # another metric makes no rows anew
    assert (plain.metrics("mine"), with_metrics.metrics("mine")) == (("accuracy",), ("f1",))
    assert '"kind":"hub"' in plain.definition("rte")
    assert plain.task_inputs("mine") == ["a.csv", "b.csv"] and plain.task_inputs("rte") == []


def test_each_task_has_one_origin() -> None:
    tasks = {
        "table": {"source": {"kind": "files", "train": "a.csv", "test": "b.csv"}},
        "ruled": {"source": {"kind": "rule"}},
    }
    everything = {"b": ["rte", "table", "ruled", "demo_nli"]}
    online = campaign(tasks=tasks, benchmarks=everything, task_seeds={})
    assert [online.task_keys(kind) for kind in ("hub", "mirror", "files", "rule", "generated")] == [
        ["rte"],
        [],
        [online.task_key("table")],
        ["ruled"],
        ["demo_nli"],
    ]
    mirrored = campaign(tasks=tasks, benchmarks=everything, task_seeds={}, mirror="somewhere")
    assert [mirrored.task_names[key] for key in mirrored.task_keys("mirror")] == ["rte"]
    assert mirrored.task_keys("hub") == [] and mirrored.task_key("rte") != online.task_key("rte")


def test_how_to_compute_is_said_where_it_is_not_left_to_the_device() -> None:
    def variant(**compute: Any) -> str:
        run = next(iter(campaign(methods=["adapter"], compute=compute).trainings.values()))
        return run.variant

    assert variant() == variant(precision="auto", tf32="auto") == "adapter"
    assert variant(tf32=True, attention="eager", precision="bf16") == (
        "adapter/attention=eager+precision=bf16+tf32=true"
    )
    assert variant(compile="off") == variant(compile=False) == "adapter/compile=false"


def test_the_demo_stays_small_and_the_showcase_goes_on_from_it() -> None:
    demo, showcase = (Campaign.read(ROOT / f"profiles/{name}/campaign.yaml") for name in ("demo", "showcase"))
    passes = 0  # of a row through a training, about 12 ms each on one core
    for run in demo.trainings.values():
        task = demo.task_names[run.task]
        passes += (demo.tasks[task].train_rows or RECIPES[task].train) * run.values.epochs
    assert len(demo.trainings) <= 32 and passes <= 26_000
    # All that the demo has made is the showcase's, too.
    assert demo.trainings.items() < showcase.trainings.items()
    assert demo.task_names == showcase.task_names and demo.model_names == showcase.model_names
    assert demo.benchmarks == showcase.benchmarks


def test_what_a_table_shows_is_told_from_what_it_showed() -> None:
    paper = campaign()
    assert paper.layout("glue")["rows"][1]["seeds"]["mnli"] == (0, 1, 2)
    assert paper.shown("glue") == campaign().shown("glue") != campaign(seeds=[0]).shown("glue")
    assert paper.shown("glue") == campaign(max_time="1h").shown("glue")
    with pytest.raises(ValueError):
        normal({"nan": float("nan")})


def test_a_campaign_is_parsed_without_the_heavy_libraries() -> None:
    """Every submitted job parses the campaign anew."""
    line = "import sys, scalearn.campaign.plan, scalearn.preflight.inputs, scalearn.cluster.snakefile\n"
    line += "import scalearn.cli.commands\n"
    line += "print([name for name in ('torch', 'transformers', 'pandas', 'pyarrow', 'sklearn') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
