"""Several runs in one submission that holds one GPU (profiles/packed): all that is promised of single ones holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import run_path
from tests.slurm.campaign import QUICK, Campaign, ask, same, until
from tests.workflow.clone import records

PACKED = ["--profile", "slurm", "--profile", "packed", *QUICK[2:]]
METHODS = ["adapter", "scalearn_uniform_pp", "scalearn_pp"]  # so that each task's stage 2 has a pack of two runs
RUNS = 2 + 4


@pytest.fixture(scope="session")
def whole(undisturbed: Campaign, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """The campaign with more methods, run without SLURM to its end."""
    campaign = undisturbed.copy(tmp_path_factory.mktemp("whole") / "my campaign")
    campaign.configure(methods=METHODS)
    with campaign.ended():
        campaign.start_here()
        campaign.end(campaign.started[0])
        yield campaign


def side_by_side(campaign: Campaign) -> list[dict[str, str]]:
    """Return the environments of trainings that run at the same time in the same submission, if there are two."""
    found: dict[str, list[dict[str, str]]] = {}
    for environment in campaign.trainings():
        found.setdefault(environment["SLURM_JOB_ID"], []).append(environment)
    return next((environments for environments in found.values() if len(environments) > 1), [])


def trained(campaign: Campaign) -> dict[str, bytes]:
    """Return what only a training writes, and differently each time; Snakemake touches what is done."""
    return {str(path): path.with_name("timing.json").read_bytes() for path in records(campaign.folder)}


@pytest.mark.short  # the other profile, GPUs, and jobs that are cancelled and go on
def test_packed_runs_share_a_gpu_and_lose_nothing_when_cancelled(campaign: Campaign, whole: Campaign) -> None:
    campaign.configure(methods=METHODS)
    snakemake = campaign.start("snakemake", *PACKED)
    together = until(lambda: side_by_side(campaign))
    assert {environment["CUDA_VISIBLE_DEVICES"] for environment in together} in ({"0"}, {"1"})
    job = campaign.freeze()
    assert campaign.said.count("has been submitted with SLURM jobid") == 2
    assert ask("squeue", "-h", "-o", "%b", "-j", job).strip() == "gres:gpu:1"
    until(lambda: len(campaign.times()) == RUNS - 1)  # all but the frozen one are done
    ask("scancel", job)
    until(lambda: not Path(f"/proc/{campaign.frozen}").exists())  # it was thawed, and stops with a checkpoint
    again = campaign.freeze()
    assert again != job and len(trained(campaign)) == RUNS - 1
    until(lambda: "this run is done" in campaign.logs())  # by its companion, which starts beside it and takes its time
    snakemake.kill()
    snakemake.wait()
    finished = trained(campaign)
    campaign.end(campaign.resume())
    assert finished.items() <= trained(campaign).items()
    assert "going on from" in campaign.logs()
    same(campaign, whole)


def test_a_failed_run_of_a_pack_takes_none_along(campaign: Campaign, whole: Campaign) -> None:
    campaign.configure(methods=METHODS)
    spoilt = (
        campaign.folder / run_path(campaign.folder / "config.yaml", "scalearn_pp", "pair", "one", 0) / "checkpoints"
    )
    spoilt.parent.mkdir(parents=True)
    spoilt.write_text("a file in the folder's place: no checkpoint can be written")
    campaign.end(campaign.start("snakemake", *PACKED, "--retries", "0"), status=1)
    finished = trained(campaign)
    assert len(finished) == RUNS - 1
    spoilt.unlink()
    campaign.end(campaign.start("snakemake", *PACKED))
    assert finished.items() <= trained(campaign).items()
    same(campaign, whole)
