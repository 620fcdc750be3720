"""Source adapters from elsewhere in a campaign: fetched once, stacked as one more source, and part of what a run is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import scalearn
from scalearn.__main__ import main
from scalearn.campaign.places import ADAPTERS, RUNS
from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import foreign_key
from scalearn.export.finished import read_run
from scalearn.export.rebuild import rebuild
from scalearn.methods.layers.loop import scaled_sum
from scalearn.methods.layers.sources import TENSORS
from scalearn.methods.layers.wide_bottleneck import NAME
from scalearn.training.runs.stacking import adapter_tensors
from tests.composing.making import save_new
from tests.workflow.clone import configure, make_clone, run
from tests.workflow.project import VIEWS, Planned, Project

COMPOSED = {f"{method}/pair/{task}/{seed}" for method in ("adapter_fusion", "scalearn") for task in ("one", "two")
            for seed in (0, 1)}  # fmt: skip
HUB = {"adapter": "some/squad", "revision": "0123456789" * 4, "name": "squad"}


def pair(*sources: Any) -> dict[str, Any]:
    """Return a benchmark of two tasks with these sources."""
    return {"pair": {"tasks": ["one", "two"], "sources": list(sources)}}


def alter(folder: Path) -> None:
    """Change the weights of a saved adapter."""
    tensors = load_file(folder / "adapter.safetensors")
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, folder / "adapter.safetensors")


def test_a_local_adapter_is_fetched_once_and_its_content_is_part_of_the_runs(
    done: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(done.path)  # paths in a campaign file are relative to it
    save_new(done.path / "elsewhere", "mine")
    local = {"adapter": "elsewhere/mine", "name": "squad"}
    done.configure(benchmarks=pair("one", local, "two"))
    planned = done.planned()
    assert (planned.runs, planned.jobs["stack_sources"], planned.jobs["fetch_adapter"]) == (COMPOSED, 1, 1)
    before = len(done.calls())
    done.run()
    assert done.planned() == Planned(set(), {})
    (key,) = done.campaign().adapters
    assert re.fullmatch(r"squad@\w{8}", key)
    calls = done.calls()[before:]
    (fetched,) = [call for call in calls if call.startswith("fetch-adapter ")]
    model = f"resources/models/{done.campaign().model_key('tiny')}"
    assert fetched.split() == [
        "fetch-adapter", "squad", "--source", '{"adapter":"elsewhere/mine"}', f"--model={model}",
        "--reduction-factor=16", "--output", f"resources/adapters/{key}",
    ]  # fmt: skip
    (stacked,) = [call for call in calls if call.startswith("stack ")]
    folders = stacked.split()[3:]
    assert folders[1:2] + folders[3:] == [f"resources/adapters/{key}", f"--model={model}"]
    assert all(f"/{task}@" in folders[place] for place, task in ((0, "one"), (2, "two")))
    specs = done.trained(before)
    assert len(specs) == 8 and all(spec["sources"][1] == f"adapters/{key}" for spec in specs)
    alter(done.path / "elsewhere/mine")
    planned = done.planned()
    assert (planned.runs, planned.jobs["fetch_adapter"]) == (COMPOSED, 1)
    assert key not in done.campaign().adapters
    done.configure()
    planned = done.planned()
    assert planned.runs == set() and planned.jobs.keys() == VIEWS.keys()


def test_an_adapter_of_the_hub_is_planned_offline(fresh: Project) -> None:
    fresh.configure(benchmarks=pair("one", HUB), methods=["scalearn"], seeds=[0])
    planned = fresh.planned()
    assert planned.jobs["fetch_adapter"] == 1
    (key,) = fresh.campaign().adapters
    assert {run.sources[1] for run in fresh.campaign().trainings.values() if run.sources} == {f"adapters/{key}"}
    fresh.configure(benchmarks=pair("one", {**HUB, "revision": "1" * 40}), methods=["scalearn"], seeds=[0])
    assert key not in fresh.campaign().adapters
    fresh.configure(benchmarks=pair("one", HUB), methods=["adapter"], seeds=[0])
    assert "fetch_adapter" not in fresh.planned("fetch").jobs


def test_adapters_alone_may_be_sources(fresh: Project) -> None:
    fresh.configure(benchmarks=pair(HUB, {**HUB, "name": "other"}), methods=["scalearn"], seeds=[0, 1])
    planned = fresh.planned()
    assert planned.jobs["fetch_adapter"] == 2 and planned.jobs["stack_sources"] == 1
    assert "train_adapter" not in planned.jobs and planned.runs == {run for run in COMPOSED if "scalearn" in run}


def test_what_does_not_fit_ends_the_start(fresh: Project) -> None:
    save_new(fresh.path, "deep", num_hidden_layers=3)
    fresh.configure(benchmarks=pair("one", {"adapter": "deep", "name": "squad"}))
    said = fresh.snakemake("--profile", "local", "-n", status=1).splitlines()[-1]
    assert "source 'squad' (deep): an adapter for 3 layers of width 32, and '" in said
    assert said.endswith("tiny model' has 2 layers of width 32; compose adapters of one encoder")


# ---------------------------------------------------------------------- with the real commands


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished campaign of two tasks and an adapter from elsewhere."""
    clone = make_clone(tmp_path_factory.mktemp("foreign") / "my campaign")
    save_new(clone / "elsewhere", "mine")
    alter(clone / "elsewhere/mine")
    squad = {"adapter": "elsewhere/mine", "name": "squad"}
    configure(clone, benchmarks=pair("one", squad, "two"), methods=["adapter", "scalearn"], seeds=[0])
    run(clone)
    return clone


def composed_run() -> str:
    """Return the path of the composition on task `one` in the current folder."""
    runs = Campaign.read(Path("config.yaml")).trainings.values()
    (path,) = [run.path for run in runs if run.sources and run.task.startswith("one@")]
    return path


def test_a_campaign_with_an_adapter_from_elsewhere_has_a_table(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(made)
    table = (made / "results/pair_table.md").read_text()
    assert re.search(r"^\| ScaLearn .*\d\.\d\d", table, re.MULTILINE) and "missing" not in table
    (key,) = Campaign.read(Path("config.yaml")).adapters
    assert f"Two-stage methods also compose adapters from elsewhere: squad (elsewhere/mine, {key}).\n" in table
    campaign, path = Campaign.read(Path("config.yaml")), composed_run()
    record = json.loads((RUNS / path / "run.json").read_text())
    assert record["inputs"]["sources"]["names"] == ["one", "squad", "two"]
    assert foreign_key(record["spec"]["sources"][1]) in campaign.adapters
    omega = scalearn.load(RUNS / path).omega
    assert set(omega["source"]) == {"one", "squad", "two"}
    assert main(["verify"]) == 0 and main(["prune"]) == 0
    assert "nothing to remove" in capsys.readouterr().out
    weights = ADAPTERS / key / "adapter.safetensors"
    content = weights.read_bytes()
    alter(ADAPTERS / key)
    assert main(["verify"]) == 1
    assert capsys.readouterr().out.startswith(f"{weights}: not as it was written")
    weights.write_bytes(content)


def test_the_composition_is_the_papers_formula_with_the_adapter_s_weights(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """y = LN(sum_s omega_s * a_s(LN(h + x)) + h + x), section 3.2, with what stands in the adapter's own file."""
    monkeypatch.chdir(made)
    path = composed_run()
    model, _, _ = rebuild(read_run(RUNS / path))
    output = model.bert.encoder.layer[1].output
    saved = load_file("elsewhere/mine/adapter.safetensors")
    place = "bert.encoder.layer.1.output.adapters.mine.adapter_"
    squad = {key: saved[place + key.replace("down.", "down.0.")] for key in TENSORS}
    runs = json.loads((RUNS / path / "run.json").read_text())["spec"]["sources"]
    one, two = (adapter_tensors(RUNS / runs[index] / "weights.safetensors")[1] for index in (0, 2))
    parts = {key: torch.stack([one[key], squad[key], two[key]]) for key in TENSORS}
    inner, x = torch.randn(2, 5, 64), torch.randn(2, 5, 32)
    h = output.dense(inner)
    omega = output.adapters[NAME].adapter_up.omega.weight
    expected = output.LayerNorm(scaled_sum(output.LayerNorm(h + x), parts, omega) + h + x)
    torch.testing.assert_close(output(inner, x), expected, rtol=1e-5, atol=1e-5)
