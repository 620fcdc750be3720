"""A campaign in slices of time, carried over to another folder between them; and what is packed."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from scalearn.__main__ import main
from scalearn.errors import UserError
from scalearn.machine.time_budget import STOPPED
from scalearn.workspace.pack import pack, unpack
from tests.workflow.clone import command, configure, environment, outputs, run

METHODS = ["adapter", "scalearn_uniform_pp"]
ANY = json.dumps({"method": "adapter", "model": "m", "tasks": ["d"]})


def begin(folder: Path, slice_: str) -> subprocess.CompletedProcess[str]:
    arguments = [*command(), "--config", f"max_time={slice_}"]
    return subprocess.run(
        arguments, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


def trained(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in outputs(folder).items() if name.endswith("weights.safetensors")}


@pytest.mark.campaign
def test_slices_of_time_and_another_folder_end_in_the_same_bytes(clone: Path, tmp_path: Path) -> None:
    configure(clone, methods=METHODS, seeds=[0, 1])
    whole = tmp_path / "whole"
    shutil.copytree(clone, whole, symlinks=True)
    run(whole)

    here, moves, said = clone, 0, ""
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


def test_a_run_with_no_time_stops_before_it_loads_anything(tmp_path: Path) -> None:
    again = ["train", "--spec", ANY, "--model", "m", "--data", "d", "--output", "o", "--max-time", "1s"]
    before = {**environment(), "SCALEARN_DEADLINE": "1"}
    done = subprocess.run(["scalearn", *again], cwd=tmp_path, env=before, capture_output=True, text=True, check=False)
    assert done.returncode == STOPPED
    assert re.fullmatch(r"stopped: the time budget is used up; .* continues\n", done.stderr)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work directory with everything that may lie in one."""
    path = tmp_path / "work"
    for name in (
        "config.yaml", "data/rows.csv", "profiles/local/profile.yaml", "workflow/rules/own/mine.smk",
        "results/trained/a/weights.safetensors", "results/trained/a/checkpoints/checkpoint-6/state.json",
        "results/trained/a/.weights.scalearn-12345678", "results/trained/a/.lock", "logs/a.log",
        "results/resources/mine.txt",
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
    "results/trained/a/weights.safetensors", "results/trained/a/checkpoints/checkpoint-6/state.json", "logs/a.log",
    ".snakemake/metadata/x/abc", "local", "results/resources/mine.txt",
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


CAMPAIGN = {
    "model": "tiny",
    "models": {"tiny": {"kind": "folder", "path": "model"}},
    "tasks": {"one": {"source": {"kind": "files", "train": "data/one.csv", "test": "two.csv"}}},
    "benchmarks": {"mine": ["one"]},
    "methods": ["adapter"],
    "seeds": [0],
}


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_links_are_followed_to_what_the_campaign_made_or_names(tmp_path: Path) -> None:
    work, scratch, there = tmp_path / "work", tmp_path / "scratch", tmp_path / "there"
    write(work / "config.yaml", yaml.safe_dump(CAMPAIGN))
    write(work / "mine.yaml", yaml.safe_dump({**CAMPAIGN, "mirror": "hub", "benchmarks": {"mine": ["rte"]}}))
    note = {"files": [["mine.yaml"], ["gone.yaml"]], "values": [{}], "made": {"a": [0, 0], "b": [1, 0]}}
    write(work / ".snakemake/scalearn/made_by.json", json.dumps(note))
    for name in (
        "results/trained/a/run.json", "results/trained/a/.lock", "runs of b/run.json", "log/a.log", "data/one.csv",
        "data/other.csv", "two.csv", "model/config.json", "model/model.safetensors", "model/vocab.txt", "model/big.bin",
        "hub/glue/rte/train-00000-of-00001.parquet", "hub/glue/rte/validation-00000-of-00001.parquet", "hub/glue/x",
        "notes/mine.txt",
    ):  # fmt: skip
        write(scratch / name, name)
    (scratch / "results/trained/b").symlink_to("../../runs of b")
    (scratch / "results/trained/a/round").symlink_to("../..")
    (scratch / "results/trained/gone").symlink_to("nowhere")
    links = {"logs": "log", **{name: name for name in ("results", "data", "two.csv", "model", "hub", "notes")}}
    for name, target in links.items():
        (work / name).symlink_to(scratch / target)
    packed = pack(work, tmp_path / "it.tar.gz")
    unpack(tmp_path / "it.tar.gz", there)
    assert {str(path.relative_to(there)) for path in there.rglob("*") if not path.is_dir()} == {
        "config.yaml", "mine.yaml", ".snakemake/scalearn/made_by.json", "results/trained/a/run.json",
        "results/trained/b/run.json", "logs/a.log", "data/one.csv", "two.csv", "model/config.json",
        "model/model.safetensors", "model/vocab.txt", "hub/glue/rte/train-00000-of-00001.parquet",
        "hub/glue/rte/validation-00000-of-00001.parquet",
    }  # fmt: skip
    assert packed.files == 13 and not [path for path in there.rglob("*") if path.is_symlink()]
    assert packed.behind == {
        "notes": f"a link to {scratch}/notes; no campaign file names anything there",
        "data": f"a link to {scratch}/data; packed of it: only what config.yaml names, files: 1",
        "model": f"a link to {scratch}/model; packed of it: only what mine.yaml names, files: 3",
        "hub": f"a link to {scratch}/hub; packed of it: only what mine.yaml names, files: 2",
    }


def test_what_stays_behind_is_named(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = tmp_path / "elsewhere.csv"
    source = {"kind": "files", "train": str(elsewhere), "test": "../elsewhere.csv"}
    write(elsewhere)
    write(work / "config.yaml", yaml.safe_dump({**CAMPAIGN, "tasks": {"one": {"source": source}}}))
    assert main(["pack", str(tmp_path / "it.tar.gz"), "--folder", str(work)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "stays behind: resources (the same commands fetch and encode it again)",
        "stays behind: .venv (`make install` makes it)",
        "stays behind: .git (the history of the code; clone it)",
        f"stays behind: mirror (a link to {tmp_path}; no campaign file names anything there)",
        f"stays behind: {elsewhere} (outside the folder; config.yaml names it, so copy it to the same path there)",
    ]


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
