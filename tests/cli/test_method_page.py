"""`scalearn methods NAME`: all that there is to say of one method."""

from __future__ import annotations

import json

import pytest

from scalearn.__main__ import run
from scalearn.methods import METHODS
from tests.places import ROOT


def said(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["methods", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", METHODS)
def test_it_says_everything(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    method, text = METHODS[name], " ".join(said(name, capsys=capsys).split())
    for part in (method.title, method.family, method.citation, method.formula):
        assert part and " ".join(part.split()) in text
    for key, field in method.hyperparameters.model_fields.items():
        assert key in text and str(field.description)[:40] in text


def test_it_says_defaults_bounds_and_what_the_paper_has_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    lines = {line.split()[0]: " ".join(line.split()) for line in said("scalearn", capsys=capsys).splitlines() if line}
    assert lines["epochs"].startswith("epochs 30 a whole number of at least 1 passes over the train split")
    assert lines["epochs"].endswith("; 3 on record")
    assert lines["omega_dropout"].startswith("omega_dropout 0.3 a number from 0 to 1 ")
    assert lines["train_sources"].startswith("train_sources false true or false ")
    assert lines["trains"].startswith("trains 73,728 trainable parameters")


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(said("scalearn_pp", "--layers", "6", "--hidden-size", "384", "--json", capsys=capsys))
    assert (content["method"], content["trainable_parameters"]) == ("scalearn_pp", 8 * 384)
    assert content["hyperparameters"]["epochs"] == {
        "value": 30,
        "default": 30,
        "bounds": "a whole number of at least 1",
        "meaning": METHODS["scalearn_pp"].hyperparameters.model_fields["epochs"].description,
        "paper": {"record": 3},
    }
    assert content["hyperparameters"]["include_target"]["default"] is True


def test_a_name_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods", "scalern"]) == 1
    assert capsys.readouterr().err == "error: NAME: unknown method 'scalern', did you mean 'scalearn'?\n"


def test_what_a_campaign_sets_stands_beside_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    demo = ("--config", str(ROOT / "profiles/demo/campaign.yaml"), "--benchmark", "demo")
    sizes = ("--layers", "6", "--hidden-size", "384", "--embeddings", "31036")
    lines = said("adapter", *demo, *sizes, capsys=capsys).splitlines()
    assert "; this campaign: 8" in next(line for line in lines if line.startswith("batch_size"))
    assert "this campaign" not in next(line for line in lines if line.startswith("patience"))
