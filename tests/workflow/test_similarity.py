"""AdapterSoup in a campaign: tasks are embedded once each, compared per benchmark, and only its runs wait for it."""

from __future__ import annotations

from scalearn.campaign.spec import RunSpec
from tests.workflow.project import Project

MODELS = {name: {"kind": "folder", "path": "tiny model"} for name in ("tiny", "sentences")}


def test_only_the_soup_waits_for_similarities(fresh: Project) -> None:
    fresh.configure(models=MODELS, sentence_encoder="sentences", methods=["adapter", "scalearn"], seeds=[0])
    jobs = fresh.planned().jobs
    assert not {"embed_task", "similarities"} & set(jobs)
    assert jobs["fetch_model"] == 1
    long = {"pair": {"tasks": ["one", "two"], "sources": ["two", "three"]}}
    fresh.configure(
        models=MODELS, sentence_encoder="sentences", methods=["adapter_soup", "scalearn"], seeds=[0], benchmarks=long
    )
    jobs = fresh.planned().jobs
    assert (jobs["embed_task"], jobs["similarities"], jobs["fetch_model"]) == (3, 1, 2)
    fresh.run("results/pair_table.md")
    calls = fresh.calls()
    (made,) = [call for call in calls if call.startswith("similarities")]
    campaign = fresh.campaign()
    path, encoder = f"results/similarities/{campaign.comparison('pair')}.json", campaign.model_key("sentences")
    tasks = [campaign.task_key(task) for task in ("one", "two", "three")]
    files = [f"resources/embedded/{encoder}/{task}.safetensors" for task in tasks]
    assert made.split() == ["similarities", *files, "--output", path]
    for call in calls:
        if call.startswith("train "):
            assert (f"--similarities={path}" in call) == ("adapter_soup" in call)
    versions = fresh.path / "scalearn/campaign/versions.py"
    versions.write_text(versions.read_text().replace("EMBEDDING = ", "EMBEDDING = 10 + "))
    planned = fresh.planned("results/pair_table.md")
    assert planned.runs == {"adapter_soup/pair/one/0", "adapter_soup/pair/two/0"}
    assert (planned.jobs["embed_task"], planned.jobs["similarities"]) == (3, 1)


def test_a_soup_needs_a_sentence_encoder(fresh: Project) -> None:
    fresh.configure(methods=["adapter_soup"])
    said = fresh.snakemake("--profile", "local", "-n", status=1).splitlines()[-1]
    assert said == (
        "error: config.yaml: sentence_encoder: missing; 'adapter_soup' compares tasks by their texts with it: "
        "name one of `models` (tiny)"
    )
    fresh.configure(methods=["adapter_soup"], sentence_encoder="sentnces", models=MODELS)
    said = fresh.snakemake("--profile", "local", "-n", status=1).splitlines()[-1]
    assert "sentence_encoder: unknown name 'sentnces', did you mean 'sentences'?" in said


def test_runs_may_compose_the_sources_of_their_own_seed(fresh: Project) -> None:
    fresh.configure(source_seed="paired", methods=["scalearn"], seeds=[0, 3])
    fresh.run("results/pair_table.md")
    trained = [spec for spec in fresh.trained() if spec["method"] == "scalearn"]
    seeds = {(spec.get("seed", 0), *(path.rpartition("/")[2] for path in spec["sources"])) for spec in trained}
    assert seeds == {(0, "0", "0"), (3, "3", "3")}
    stacked = {call.partition("--output ")[2].split()[0] for call in fresh.calls() if call.startswith("stack")}
    read = {f"results/sources/{RunSpec.model_validate(spec).stack}.safetensors" for spec in trained}
    assert len(stacked) == 2 and stacked == read
    fresh.configure(source_seed="paired", protocol="reference")
    said = fresh.snakemake("--profile", "local", "-n", status=1).splitlines()[-1]
    assert "source_seed: the reference protocol composes adapters of seed 0" in said
