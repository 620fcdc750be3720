"""`scalearn methods`: every row of the paper's table of parameters, for each of its benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scalearn.__main__ import main
from scalearn.methods import METHODS
from tests.places import ROOT

CONFIG = str(ROOT / "config.yaml")

MASKS = 884_736  # of twelve layers; ours of joint training have the first layer's apart from a task's: 73,728 more
PAPER = {
    "full_finetuning": [124_055_040] * 3,
    "adapter": [894_528] * 3,
    "compacter": [29_440] * 3,
    "propetl": [74_544 + MASKS] * 3,
    "ia3": [55_296] * 3,
    "full_finetuning_m": [124_055_040] * 3,
    "adapter_m": [894_528] * 3,
    "propetl_m": [74_544 + masks + 73_728 for masks in (1_400_832, 1_400_832, 1_916_928)],
    "hyperformer": [59_420_544, 59_420_544, 59_424_128],
    "hyperformer_pp": [5_095_024, 5_095_024, 5_098_608],
    "adapter_fusion": [21_252_096] * 3,
    "adapter_soup": [0] * 3,
    "scalearn": [73_728, 73_728, 138_240],
    "scalearn_uniform": [96, 96, 180],
    "scalearn_pp": [6_144, 6_144, 11_520],
    "scalearn_uniform_pp": [8, 8, 15],
}
HUMSET = {
    "full_finetuning": 277_453_056,
    "propetl_m": 74_544 + 1_179_648 + 73_728,
    "hyperformer": 59_419_008,
    "hyperformer_pp": 5_093_488,
    "scalearn": 46_080,
    "scalearn_uniform": 60,
    "scalearn_pp": 3_840,
    "scalearn_uniform_pp": 5,
}


def counts(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, int]:
    assert main(["methods", "--json", "--config", CONFIG, *arguments]) == 0
    return {row["method"]: row["trainable_parameters"] for row in json.loads(capsys.readouterr().out)}


@pytest.mark.parametrize(("place", "benchmark"), list(enumerate(["glue", "superglue", "gsg"])))
def test_parameters_are_the_paper_s(place: int, benchmark: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = counts(capsys, "--benchmark", benchmark, "--hidden-size", "768", "--layers", "12")
    assert set(found) == set(METHODS)
    assert {name: found[name] for name in PAPER} == {name: values[place] for name, values in PAPER.items()}


def test_parameters_on_humset_are_the_paper_s(capsys: pytest.CaptureFixture[str]) -> None:
    """Its encoder is XLM-R."""
    found = counts(capsys, "--benchmark", "humset")
    assert {name: found[name] for name in HUMSET} == HUMSET


SMALL = {"num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 48}
TABLES = {"vocab_size": 90, "max_position_embeddings": 9, "type_vocab_size": 1}


def small(folder: Path, monkeypatch: pytest.MonkeyPatch, source: dict[str, str] | None = None) -> list[str]:
    """Write a campaign whose benchmark 'own' has an encoder of its own; return the command that lists its methods."""
    content = yaml.safe_load(Path(CONFIG).read_text())
    content["models"]["small"] = source or {"kind": "folder", "path": "here"}
    content["benchmarks"] = {"own": {"tasks": ["rte", "cola"], "model": "small"}}
    (folder / "mine.yaml").write_text(yaml.safe_dump({**content, "task_seeds": {}}))
    monkeypatch.chdir(folder)
    return ["methods", "--json", "--config", "mine.yaml", "--benchmark", "own"]


def write(folder: Path, content: dict[str, int]) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(content))


@pytest.mark.parametrize("folder", ["here", "resources/models/small"])
def test_sizes_are_those_of_the_benchmark_s_encoder(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder's, or what was fetched."""
    command = small(tmp_path, monkeypatch)
    write(tmp_path / folder, {**SMALL, **TABLES})
    assert main(command) == 0
    found = {row["method"]: row["trainable_parameters"] for row in json.loads(capsys.readouterr().out)}
    layer = 4 * (32 * 32 + 32) + 2 * 32 * 48 + 48 + 32 + 4 * 32
    assert found["full_finetuning"] == 100 * 32 + 2 * 32 + 2 * layer
    assert (found["scalearn"], found["adapter"]) == (2 * 2 * 32, 2 * (2 * 32 * 2 + 32 + 2))


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "folder", "path": "nowhere"},
        {"kind": "hub", "repository": "someone/roberta-base", "revision": "0" * 40},
    ],
)
def test_an_encoder_of_unknown_size_is_refused_unless_its_sizes_are_given(
    source: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = small(tmp_path, monkeypatch, source)
    assert main(command) == 1
    path = "nowhere/config.json" if source["kind"] == "folder" else "resources/models/small/config.json"
    assert capsys.readouterr().err == (
        f"error: the encoder 'small' is not here, and only {path} says how large it is; "
        "fetch it, or give --layers, --hidden-size, --intermediate-size, --embeddings\n"
    )
    assert main([*command, "--layers", "2", "--hidden-size", "32"]) == 1
    assert capsys.readouterr().err.endswith("fetch it, or give --embeddings\n")
    assert main([*command, "--layers", "2", "--hidden-size", "32", "--embeddings", "100"]) == 0


def test_a_config_that_does_not_say_its_sizes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = small(tmp_path, monkeypatch)
    write(tmp_path / "here", {**SMALL, "vocab_size": 90, "dim": 3})
    assert main(command) == 1
    said = "here/config.json: it does not say how large the encoder 'small' is; give --embeddings"
    assert capsys.readouterr().err == f"error: {said}\n"


def test_a_large_encoder(capsys: pytest.CaptureFixture[str]) -> None:
    found = counts(capsys, "--hidden-size", "1024", "--layers", "24")
    assert (found["adapter"], found["scalearn"], found["scalearn_uniform"]) == (3_171_840, 196_608, 192)
    assert (found["scalearn_pp"], found["adapter_fusion"]) == (8_192, 75_546_624)


def test_a_row_says_all_of_a_method(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--json"]) == 0
    rows = {row["method"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["hyperformer"]["shared_by_tasks"] and not rows["adapter"]["shared_by_tasks"]
    assert (
        rows["scalearn"]["defaults"] == METHODS["scalearn"].defaults.model_dump() == rows["scalearn"]["hyperparameters"]
    )
    assert rows["scalearn"]["citation"].startswith("Frohmann et al. 2024")


def test_people_read_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--config", CONFIG, "--benchmark", "glue"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["adapter_m", "joint", "894,528", "all", "tasks", "0.0003", *["Pfeiffer", "et", "al.", "2021,"]] in [
        line[:10] for line in lines
    ]


def test_an_unknown_benchmark_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--config", CONFIG, "--benchmark", "glu"]) == 1
    assert capsys.readouterr().err == "error: --benchmark: unknown name 'glu', did you mean 'glue'?\n"


def test_it_loads_nothing_heavy() -> None:
    code = (
        "import sys; from scalearn.__main__ import main; main(['methods'])\n"
        "print([name for name in ('torch', 'transformers', 'pandas', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
