"""What pydantic refuses reaches nobody in pydantic's words, at whatever key of a campaign file it happens."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from scalearn.campaign.config import Config
from scalearn.campaign.plan import Campaign
from scalearn.errors import UserError
from scalearn.methods import METHODS

HUB = {"kind": "hub", "repository": "some/thing", "revision": "0" * 40}
HUB_ADAPTER = {"adapter": "some/adapter", "revision": "0" * 40, "name": "squad"}
FULL: dict[str, Any] = {
    "protocol": "corrected",
    "model": "far",
    "models": {
        "far": HUB,
        "near": {"kind": "folder", "path": "model"},
        "packed": {"kind": "package", "package": "p", "version": "1.0", "folder": "m", "sha256": "0" * 64},
    },
    "mirror": "mirror",
    "tasks": {
        "mine": {
            "source": {"kind": "files", "train": "a.csv", "validation": "b.csv", "test": "c.csv", "quoting": "none"},
            "kind": "classification",
            "texts": ["text"],
            "choices": [],
            "construction": None,
            "label": "label",
            "separator": "|",
            "labels": ["a", "b"],
            "metrics": ["f1"],
            "positive": "b",
            "max_length": 128,
            "truncate": "longest",
            "groups": "group",
            "stratify": True,
            "cut_seed": 42,
            "train_rows": 100,
            "select": "loss",
            "version": 1,
        },
        "theirs": {
            "source": {
                **HUB,
                "config": "default",
                "files": "{split}.csv",
                "train": "train",
                "validation": "dev",
                "test": "test",
                "parts": {"extra": "extra"},
            }
        },
        "named": {"source": {**HUB, "name": "default", "splits": {"train": "train[:80%]", "test": "test"}}},
        "saved": {
            "source": {
                "kind": "disk",
                "path": "saved",
                "splits": {"train": "train", "validation": "dev", "test": "test"},
            }
        },
        "made": {"source": {"kind": "generated"}},
        "ruled": {"source": {"kind": "rule"}},
    },
    "benchmarks": {
        "short": ["mine", "rte"],
        "long": {"tasks": ["mine"], "sources": ["rte", HUB_ADAPTER], "model": "near"},
    },
    "unavailable": ["cb"],
    "methods": [
        "adapter",
        {"method": "scalearn", "name": "mine", "sources": "adapter", "select": "validation", "omega_dropout": [0, 0.1]},
    ],
    "seeds": [0, 1],
    "task_seeds": {"rte": [0]},
    "joint_seeds": [0],
    "train_rows": {"rte": 100},
    "source_seed": 0,
    "baseline": "adapter",
    "intervals": "auto",
    "compute": {
        "precision": "auto",
        "tf32": "auto",
        "attention": "auto",
        "compile": "off",
        "optimizer": "auto",
    },
    "max_time": "10m",
    "runs_per_gpu": 2,
    "loggers": ["csv"],
    "sentence_encoder": "near",
    "hyperparameters": {"all": {"epochs": 3}},
    "benchmark_hyperparameters": {"short": {"scalearn": {"epochs": 3}}},
    "task_hyperparameters": {"rte": {"adapter": {"epochs": 3}}},
}
WRONG = (
    *(
        None,
        True,
        False,
        -1,
        0,
        7,
        1.5,
        1e400,
        float("nan"),
        10**400,
        "",
        "x y/z",
        "1e3",
        "1.2.3e4",
        "https://h/x",
        "x" * 1000,
    ),
    *([], [None], [[]], ["a", "b", "c"], {}, {"x": None}, {"kind": "x"}, {"a b": 1}, datetime.date(2020, 1, 1)),
)
PYDANTICS = re.compile(
    "Input|a valid|Field required|should|Value error|Extra|discriminator|[Tt]uple|dictionary|instance|parse|or equal"
)


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(place: tuple[Any, ...], value: Any, remove: bool = False) -> dict[str, Any]:
    content = deepcopy(FULL)
    parent = content
    for key in place[:-1]:
        parent = parent[key]
    if remove:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    return content


def refusal(content: Any) -> str:
    """The sentence that refuses this campaign, or nothing."""
    try:
        Campaign.parse(content)
    except UserError as error:
        return str(error)
    return ""


def test_the_campaign_above_is_good_and_has_every_key() -> None:
    assert refusal(FULL) == ""
    schema = Config.model_json_schema()
    known = {key for model in (schema, *schema["$defs"].values()) for key in model.get("properties", {})}
    values = {key for method in METHODS.values() for key in method.hyperparameters.model_fields}
    assert known >= values  # tests/campaign/test_plan.py spoils each of them
    assert known - values <= {key for place in places(FULL) for key in place}


@pytest.mark.parametrize("key", FULL)
def test_a_wrong_value_in_any_place_is_told_in_our_words(key: str) -> None:
    refused = 0
    for place in places(FULL):
        if place[0] == key:
            for value in WRONG:
                said = refusal(changed(place, value))
                refused += bool(said)
                assert not PYDANTICS.search(said) and said.isprintable(), said
    assert refused >= len(WRONG) // 3  # not all are wrong everywhere


@pytest.mark.parametrize("place", [place for place in places(FULL) if isinstance(place[-1], str)], ids=str)
def test_a_missing_or_unknown_key_is_told_in_our_words(place: tuple[Any, ...]) -> None:
    for said in (refusal(changed(place, None, remove=True)), refusal(changed((*place[:-1], "un known"), 1))):
        assert not PYDANTICS.search(said), said


def test_every_pattern_of_the_schema_has_words() -> None:
    def nodes(node: Any) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict):
            yield node
        for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from nodes(inner)

    patterns = [node for node in nodes(Config.model_json_schema()) if isinstance(node.get("pattern"), str)]
    assert patterns and all(node.get("expected") for node in patterns)


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (("seeds",), 0, "seeds: a list is expected, found the number 0; write `seeds: [0]`"),
        (("seeds",), "0, 1", "seeds: a list is expected, found the text '0, 1'; write `seeds: [0, 1]`"),
        (
            ("seeds", 1),
            "1e3",
            "seeds[1]: a whole number from 0 to 4294967295 is expected, found the text '1e3'; "
            "this is read as text: write 1000",
        ),
        (
            ("models", "far", "revision"),
            "main",
            "models.far.revision: a full commit hash of 40 digits and letters a to f (on the repository's page: "
            "'Files and versions', then 'History') is expected, found the text 'main'",
        ),
        # the key `package` of a model of kind `package` is not the kind that pydantic puts into its location
        (
            ("models", "packed", "version"),
            0.1,
            "models.packed.version: a version such as 0.1.0 is expected, found the number 0.1; put it in quotes",
        ),
        (
            ("models", "packed", "package"),
            "a b",
            "models.packed.package: the name of a Python package is expected, found the text 'a b'",
        ),
        (
            ("models", "near", "repository"),
            "a/b",
            "models.near.repository: unknown key of `kind: folder`; known: kind, path",
        ),
        (("models", "far"), {}, "models.far: `kind` is missing; add `kind: folder` or `kind: hub` or `kind: package`"),
        (
            ("tasks", "mine", "texts"),
            ["a", "b", "c"],
            "tasks.mine.texts: at most 2 entries are expected, found a list of 3; "
            "for example `texts: [sentence1, sentence2]`",
        ),
        (
            ("tasks", "mine", "labels"),
            [False, True],
            "tasks.mine.labels[0]: a text is expected, found false; "
            "YAML reads yes, no, on and off as true and false; put the word in quotes",
        ),
        (("tasks", "mine", "train"), "a.csv", "tasks.mine.train: unknown key here; it belongs in `source`"),
        (
            ("tasks", "mine", "source", "texts"),
            ["a"],
            "tasks.mine.source.texts: unknown key here; it belongs beside `source`, not in it",
        ),
        (
            ("tasks", "mine", "source"),
            {"kind": "files"},
            "tasks.mine.source: `train` is missing; add it, for example `source: {kind: files, train: data/train.csv}`",
        ),
        (
            ("benchmarks", "short"),
            ["rte", 7],
            "benchmarks.short[1]: a name (at most 64 letters, digits, '-' and '_') is expected, "
            "found the number 7; put it in quotes",
        ),
        (("benchmarks", "short"), {"task": ["rte"]}, "benchmarks.short.task: unknown key, did you mean 'tasks'?"),
        (
            ("protocol",),
            "correct",
            "protocol: one of corrected, reference is expected, found the text 'correct', did you mean 'corrected'?",
        ),
        (
            ("source_seed",),
            "pair",
            "source_seed: a whole number from 0 to 4294967295 or 'paired' is expected, found the text 'pair'",
        ),
        (
            ("mirror",),
            "https://user:password@h/x",
            "mirror: a path on this machine is expected, not a URL; download it and name the copy",
        ),
        (
            ("max_time",),
            "https://user:password@h/x",
            "max_time: a time such as 10m or 1.5h (s, m, h or d) is expected, found a URL",
        ),
        (
            ("epochs",),
            3,
            "epochs: unknown key here; it is a hyper-parameter: write `hyperparameters: {all: {epochs: ...}}`",
        ),
        (("seed",), [0], "seed: unknown key, did you mean 'seeds'?"),
    ],
    ids=str,
)
def test_how_a_refusal_reads(place: tuple[Any, ...], value: Any, sentence: str) -> None:
    assert refusal(changed(place, value)) == f"config.yaml: {sentence}"


def test_a_number_that_python_does_not_print_is_refused_like_any_other() -> None:
    """YAML has such numbers in hexadecimal."""
    said = refusal(changed(("seeds", 0), 16**9000))
    assert said.startswith("config.yaml: seeds[0]: a whole number from 0 to 4294967295 is expected, found a number of")


def test_a_misspelt_key_is_not_told_as_a_missing_one() -> None:
    content = {("seed" if key == "seeds" else key): value for key, value in FULL.items()}
    assert refusal(content) == "config.yaml: seed: unknown key, did you mean 'seeds'?"


@pytest.mark.parametrize("name", ["bert-base-uncased", "google-bert/bert-base-uncased"])
def test_a_model_that_is_not_there_is_told_how_to_be_added(name: str) -> None:
    said = refusal({**FULL, "model": name})
    entry = f"{{kind: hub, repository: {name if '/' in name else f'OWNER/{name}'}, revision: FULL_COMMIT_HASH}}"
    assert f"to add a model of the hub: `models: {{bert-base-uncased: {entry}}}`" in said
    assert ("`model: bert-base-uncased`" in said) == ("/" in name)
