"""`scalearn resume`, with a Snakemake and a SLURM that are a few lines each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scalearn.machine.time_budget import STOPPED

# Found by `python -m snakemake` in the current folder. What each start does stands in `plan`.
SNAKEMAKE = """
import os, subprocess, sys, time
from pathlib import Path
from scalearn.workspace import at_work
from scalearn.errors import UserError
from scalearn.cluster.stale_locks import drop_stale_locks
from scalearn.cluster.resume import note_command

try:
    at_work.hold_until_exit(Path(".snakemake"), ["mine.yaml"])
except UserError as error:
    sys.exit(f"error: {error}")
drop_stale_locks(Path(".snakemake"))
with open("starts", "a") as starts:
    print(*sys.argv[1:], file=starts)
what, *left = Path("plan").read_text().split()
Path("plan").write_text(" ".join(left))
if what == "refuse":
    sys.exit(2)
note_command("slurm")
log = Path(".snakemake/log", str(os.getpid()) + ".log")
log.parent.mkdir(exist_ok=True)
log.write_text("\\nFinished jobid: 1 (Rule: encode)" if what in ("done", "progress") else "")
if what == "busy":
    subprocess.run(["sleep", "3"])
if what == "hang":
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(3)
sys.exit(what not in ("done", "busy"))
"""
SQUEUE = """#!/bin/sh
if [ -e away ]; then rm away; exit 1; fi
cat queue
"""
SCANCEL = """#!/bin/sh
for job in "$@"; do sed -i "/^$job|/d" queue; echo $job >> cancelled; done
"""
MINUTE = 0.1


class Folder:
    """A campaign's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "bin").mkdir()
        for name, content in {"squeue": SQUEUE, "scancel": SCANCEL}.items():
            (path / "bin" / name).write_text(content)
            (path / "bin" / name).chmod(0o755)
        (path / "snakemake.py").write_text(SNAKEMAKE)
        (path / "Snakefile").touch()
        (path / "queue").touch()

    def start(self, *arguments: str, plan: str) -> subprocess.Popen[str]:
        (self.path / "plan").write_text(plan)
        path = f"{self.path / 'bin'}:{os.environ['PATH']}"
        return subprocess.Popen(
            [sys.executable, "-m", "scalearn", "resume", *arguments],
            cwd=self.path,
            env={**os.environ, "PATH": path, "SCALEARN_MINUTE": str(MINUTE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def resume(self, *arguments: str, plan: str, status: int = 0) -> str:
        process = self.start(*arguments, plan=plan)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == status, said
        return said

    def lines(self, name: str) -> list[str]:
        return (self.path / name).read_text().splitlines() if (self.path / name).exists() else []


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs would have us ignore
    path = tmp_path / "my campaign"
    path.mkdir()
    return Folder(path)


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + 300
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_repeats_the_last_command(folder: Folder) -> None:
    assert "no command is noted in this folder" in folder.resume(plan="done", status=1)
    (folder.path / "a b.yaml").touch()
    folder.resume("--profile", "slurm", "-k", "results/x.md", "--configfile", "a b.yaml", plan="done")
    folder.resume(plan="done")
    assert folder.lines("starts") == ["--profile slurm -k results/x.md --configfile a b.yaml"] * 2
    assert json.loads((folder.path / ".snakemake/scalearn/command.json").read_text())["arguments"][-1] == "a b.yaml"


def test_a_campaign_file_that_is_gone_is_refused_before_anything_is_cancelled(folder: Folder) -> None:
    said = folder.resume("--profile", "slurm", "--configfile", "gone.yaml", plan="done", status=1)
    assert said == "error: --configfile gone.yaml: no such file; mend the path, and give targets before this option\n"
    assert folder.lines("starts") == []


@pytest.mark.parametrize("content", ["", "[]", '{"pid": 1}'])
def test_a_damaged_note_is_as_good_as_none(content: str, folder: Folder) -> None:
    folder.resume("all", plan="done")
    note = folder.path / ".snakemake/scalearn/command.json"
    note.write_text(content)
    said = folder.resume(plan="done", status=1)
    assert "error: resume: the note of the last command is damaged; give Snakemake's arguments" in said
    assert "Traceback" not in said
    folder.resume("all", plan="done")
    assert json.loads(note.read_text())["arguments"] == ["all"]


def test_when_the_time_is_up_nothing_is_started_again(folder: Folder) -> None:
    folder.resume("--max-time", "1s", "--profile", "slurm", plan="progress done", status=STOPPED)
    assert folder.lines("starts") == ["--profile slurm"]
    folder.resume(plan="done")  # without a budget
    assert folder.lines("starts") == ["--profile slurm"] * 2


def test_elsewhere_it_refuses(folder: Folder) -> None:
    (folder.path / "Snakefile").unlink()
    assert "no Snakefile here" in folder.resume("all", plan="done", status=1)


def test_it_cancels_what_a_dead_snakemake_left_in_this_folder(folder: Folder) -> None:
    rows = [
        f"1|scalearn_a1|{folder.path}",
        f"2|scalearn_a1|{folder.path}/other",
        f"3|mine|{folder.path}",
        f"4_1|scalearn_a1|{folder.path}/",
    ]
    (folder.path / "queue").write_text("\n".join(rows) + "\n")
    (folder.path / "away").touch()
    said = folder.resume("all", plan="done")
    assert said.index("SLURM does not answer") < said.index("cancelling SLURM jobs") < said.index("starting snakemake")
    assert folder.lines("cancelled") == ["1", "4_1"]


def test_progress_is_followed_by_another_start(folder: Folder) -> None:
    folder.resume("all", plan="progress progress progress progress progress progress done")
    assert len(folder.lines("starts")) == 7


def test_without_progress_it_gives_up(folder: Folder) -> None:
    said = folder.resume("all", plan="fail progress fail fail fail fail done", status=1)
    assert "no job was finished in 4 starts" in said
    assert len(folder.lines("starts")) == 6


def test_a_command_that_snakemake_refuses_is_not_repeated(folder: Folder) -> None:
    folder.resume("--nonsense", plan="refuse done", status=2)
    assert folder.lines("starts") == ["--nonsense"]


def test_snakemake_that_waits_in_vain_is_killed_and_started_again(folder: Folder) -> None:
    said = folder.resume("all", plan="hang done")
    assert "there was no job to wait for" in said
    assert len(folder.lines("starts")) == 2


@pytest.mark.parametrize("cause", ["a job", "SLURM away"])
def test_snakemake_that_has_something_to_wait_for_is_left_alone(folder: Folder, cause: str) -> None:
    process = folder.start("all", plan="hang done")
    until(lambda: folder.lines("starts"))
    if cause == "a job":
        (folder.path / "queue").write_text(f"7|scalearn_a1|{folder.path}\n")
    else:
        (folder.path / "bin/squeue").write_text("#!/bin/sh\nexit 1\n")
    time.sleep(25 * MINUTE)
    assert process.poll() is None and len(folder.lines("starts")) == 1
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)


def test_snakemake_whose_child_is_at_work_is_left_alone(folder: Folder) -> None:
    folder.resume("all", plan="busy")
    assert len(folder.lines("starts")) == 1


def test_a_signal_goes_on_to_snakemake_and_ends_all(folder: Folder) -> None:
    process = folder.start("all", plan="hang done")
    until((folder.path / ".snakemake/scalearn/command.json").exists)
    (folder.path / "queue").write_text(f"7|scalearn_a1|{folder.path}\n")  # one that Snakemake fails to cancel
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 3 and "interrupted" in said
    assert folder.lines("cancelled") == ["7"]
    assert len(folder.lines("starts")) == 1


def test_beside_a_snakemake_that_is_alive_it_refuses(folder: Folder) -> None:
    (folder.path / "plan").write_text("hang")
    snakemake = subprocess.Popen([sys.executable, "-m", "snakemake"], cwd=folder.path)
    until((folder.path / ".snakemake/scalearn/command.json").exists)
    said = folder.resume("all", plan="done", status=1)
    assert said.startswith(f"error: process {snakemake.pid} on ") and " on mine.yaml since " in said
    assert said.endswith("; wait for its end, or end it\n") and said.count("\n") == 1
    snakemake.kill()
    snakemake.wait()
    folder.resume(plan="done")
