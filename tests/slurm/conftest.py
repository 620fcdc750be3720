from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.slurm.campaign import Campaign, ask, has_slurm, until
from tests.tiny import make_model
from tests.workflow.clone import write_rows

HERE = Path(__file__).parent


class Cluster:
    """One node with two GPUs, and its daemons."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def up(self, gpus: int = 2) -> None:
        """Start whatever is down."""
        subprocess.run([HERE / "up.sh", self.folder, str(gpus)], check=True, timeout=120)

    def down(self) -> None:
        subprocess.run([HERE / "down.sh", self.folder], check=True, timeout=120)

    def kill(self, daemon: str) -> None:
        process = int((self.folder / f"{daemon}.pid").read_text())
        os.kill(process, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{process}").exists())


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if os.getuid() != 0:
        pytest.skip("the daemons of SLURM need root")
    if not has_slurm():
        pytest.skip("no SLURM here: apt-get install slurmctld slurmd slurm-client munge")
    if (conf := Path("/etc/slurm/slurm.conf")).exists() and "ClusterName=scalearn-tests\n" not in conf.read_text():
        pytest.skip("this machine has a SLURM of its own")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs would have us ignore
    alone = (Path(tempfile.gettempdir()) / "scalearn-slurm.lock").open("w")
    fcntl.flock(alone, fcntl.LOCK_EX)  # one cluster at a time: they would have the same ports
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    os.environ["SLURM_CONF"] = str(cluster.folder / "slurm.conf")
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()
        del os.environ["SLURM_CONF"]
        alone.close()


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """A campaign of which nothing has run, in a folder with a blank in its name."""
    folder = tmp_path_factory.mktemp("new") / "my campaign"
    folder.mkdir()
    for name in ("workflow", "profiles"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("local", "slurm", "packed"):
        (folder / name).symlink_to(f"profiles/{name}")
    make_model(folder / "model")
    for seed, name in enumerate(("one", "two")):
        write_rows(folder / f"{name}.csv", 48, seed)
    campaign = Campaign(folder)
    campaign.configure()
    return campaign


@pytest.fixture(scope="session")
def local(new: Campaign, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """The campaign, started without SLURM."""
    campaign = new.copy(tmp_path_factory.mktemp("local") / "my campaign")
    with campaign.ended():
        campaign.start_here()
        yield campaign


@pytest.fixture(scope="session")
def plain(
    cluster: Cluster, new: Campaign, local: Campaign, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Campaign]:
    """The campaign, run on SLURM to its end. The local one runs meanwhile: this one mostly waits."""
    campaign = new.copy(tmp_path_factory.mktemp("plain") / "my campaign")
    with campaign.ended():
        campaign.end(campaign.snakemake())
        yield campaign


@pytest.fixture(scope="session")
def undisturbed(local: Campaign) -> Campaign:
    """The campaign, run without SLURM to its end."""
    local.end(local.started[0])
    return local


@pytest.fixture
def campaign(plain: Campaign, cluster: Cluster, tmp_path: Path) -> Iterator[Campaign]:
    """A campaign whose stage 1 is done on SLURM; two trainings of stage 2 are left."""
    campaign = plain.copy(tmp_path / "my campaign")
    (campaign.folder / "said.txt").unlink()
    (campaign.folder / ".snakemake/scalearn/command.json").unlink()
    shutil.rmtree(campaign.folder / "logs/train")
    for path in [*campaign.folder.glob("results/pair_*.*"), campaign.folder / "results/scores.parquet"]:
        path.unlink()
    for run in campaign.folder.glob("results/trained/*/scalearn_uniform_pp"):
        shutil.rmtree(run)
    with campaign.ended():
        yield campaign
    cluster.up()
    for job in campaign.jobs():
        ask("scancel", "--full", "--signal=KILL", job)
        ask("scancel", job)
