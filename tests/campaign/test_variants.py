"""Rows of tables: what entries of `methods` make of themselves, and the runs behind them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import RunSpec
from scalearn.campaign.variants import ablations
from scalearn.errors import UserError
from scalearn.methods import METHODS

CONFIG: dict[str, Any] = {
    "model": "tiny",
    "models": {"tiny": {"kind": "folder", "path": "model"}},
    "tasks": {name: {"source": {"kind": "rule"}} for name in ("one", "two")},
    "benchmarks": {"pair": ["one", "two"]},
    "seeds": [0, 1],
}


def campaign(*methods: Any, **changes: Any) -> Campaign:
    return Campaign.parse({**CONFIG, "methods": list(methods), **changes})


def rows(*methods: Any) -> list[tuple[str, str]]:
    """Return names and titles."""
    return [(row.name, row.title) for row in campaign(*methods).rows]


def settings(*methods: Any) -> list[list[str]]:
    """Return what each row's settings are in words."""
    return [[variant.description for variant in row.variants] for row in campaign(*methods).rows]


def paths(*methods: Any, **changes: Any) -> set[str]:
    """Return the paths of the runs that the table shows of task one and seed 0."""
    return {run.path for run in shown(*methods, **changes)}


def shown(*methods: Any, **changes: Any) -> list[RunSpec]:
    return [run for run in of_tables(campaign(*methods, **changes)) if run.seed == 0 and run.tasks[0] == "one"]


def of_tables(campaign: Campaign) -> list[RunSpec]:
    """Return the runs that its tables show, each once for each table."""
    return [run for benchmark in campaign.benchmarks for run in campaign.runs(benchmark)]


def refusal(*methods: Any) -> str:
    with pytest.raises(UserError) as caught:
        campaign(*methods)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---------------------------------------------------------------------- names and titles


def test_a_plain_row_is_called_as_its_method() -> None:
    assert rows("adapter", {"method": "scalearn"}) == [("adapter", "Adapter"), ("scalearn", "ScaLearn")]


def test_a_row_is_called_by_its_settings_unless_it_has_a_name() -> None:
    own = {"method": "scalearn", "omega_dropout": 0, "schedule": "cosine", "length_buckets": True}
    name, title = rows(own)[0]
    assert name == "scalearn omega_dropout=0 schedule=cosine length_buckets=true"
    assert title == "ScaLearn, omega_dropout 0, schedule cosine, length_buckets true"
    assert rows({**own, "name": "Mine"}) == [("Mine", "Mine")]


def test_a_list_makes_a_row_of_each_value() -> None:
    assert rows({"method": "adapter", "learning_rate": [0.0003, 0.001]}) == [
        ("adapter learning_rate=0.0003", "Adapter, learning_rate 0.0003"),
        ("adapter learning_rate=0.001", "Adapter, learning_rate 0.001"),
    ]
    named = {"method": "adapter", "name": "Short", "epochs": 3, "reduction_factor": [8, 16]}
    assert rows(named) == [
        ("Short reduction_factor=8", "Short, reduction_factor 8"),
        ("Short reduction_factor=16", "Short, reduction_factor 16"),
    ]
    assert settings(named) == [["epochs 3, reduction_factor 8"], ["epochs 3, reduction_factor 16"]]


def test_several_lists_make_their_product() -> None:
    sweep = {"method": "scalearn", "omega_dropout": [0, 0.1], "epochs": 3, "omega_scale": [1, 2, 3]}
    made = campaign(sweep).rows
    assert len(made) == len({row.name for row in made}) == len({row.title for row in made}) == 6
    assert made[1].name == "scalearn epochs=3 omega_dropout=0 omega_scale=2"
    assert len(paths(sweep)) == 6


def test_select_makes_one_row_of_all_settings() -> None:
    sweep = {"method": "scalearn", "omega_dropout": [0, 0.1], "omega_scale": [1, 3], "select": "validation"}
    assert rows(sweep) == [
        ("scalearn select=omega_dropout+omega_scale", "ScaLearn, best omega_dropout and omega_scale")
    ]
    assert settings(sweep) == [
        [f"omega_dropout {dropout}, omega_scale {scale}" for dropout in ("0", "0.1") for scale in (1, 3)]
    ]
    assert rows({**sweep, "name": "Tuned"}) == [("Tuned", "Tuned")]
    assert paths(sweep) == paths({key: value for key, value in sweep.items() if key != "select"})


def test_values_that_differ_a_little_do_not_look_alike() -> None:
    titles = [title for _, title in rows({"method": "adapter", "learning_rate": [1e-07, 1.0000001e-07]})]
    assert titles == ["Adapter, learning_rate 1e-07", "Adapter, learning_rate 1.0000001e-07"]


# ---------------------------------------------------------------------- runs


def test_a_setting_that_is_the_default_is_the_plain_run() -> None:
    default = METHODS["adapter"].defaults.learning_rate
    plain = paths("adapter")
    assert paths({"method": "adapter", "learning_rate": default}) == plain
    swept = paths({"method": "adapter", "learning_rate": [default, 0.5]})
    assert swept > plain and len(swept) == 2


def test_a_setting_stands_in_the_path_and_in_the_run() -> None:
    (run,) = shown({"method": "adapter", "learning_rate": 0.5})
    assert "/adapter/learning_rate=0.5/single/" in run.path and run.hyperparameters == {"learning_rate": 0.5}


@pytest.mark.parametrize("value", [0, 0.0, "0", "0.0"])
def test_equal_values_are_one_setting_however_they_are_written(value: object) -> None:
    """As text they come from `--config`, inside of lists and mappings."""
    own = {"method": "scalearn", "omega_dropout": value}
    assert rows(own) == [("scalearn omega_dropout=0", "ScaLearn, omega_dropout 0")]
    assert paths(own) == paths({"method": "scalearn", "omega_dropout": 0})


def test_a_rows_settings_count_more_than_the_hyperparameters_of_the_campaign() -> None:
    layers = {
        "hyperparameters": {"adapter": {"epochs": 7}},
        "task_hyperparameters": {"one": {"adapter": {"epochs": 8}}},
    }
    (plain,), (own,) = shown("adapter", **layers), shown({"method": "adapter", "epochs": 9}, **layers)
    assert (plain.values.epochs, own.values.epochs) == (8, 9)


def test_rows_that_share_runs_do_not_train_them_twice() -> None:
    sweep = {"method": "adapter", "epochs": [3, 4]}
    both = campaign(sweep, {**sweep, "select": "validation"})
    assert both.trainings.keys() == campaign(sweep).trainings.keys()


def test_a_layout_says_the_runs_of_each_setting() -> None:
    sweep = {"method": "adapter", "epochs": [3, 4], "select": "validation"}
    made = campaign(sweep, seeds=[0, 1, 2], task_seeds={"two": [2]}, benchmarks={"pair": ["one", "two"]})
    (row,) = made.layout("pair")["rows"]
    assert row["seeds"] == {"one": (0, 1, 2), "two": (2,)}
    for setting, epochs in zip(row["settings"], (3, 4), strict=True):
        runs = [made.trainings[path] for task in ("one", "two") for path in setting["runs"][task]]
        assert [(run.task, run.seed, run.values.epochs) for run in runs] == [
            ("one", 0, epochs), ("one", 1, epochs), ("one", 2, epochs), ("two", 2, epochs)
        ]  # fmt: skip


def test_what_a_table_shows_is_another_with_another_name_setting_or_choice() -> None:
    sweep = {"method": "adapter", "epochs": [3, 4]}
    made = [
        (sweep,),
        ({**sweep, "select": "validation"},),
        ({**sweep, "name": "mine"},),
        ({**sweep, "epochs": [4, 3]},),
        ({**sweep, "epochs": [3, 5]},),
    ]
    assert len({campaign(*methods).shown("pair") for methods in made}) == len(made)


# ---------------------------------------------------------------------- sources

SHORT = {"method": "adapter", "name": "short", "epochs": 3}


def test_sources_names_the_row_whose_adapters_are_composed() -> None:
    composing = {"method": "scalearn", "sources": "short"}
    plain, own = (run for run in shown(SHORT, "scalearn", composing) if run.method == "scalearn")
    assert all("/adapter/single/" in path for path in plain.sources) and len(plain.sources) == 2
    assert all("/adapter/epochs=3/single/" in path for path in own.sources) and len(own.sources) == 2
    assert own.path != plain.path and own.stack != plain.stack
    assert rows(SHORT, composing)[1] == ("scalearn sources=short", "ScaLearn, sources short")


def test_all_sources_are_trained_whether_a_table_shows_them_or_not() -> None:
    """With source_seed 0 and seeds 1 and 2, no table shows the adapters that are composed."""
    made = campaign(SHORT, "scalearn", {"method": "scalearn", "sources": "short"}, seeds=[1, 2])
    composed = {path for run in made.trainings.values() for path in run.sources}
    assert len(composed) == 4 and composed <= made.trainings.keys()
    assert composed.isdisjoint(run.path for run in of_tables(made))


def test_a_row_of_a_sweep_can_be_named_and_both_are_told_apart() -> None:
    sweep = {"method": "adapter", "epochs": [3, 4]}
    composing = [{"method": "scalearn", "sources": f"adapter epochs={epochs}"} for epochs in (3, 4)]
    assert rows(sweep, *composing)[2:] == [
        (f"scalearn sources=adapter epochs={epochs}", f"ScaLearn, sources Adapter, epochs {epochs}")
        for epochs in (3, 4)
    ]
    assert len([run for run in shown(sweep, *composing) if run.method == "scalearn"]) == 2


def test_the_plain_row_as_sources_makes_the_plain_runs() -> None:
    assert paths("adapter", {"method": "scalearn", "sources": "adapter"}) == paths("adapter", "scalearn")


@pytest.mark.parametrize(
    ("methods", "sentence"),
    [
        ([{"method": "scalearn", "sources": "short"}], "no 'adapter' row above is called 'short'; add one before this"),
        (
            [{"method": "scalearn", "sources": "short"}, SHORT],
            "no 'adapter' row above is called 'short'; add one before",
        ),
        ([SHORT, {"method": "scalearn", "sources": "shrt"}], "is called 'shrt', did you mean 'short'?"),
        (["full_finetuning", {"method": "scalearn", "sources": "full_finetuning"}], "no 'adapter' row above is called"),
        (
            [{**SHORT, "epochs": [3, 4], "select": "validation"}, {"method": "scalearn", "sources": "short"}],
            "the row 'short' has several settings; name a row that has one",
        ),
    ],
)
def test_what_cannot_be_composed_is_refused(methods: list[Any], sentence: str) -> None:
    assert refusal(*methods).startswith("config.yaml: methods.scalearn: sources: ") and sentence in refusal(*methods)


@pytest.mark.parametrize("method", ["adapter", "adapter_m"])
def test_only_two_stage_methods_have_sources(method: str) -> None:
    said = refusal(SHORT, {"method": method, "sources": "short", "name": "x"})
    assert said == (f"config.yaml: methods.{method}: sources: only two-stage methods compose adapters; remove the key")


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("methods", "sentence"),
    [
        (["adaptor"], "unknown name 'adaptor', did you mean 'adapter'?"),
        (["scalearn_c2"], "unknown name 'scalearn_c2', did you mean 'scalearn_c"),
        (["adapter", "adapter"], "'adapter' is listed more than once; keep one, or give one a `name`"),
        (["adapter", {"method": "adapter"}], "'adapter' is listed more than once"),
        (["adapter", {"method": "adapter", "name": "Adapter"}], "'Adapter' is listed more than once"),
        ([SHORT, {**SHORT, "epochs": 4}], "'short' is listed more than once"),
        (
            [{"method": "adapter", "epochs": 3}, {"method": "adapter", "epochs": 3.0}],
            "'adapter epochs=3' is listed more",
        ),
    ],
)
def test_names_are_known_and_each_is_there_once(methods: list[Any], sentence: str) -> None:
    assert refusal(*methods).startswith(f"config.yaml: methods: {sentence}")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"omega_dropuot": 0}, "omega_dropuot: unknown key, did you mean 'omega_dropout'?"),
        ({"omega_dropout": 2}, "omega_dropout: a number from 0 to 1 is expected, found the number 2"),
        ({"omega_dropout": [0, 2]}, "omega_dropout: a number from 0 to 1 is expected, found the number 2"),
        ({"omega_dropout": "high"}, "omega_dropout: a number from 0 to 1 is expected, found the text 'high'"),
        ({"omega_dropout": True}, "omega_dropout: a number from 0 to 1 is expected, found true"),
        ({"omega_dropout": []}, "omega_dropout is an empty list; name at least one value"),
        ({"omega_dropout": [0, 0.1, 0.0]}, "omega_dropout has a value twice; keep one"),
        ({"length_buckets": [True, 1]}, "length_buckets has a value twice; keep one"),
        ({"omega_dropout": [0, "0"]}, "omega_dropout has a value twice; keep one"),
        ({"epochs": [3, 3.5]}, "epochs: a whole number of at least 1 is expected, found the number 3.5"),
        ({"select": "validation"}, "select: there is only one setting; give a list of values"),
        ({"omega_dropout": 0, "select": "validation"}, "select: there is only one setting; give a list of values"),
        ({"omega_dropout": [0], "select": "validation"}, "select: there is only one setting; give a list of values"),
        ({"omega_dropout": 0, "name": "scalearn"}, "name: 'scalearn' is the name of a method; choose another"),
        ({"name": "adapter"}, "name: 'adapter' is the name of a method; choose another"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(row: dict[str, Any], sentence: str) -> None:
    assert refusal({"method": "scalearn", **row}) == f"config.yaml: methods.scalearn: {sentence}"


@pytest.mark.parametrize("name", ["a|b", "a\nb", "", "x" * 81])
def test_a_name_that_would_break_a_table_is_refused(name: str) -> None:
    assert refusal({"method": "adapter", "name": name}).startswith("config.yaml: methods[0].name: a text of at most 80")


# ---------------------------------------------------------------------- the paper's ablations


def test_the_old_names_of_the_ablations_make_rows_with_settings() -> None:
    made = campaign(*ablations())
    assert {row.method.name for row in made.rows} == {"scalearn", "scalearn_uniform", "scalearn_uniform_pp"}
    assert [row.title for row in made.rows] == [row["name"] for row in ablations().values()]
    for row, content in zip(made.rows, ablations().values(), strict=True):
        wanted = {key: value for key, value in content.items() if key not in ("method", "name")}
        (variant,) = row.variants
        assert variant.settings == wanted
    runs = [run for run in of_tables(made) if run.seed == 0 and run.tasks == ("one",)]
    assert len({run.path for run in runs}) == len(ablations())  # none is another's, or the plain method's
    assert all(run.hyperparameters for run in runs)


def test_an_old_name_comes_with_a_note_that_can_be_pasted() -> None:
    made = campaign("adapter", "scalearn_c1", "scalearn_mean")
    assert len(made.notes) == 2
    for note, old in zip(made.notes, ("scalearn_c1", "scalearn_mean"), strict=True):
        before, pasted = note.split(" now: ")
        assert before == f"methods: '{old}' is a row of 'scalearn'"
        assert yaml.safe_load(pasted) == json.loads(pasted) == ablations()[old]
        assert rows(yaml.safe_load(pasted)) == rows(old) and paths(yaml.safe_load(pasted)) == paths(old)
    assert campaign("adapter", "scalearn").notes == []


def test_an_ablation_may_have_other_settings_but_its_own_only_under_another_name() -> None:
    (run,) = shown({"method": "scalearn_c1", "epochs": 3})
    assert run.hyperparameters == {"epochs": 3, "omega_scale": 1.0}
    assert refusal({"method": "scalearn_c1", "omega_scale": 5}) == (
        "config.yaml: methods.scalearn_c1: omega_scale is 1 in it; give the row a `name` of its own"
    )
    (own,) = shown({"method": "scalearn_c1", "name": "ScaLearn, c = 5", "omega_scale": 5})
    assert own.hyperparameters == {"omega_scale": 5}
