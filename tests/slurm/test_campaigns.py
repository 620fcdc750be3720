"""Whatever happens to jobs, daemons or Snakemake: a campaign on SLURM ends in the bytes of an undisturbed local one."""

from __future__ import annotations

import signal
import time

import pytest

from tests.slurm.campaign import QUICK, Campaign, ask, same, until
from tests.slurm.conftest import Cluster


@pytest.mark.short  # the whole way of a campaign through the plugin, with the same bytes as without SLURM
def test_undisturbed(plain: Campaign, undisturbed: Campaign) -> None:
    same(plain, undisturbed)


def test_a_cancelled_training_goes_on(campaign: Campaign, undisturbed: Campaign) -> None:
    snakemake = campaign.snakemake()
    ask("scancel", campaign.freeze())
    campaign.end(snakemake)
    assert "going on from" in campaign.logs()
    same(campaign, undisturbed)


def test_a_training_over_its_time_limit_goes_on(campaign: Campaign, undisturbed: Campaign) -> None:
    snakemake = campaign.snakemake("--set-resources", "train_composition:runtime=attempt")
    job = campaign.freeze()
    until(lambda: job in campaign.jobs("TIMEOUT"))
    campaign.end(snakemake)
    assert "going on from" in campaign.logs()
    same(campaign, undisturbed)


def test_a_requeued_training_goes_on(campaign: Campaign, undisturbed: Campaign) -> None:
    snakemake = campaign.snakemake()
    ask("scontrol", "requeue", campaign.freeze())
    campaign.end(snakemake)
    assert "going on from" in campaign.logs()
    assert len(campaign.jobs("COMPLETED")) == 2  # nothing was submitted again
    same(campaign, undisturbed)


def test_slurmd_is_killed_and_comes_back(campaign: Campaign, cluster: Cluster, undisturbed: Campaign) -> None:
    snakemake = campaign.snakemake()
    campaign.freeze()
    cluster.kill("slurmd")
    time.sleep(3)
    cluster.up()
    campaign.thaw()
    campaign.end(snakemake)
    assert "going on from" not in campaign.logs()  # trainings do not notice
    same(campaign, undisturbed)


def test_slurmctld_is_away_for_30_seconds(campaign: Campaign, cluster: Cluster, undisturbed: Campaign) -> None:
    """The plugin may lose its jobs then (docs/slurm-plugin.md), so that Snakemake waits in vain; `resume` sees that."""
    resume = campaign.resume(*QUICK, minute=4)
    until(campaign.training)
    cluster.kill("slurmctld")
    time.sleep(30)
    cluster.up()
    campaign.end(resume)
    same(campaign, undisturbed)


# SIGKILL in the short round: nothing is tidied up, so that all that `resume` does is needed.
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.short)]
)
def test_snakemake_is_ended_and_resumed(number: signal.Signals, campaign: Campaign, undisturbed: Campaign) -> None:
    snakemake = campaign.snakemake()
    campaign.freeze()
    snakemake.send_signal(number)
    if number == signal.SIGTERM:  # Snakemake waits for its jobs then
        refused = campaign.resume()
        campaign.end(refused, status=1)
        assert f"process {snakemake.pid} on " in campaign.said and "is at work in this folder" in campaign.said
        campaign.thaw()
    snakemake.wait(900)
    finished = campaign.times()
    campaign.end(campaign.resume())
    assert finished.items() <= campaign.times().items()
    assert ("going on from" in campaign.logs()) == (number != signal.SIGTERM)
    same(campaign, undisturbed)


def test_trainings_that_outlive_snakemake_are_not_repeated(campaign: Campaign, undisturbed: Campaign) -> None:
    snakemake = campaign.snakemake()
    until(lambda: len(campaign.jobs("RUNNING")) == 2)
    snakemake.kill()
    snakemake.wait()
    until(lambda: not campaign.jobs())
    finished = campaign.times()
    campaign.end(campaign.snakemake())
    assert len(finished) == 4 and finished == campaign.times()
    same(campaign, undisturbed)


def test_snakemake_starts_while_trainings_of_a_killed_one_run(campaign: Campaign, undisturbed: Campaign) -> None:
    snakemake = campaign.snakemake()
    campaign.freeze()
    snakemake.kill()
    snakemake.wait()
    second = campaign.snakemake()
    until(lambda: campaign.jobs("PENDING"))  # the same trainings; their GPUs are still taken
    campaign.thaw()
    campaign.end(second)
    assert "this run is done" in campaign.logs()  # none is trained twice
    same(campaign, undisturbed)


def test_a_node_without_gpus(campaign: Campaign, cluster: Cluster, undisturbed: Campaign) -> None:
    """A training that asks for a GPU is refused there, and says why; it runs if told to ask for none."""
    for daemon in ("slurmd", "slurmctld"):
        cluster.kill(daemon)
    try:
        cluster.up(gpus=0)
        campaign.end(campaign.snakemake(), status=1)
        assert "Requested node configuration is not available" in campaign.said
        campaign.end(campaign.snakemake("--set-resources", "train_composition:gpu=0"))
    finally:
        for daemon in ("slurmd", "slurmctld"):
            cluster.kill(daemon)
    same(campaign, undisturbed)


def test_slurm_takes_no_jobs_for_a_while(campaign: Campaign, undisturbed: Campaign) -> None:
    """All tries of all jobs are used up in seconds; `resume` tries again later."""
    ask("scontrol", "update", "PartitionName=main", "State=INACTIVE")
    try:
        resume = campaign.resume(*QUICK, minute=2)
        until(lambda: "starting it again in 1 minutes" in campaign.said)
    finally:
        ask("scontrol", "update", "PartitionName=main", "State=UP")
    campaign.end(resume)
    assert "SLURM sbatch failed" in campaign.said
    same(campaign, undisturbed)
