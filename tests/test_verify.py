"""What is damaged in a finished campaign is named, and only that is made again, to the same bytes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scalearn.__main__ import main
from scalearn.campaign import Campaign
from scalearn.verify import damages
from tests.test_stories import configure, environment, folder, outputs, run

__all__ = ["environment", "folder"]

RUNS = "results/runs/tiny"
METHODS = ["adapter", "adapter_m", "scalearn_uniform_pp"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = folder.__wrapped__(tmp_path_factory.mktemp("finished"))
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


def better(path: Path) -> None:
    """Give a score by hand."""
    content = json.loads(path.read_text())
    content["scores"] = dict.fromkeys(content["scores"], 1.0)
    path.write_text(json.dumps(content, indent=1, sort_keys=True))


ADAPTER, OMEGA = f"{RUNS}/adapter/single/one/full/0", f"{RUNS}/scalearn_uniform_pp/pair/two/full/0"
JOINT = f"{RUNS}/adapter_m/pair/joint/full/0"
CASES: list[tuple[str, Callable[[Path], None], str, set[str]]] = [
    (f"{ADAPTER}/weights.safetensors", truncate, "not as it was written", {ADAPTER}),
    (f"{ADAPTER}/weights.safetensors", flip, "not as it was written", {ADAPTER}),
    (f"{ADAPTER}/weights.safetensors", Path.unlink, "not as it was written", {ADAPTER}),
    (f"{OMEGA}/predictions.parquet", flip, "not as it was written", {OMEGA}),
    (f"{OMEGA}/history.parquet", truncate, "not as it was written", {OMEGA}),
    (f"{OMEGA}/run.json", truncate, "not as it was written", {OMEGA}),
    (f"{OMEGA}/run.json", flip, "not as it was written", {OMEGA}),
    (f"{OMEGA}/score.json", better, "not as it was written", set()),
    (f"{OMEGA}/score.json", truncate, "not as it was written", set()),
    (f"{JOINT}/tasks/one/predictions.parquet", flip, "not as it was written", {JOINT}),
    ("resources/encoded/tiny/one/train.arrow", flip, "not as it was written", set()),
    ("resources/encoded/tiny/one/encoding.json", truncate, "not as it was written", set()),
    ("resources/tasks/two/train.parquet", truncate, "not as it was written", set()),
    ("resources/models/tiny/model.safetensors", flip, "not as it was written", set()),
    ("results/sources/tiny/pair/full/0.safetensors", flip, "not as it was written", set()),
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
    for name in ("resources/encoded/tiny/one/train.arrow", "results/sources/tiny/pair/full/0.safetensors"):
        truncate(campaign / name)
    assert main(["verify", "--mend"]) == 0
    shutil.rmtree(campaign / "logs")
    run(campaign)
    assert outputs(campaign) == outputs(finished)
    trained = {path for path in Path("logs/train").rglob("*.log") if "epoch 1/3" in path.read_text()}
    assert trained == {Path(f"{run.replace(RUNS, 'logs/train/tiny')}.log") for run in (ADAPTER, OMEGA)}


OTHER_CONFIGS: list[tuple[dict[str, Any], str, str]] = [
    ({"hyperparameters": {"all": {"epochs": 2, "batch_size": 8}}}, OMEGA, "hyper-parameter epochs 3, here 2"),
    ({"compute": {"precision": "bf16"}}, OMEGA, 'compute {}, here {"precision": "bf16"}'),
    ({"protocol": "reference"}, JOINT, "protocol switches none, here "),
]


@pytest.mark.parametrize(("changes", "run", "difference"), OTHER_CONFIGS, ids=lambda value: str(value)[:20])
def test_runs_of_another_config_are_named_and_never_removed(
    changes: dict[str, Any], run: str, difference: str, campaign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in campaign.rglob("*") if path.is_file()}
    configure(campaign, methods=METHODS, seeds=[0], **changes)
    for command in (["verify"], ["verify", "--mend"]):
        assert main(command) == 0
        said = capsys.readouterr().out.splitlines()
        assert [line for line in said if line.startswith(f"{run}/run.json: made by another config: {difference}")], said
        assert (
            "nothing is damaged" in said
            and "were made otherwise than config.yaml asks; they are whole and stay" in said[-1]
        )
    after = {path: path.read_bytes() for path in campaign.rglob("*") if path.is_file()}
    assert {path for path in before if after.get(path) != before[path]} == {campaign / "config.yaml"}


def test_damage_in_a_run_of_another_config_is_damage(campaign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(campaign, methods=METHODS, seeds=[0], compute={"precision": "bf16"})
    flip(campaign / OMEGA / "weights.safetensors")
    assert main(["verify", "--mend"]) == 0
    said = capsys.readouterr().out
    assert f"{OMEGA}/weights.safetensors: not as it was written; removed" in said
    assert f"{ADAPTER}/run.json: made by another config" in said
    assert (campaign / ADAPTER / "run.json").exists() and not (campaign / OMEGA / "run.json").exists()


def test_a_run_in_the_wrong_place_is_named(campaign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(campaign / OMEGA)
    shutil.copytree(campaign / ADAPTER, campaign / OMEGA)
    assert main(["verify"]) == 0
    assert f"{OMEGA}/run.json: made by another config: it is method adapter, here scalearn_uniform_pp" in (
        capsys.readouterr().out
    )
