"""What is damaged in a finished campaign is named, and only that is made again, to the same bytes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from scalearn.__main__ import main
from scalearn.campaign import versions
from scalearn.campaign.places import RUNS, TABLES, table_files
from scalearn.campaign.plan import Campaign
from scalearn.campaign.variants import Variant
from scalearn.storage.notes import write_note
from scalearn.workspace.table_owners import NOTE
from scalearn.workspace.verify import SNAKEMAKE, damages
from tests.places import run_path
from tests.workflow.clone import CAMPAIGN, configure, make_clone, outputs, run

pytestmark = pytest.mark.campaign

METHODS = ["adapter", "adapter_m", "scalearn_uniform_pp"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_clone(tmp_path_factory.mktemp("finished") / "my campaign")
    configure(path, methods=METHODS, seeds=[0])
    run(path)
    return path


@pytest.fixture
def campaign(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished campaign, and the folder that commands run in."""
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy, symlinks=True)
    monkeypatch.chdir(copy)
    return copy


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Change one bit in the middle, and neither size nor time, as a rotten disk does."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


PLAN = Campaign.parse({**CAMPAIGN, "methods": METHODS, "seeds": [0]})
ADAPTER, OMEGA, JOINT = (
    f"{RUNS}/{PLAN.run('pair', Variant.plain(method), task, 0).path}"
    for method, task in (("adapter", "one"), ("scalearn_uniform_pp", "two"), ("adapter_m", "one"))
)
MODEL, ONE, TWO = PLAN.model_key("tiny"), PLAN.task_key("one"), PLAN.task_key("two")
(STACK,) = (f"results/sources/{stack}.safetensors" for stack in PLAN.stacks)
CASES: list[tuple[str, Callable[[Path], None], str, set[str]]] = [
    (f"{ADAPTER}/weights.safetensors", truncate, "not as it was written", {ADAPTER}),
    (f"{ADAPTER}/weights.safetensors", flip, "not as it was written", {ADAPTER}),
    (f"{ADAPTER}/weights.safetensors", Path.unlink, "not as it was written", {ADAPTER}),
    (f"{OMEGA}/predictions.parquet", flip, "not as it was written", {OMEGA}),
    (f"{OMEGA}/history.parquet", truncate, "not as it was written", {OMEGA}),
    (f"{OMEGA}/run.json", truncate, "not as it was written", {OMEGA}),
    (f"{OMEGA}/run.json", flip, "not as it was written", {OMEGA}),
    (f"{OMEGA}/score.json", truncate, "not as it was written", set()),
    (f"{JOINT}/tasks/one/predictions.parquet", flip, "not as it was written", {JOINT}),
    (f"resources/encoded/{MODEL}/{ONE}/train.arrow", flip, "not as it was written", set()),
    (f"resources/encoded/{MODEL}/{ONE}/encoding.json", truncate, "not as it was written", set()),
    (f"resources/tasks/{TWO}/train.parquet", truncate, "not as it was written", set()),
    (f"resources/models/{MODEL}/model.safetensors", flip, "not as it was written", set()),
    (STACK, flip, "not as it was written", set()),
]


def test_a_whole_campaign_has_no_damage(campaign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0
    assert capsys.readouterr().out == "nothing is damaged\n"


@pytest.mark.parametrize(("name", "harm", "fault", "trained"), CASES, ids=[f"{n}-{h.__name__}" for n, h, _, _ in CASES])
def test_damage_is_named_and_removed(
    name: str,
    harm: Callable[[Path], None],
    fault: str,
    trained: set[str],
    campaign: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    harm(campaign / name)
    assert main(["verify"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == f"{name}: {fault}"
    before = {path for path in campaign.rglob("*") if path.is_file()}
    assert main(["verify", "--mend"]) == 0
    gone = {path.relative_to(campaign) for path in before if not path.exists()}
    assert Path(name) in gone or harm == Path.unlink
    assert {str(path.parent) for path in gone if path.name == "run.json" and "tasks" not in path.parts} == trained
    assert list(damages(Campaign.read(Path("config.yaml")))) == []


def test_mended_only_the_damaged_is_made_again_to_the_same_bytes(campaign: Path, finished: Path) -> None:
    for name in (f"{ADAPTER}/weights.safetensors", f"{OMEGA}/predictions.parquet", f"{OMEGA}/score.json"):
        flip(campaign / name)
    for name in (f"resources/encoded/{MODEL}/{ONE}/train.arrow", STACK):
        truncate(campaign / name)
    assert main(["verify", "--mend"]) == 0
    shutil.rmtree(campaign / "logs")
    run(campaign)
    assert outputs(campaign) == outputs(finished)
    trained = {path for path in Path("logs/train").rglob("*.log") if "epoch 1/3" in path.read_text()}
    assert trained == {Path(f"{run.replace(str(RUNS), 'logs/train')}.log") for run in (ADAPTER, OMEGA)}


def test_runs_of_other_versions_are_named_and_never_removed(
    campaign: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(campaign)
    monkeypatch.setattr(versions, "TRAINING", 99)
    for command in (["verify"], ["verify", "--mend"]):
        assert main(command) == 0
        said = capsys.readouterr().out.splitlines()
        (line,) = [line for line in said if line.startswith(f"{OMEGA}/run.json: made by version ")]
        assert line.endswith(", version 99 of the training") and "nothing is damaged" in said
        assert "were made otherwise than config.yaml asks; they are whole and stay" in said[-1]
    assert contents(campaign) == before


def test_a_run_in_the_wrong_place_is_named(campaign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(campaign / OMEGA)
    shutil.copytree(campaign / ADAPTER, campaign / OMEGA)
    assert main(["verify"]) == 0
    assert f"{OMEGA}/run.json: made as {ADAPTER}" in capsys.readouterr().out


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_campaign_files_of_one_folder_call_nothing_of_each_other_damaged(
    campaign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = (campaign / "config.yaml").read_text()
    slow = {"all": {"epochs": 2, "batch_size": 8}}
    configure(campaign, methods=["adapter"], seeds=[0], hyperparameters=slow, benchmarks={"mine": ["one"]})
    (campaign / "config.yaml").rename("mine.yaml")
    (campaign / "config.yaml").write_text(first)
    before = contents(campaign / "results") | contents(campaign / "resources")
    run(campaign, "--configfile", "mine.yaml", "--until", "table")
    after = contents(campaign / "results") | contents(campaign / "resources")
    assert before.items() <= after.items()
    for file in ("config.yaml", "mine.yaml"):
        assert main(["verify", file, "--mend"]) == 0
        assert capsys.readouterr().out == "nothing is damaged\n"
    flip(campaign / run_path(campaign / "mine.yaml", "adapter", "mine", "one", 0) / "weights.safetensors")
    damaged = contents(campaign)
    assert main(["verify", "config.yaml", "--mend"]) == 0
    assert contents(campaign) == damaged
    assert main(["verify", "mine.yaml"]) == 1


def test_the_tables_of_another_campaign_file_stay(campaign: Path) -> None:
    """A run that both files ask for is damaged. The tables of this name and scores.parquet are the other file's."""
    configure(campaign, methods=METHODS, seeds=[0], benchmarks={"pair": ["one", "two"], "mine": ["one"]})
    (campaign / "config.yaml").rename("mine.yaml")
    configure(campaign, methods=["adapter"], seeds=[0])
    owned = {"files": ["mine.yaml"], "runs": ["1", "2"]}
    tables = ["results/pair_table.md", "results/scores.parquet"]
    others = [table_files(kind, "pair")[0] for kind in TABLES]
    write_note(SNAKEMAKE / NOTE, dict.fromkeys([*tables, *others], owned))
    flip(campaign / ADAPTER / "weights.safetensors")
    before = contents(campaign)
    assert main(["verify", "--mend"]) == 0
    gone = before.keys() - contents(campaign).keys()
    assert {str(path.relative_to(campaign)) for path in gone} == {
        f"{ADAPTER}/weights.safetensors",
        f"{ADAPTER}/run.json",
    }
    write_note(SNAKEMAKE / NOTE, {tables[0]: {"files": ["config.yaml"], "runs": ["1"]}, tables[1]: owned})
    truncate(campaign / OMEGA / "run.json")
    configure(campaign, methods=METHODS, seeds=[0])
    assert main(["verify", "--mend"]) == 0
    assert not list(campaign.glob("results/pair_*.*")) and Path(tables[1]).exists()
