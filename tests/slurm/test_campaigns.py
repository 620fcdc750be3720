"""Whatever happens to jobs, daemons or Snakemake: a campaign on SLURM ends in the bytes of an undisturbed local one."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.slurm.campaign import Campaign, ask, until
from tests.slurm.conftest import Cluster


def same(campaign: Campaign, undisturbed: Campaign) -> None:
    mine, whole = campaign.results(), undisturbed.results()
    assert "missing" not in mine["results/pair_table.md"].decode()
    assert sorted(name for name in mine.keys() | whole.keys() if mine.get(name) != whole.get(name)) == []


def test_undisturbed(plain: Campaign, undisturbed: Campaign) -> None:
    same(plain, undisturbed)


def test_a_cancelled_training_goes_on(campaign: Campaign, undisturbed: Campaign) -> None:
    snakemake = campaign.snakemake()
    ask("scancel", str(campaign.freeze()))
    campaign.end(snakemake)
    assert "going on from" in campaign.logs()
    same(campaign, undisturbed)
