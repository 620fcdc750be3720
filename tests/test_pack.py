"""A campaign in slices of time, carried over to another folder between them; and what is packed."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest

from scalearn.budget import STOPPED
from scalearn.errors import UserError
from scalearn.pack import pack, unpack
from tests.test_stories import command, configure, environment, folder, outputs, run

__all__ = ["folder"]

METHODS = ["adapter", "scalearn_uniform_pp"]


def begin(folder: Path, slice_: str) -> subprocess.CompletedProcess[str]:
    arguments = [*command(), "--config", f"max_time={slice_}"]
    return subprocess.run(
        arguments, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


def trained(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in outputs(folder).items() if name.endswith("weights.safetensors")}


def test_slices_of_time_and_another_folder_end_in_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    configure(folder, methods=METHODS, seeds=[0, 1])
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole, symlinks=True)
    run(whole)

    here, moves, said = folder, 0, ""
    for number in range(20):
        done = begin(here, f"{6 * 1.3**number:.0f}s")  # from too short on any machine to long enough on a busy one
        said += done.stdout + done.stderr
        if done.returncode == 0:
            break
        assert "the time budget is used up" in said, said
        if moves < 2:  # once early, and once when something has been trained
            moves += 1 + (moves == 0 and bool(trained(here)))
            archive, there = tmp_path / f"{moves}.tar.gz", tmp_path / f"move {moves}"
            pack(here, archive)
            unpack(archive, there)
            assert not (there / "resources").exists()
            here = there
    assert moves > 0 and done.returncode == 0, said
    assert outputs(here) == outputs(whole)


def test_a_run_with_no_time_stops_before_it_loads_anything(folder: Path) -> None:
    again = ["train", "--method", "adapter", "--model", "m", "--data", "d", "--output", "o", "--max-time", "1s"]
    before = {**environment(), "SCALEARN_DEADLINE": "1"}
    done = subprocess.run(["scalearn", *again], cwd=folder, env=before, capture_output=True, text=True, check=False)
    assert done.returncode == STOPPED
    assert re.fullmatch(r"stopped: the time budget is used up; .* goes on\n", done.stderr)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work directory with everything that may lie in one."""
    path = tmp_path / "work"
    for name in (
        "config.yaml", "data/rows.csv", "profiles/local/profile.yaml", "workflow/rules/own/mine.smk",
        "results/runs/a/weights.safetensors", "results/runs/a/checkpoints/checkpoint-6/state.json",
        "results/runs/a/.weights.x", "results/runs/a/.lock", "logs/a.log",
        "resources/models/m/model.safetensors", ".venv/bin/python", ".git/HEAD",
        ".snakemake/metadata/x/abc", ".snakemake/locks/0", ".snakemake/log/1.log", "scalearn/__pycache__/a.pyc",
    ):  # fmt: skip
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    (path / "local").symlink_to("profiles/local")
    (path / "mirror").symlink_to(tmp_path)
    return path


KEPT = {
    "config.yaml", "data/rows.csv", "profiles/local/profile.yaml", "workflow/rules/own/mine.smk",
    "results/runs/a/weights.safetensors", "results/runs/a/checkpoints/checkpoint-6/state.json", "logs/a.log",
    ".snakemake/metadata/x/abc", "local",
}  # fmt: skip


def test_all_is_packed_but_what_can_be_made_again(work: Path, tmp_path: Path) -> None:
    os.utime(work / "logs/a.log", ns=(10**18 + 123_456_000, 10**18 + 123_456_000))
    pack(work, tmp_path / "it.tar.gz")
    unpack(tmp_path / "it.tar.gz", tmp_path / "there")
    there = tmp_path / "there"
    found = {str(path.relative_to(there)) for path in there.rglob("*") if path.is_symlink() or not path.is_dir()}
    assert found == KEPT
    assert (there / "local").readlink() == Path("profiles/local")
    assert abs((there / "logs/a.log").stat().st_mtime_ns - (10**18 + 123_456_000)) < 1000


def test_packed_within_itself_it_does_not_hold_itself(work: Path) -> None:
    pack(work, work / "it.tar.gz")
    with tarfile.open(work / "it.tar.gz") as tar:
        assert not [name for name in tar.getnames() if "tar.gz" in name]


def test_nothing_existing_is_overwritten(work: Path, tmp_path: Path) -> None:
    pack(work, tmp_path / "it.tar.gz")
    with pytest.raises(UserError, match="exists already"):
        pack(work, tmp_path / "it.tar.gz")
    with pytest.raises(UserError, match="exists already and is not empty"):
        unpack(tmp_path / "it.tar.gz", work)


def test_what_is_no_work_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.snakemake/ here"):
        pack(tmp_path, tmp_path / "it.tar.gz")
    with pytest.raises(UserError, match="no such file"):
        unpack(tmp_path / "it.tar.gz", tmp_path / "there")
    (tmp_path / "it.tar.gz").write_text("no archive")
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(tmp_path / "it.tar.gz", tmp_path / "there")
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("name", ["../outside", "/outside", "results/../../outside"])
def test_an_archive_writes_nothing_outside(name: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "it.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    there = tmp_path / "inner" / "there"
    with suppress(UserError):  # an absolute name is taken as one below the folder
        unpack(tmp_path / "it.tar.gz", there)
    found = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(there)]
    assert [path.name for path in found] == ["it.tar.gz"]
    assert not Path("/outside").exists()


def test_an_archive_links_nowhere_outside(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "it.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("results")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(member)
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(tmp_path / "it.tar.gz", tmp_path / "there")
