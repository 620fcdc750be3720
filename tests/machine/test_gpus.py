"""Which GPU a run takes: real processes, and an `nvidia-smi` that lists GPUs which are none."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scalearn.__main__ import run
from scalearn.errors import UserError
from scalearn.machine import gpus
from scalearn.machine.time_budget import STOPPED
from scalearn.training.data.encode import encode
from tests.tiny import make_model, make_task

# Takes a GPU, says which it sees, and holds it until its standard input ends.
RUN = """
import os, sys
from scalearn.machine import gpus
gpus.take_gpu()
print("sees", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.read()
"""
# The same in children of a warm server that has torch loaded, as it would be on a machine with GPUs.
WARM = """
import os, sys
from scalearn.machine.fork_server import hand_over, serve

def run(arguments):
    import torch
    from torch.cuda import _parse_visible_devices
    from scalearn.machine import gpus
    torch.cuda.device_count()
    gpus.take_gpu()
    os.write(1, f"sees {_parse_visible_devices()}\\n".encode())
    sys.stdin.read()
    return 0

if sys.argv[1] == "serve":
    ask = f"'{sys.executable}' '{sys.argv[0]}' ask"
    serve(["sh", "-c", f"exec 3<&0; {ask} <&3 & {ask}; wait"], run, {}, ["torch"])
hand_over(os.environ["SCALEARN_WARM"], sys.argv[1:])
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a run in an environment without GPUs, to which the test's is added; slots lie in the test's own folder."""
    for name in (gpus.VISIBLE, gpus.LIMIT, "SLURM_JOB_ID", "SCALEARN_DEADLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # which remembers TMPDIR
    started = []

    def start(*command: str, **environment: str) -> subprocess.Popen[str]:
        line = command or ("-c", RUN)
        env = {**os.environ, **environment}
        pipe = subprocess.PIPE
        process = subprocess.Popen([sys.executable, *line], env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have `nvidia-smi` print this."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")

    def lists(text: str, status: int = 0) -> None:
        (tmp_path / "listed").write_text(text)
        tool.write_text(f"#!/bin/sh\ncat '{tmp_path}/listed'; exit {status}\n")
        tool.chmod(0o755)

    return lists


TWO = "0, GPU-aaaa-1, 900\n1, GPU-bbbb-2, 30\n"


def saw(process: subprocess.Popen[str]) -> str:
    """Return what a run sees, as soon as it has taken its GPU."""
    assert process.stdout is not None
    return process.stdout.readline().strip().removeprefix("sees").strip()


def test_runs_spread_over_the_gpus_the_one_with_most_memory_left_first(
    start: Start, lists: Callable[..., None]
) -> None:
    lists(TWO)
    assert [saw(start()) for _ in range(5)] == [
        f"GPU-{name}" for name in ("bbbb-2", "aaaa-1", "bbbb-2", "aaaa-1", "bbbb-2")
    ]


def test_runs_that_start_at_the_same_time_do_not_meet(start: Start, lists: Callable[..., None]) -> None:
    lists(TWO)
    assert sorted(saw(process) for process in [start() for _ in range(6)]) == ["GPU-aaaa-1"] * 3 + ["GPU-bbbb-2"] * 3


def test_a_killed_run_frees_its_slot(start: Start, lists: Callable[..., None]) -> None:
    lists(TWO)
    first = start()
    assert [saw(first), saw(start())] == ["GPU-bbbb-2", "GPU-aaaa-1"]
    first.kill()
    first.wait()
    assert [saw(start()), saw(start())] == ["GPU-bbbb-2", "GPU-bbbb-2"]


def test_one_more_than_may_waits_and_says_so_once(start: Start, lists: Callable[..., None]) -> None:
    lists(TWO)
    held = [start(SCALEARN_RUNS_PER_GPU="1") for _ in range(2)]
    first, second = map(saw, held)
    assert {first, second} == {"GPU-aaaa-1", "GPU-bbbb-2"}
    third = start(SCALEARN_RUNS_PER_GPU="1")
    assert saw(third).startswith("each GPU has 1 runs, the limit")
    time.sleep(1.5)
    assert third.poll() is None
    held[0].kill()
    assert saw(third) == first


@pytest.mark.parametrize("pin", ["", "-1", "no", ",0", "7"])
def test_where_no_gpu_is_visible_nothing_happens(
    pin: str, start: Start, lists: Callable[..., None], tmp_path: Path
) -> None:
    lists(TWO)
    assert saw(start(CUDA_VISIBLE_DEVICES=pin)) == pin
    assert not list(tmp_path.glob("scalearn-gpus-*"))


@pytest.mark.parametrize("status", [0, 9])
def test_nor_does_it_on_a_machine_without_any(
    status: int, start: Start, lists: Callable[..., None], tmp_path: Path
) -> None:
    assert saw(start()) == "None"
    lists("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", status)
    assert saw(start()) == "None"
    assert not list(tmp_path.glob("scalearn-gpus-*"))


@pytest.mark.parametrize(
    ("pin", "seen"),
    [
        ("0,1", ["1", "0"]),
        ("1", ["1", "1"]),
        (" 0 , 1 ", ["1", "0"]),
        ("0,-1,1", ["0", "0"]),  # CUDA stops there, too
        ("GPU-aaaa,GPU-bbbb-2", ["GPU-bbbb-2", "GPU-aaaa"]),
        ("MIG-11/2,MIG-11/3", ["MIG-11/2", "MIG-11/3"]),
        ("MIG-GPU-aaaa-1/1/0", ["MIG-GPU-aaaa-1/1/0"] * 2),
    ],
)
def test_what_cuda_visible_devices_names(pin: str, seen: list[str], start: Start, lists: Callable[..., None]) -> None:
    lists(TWO)
    assert [saw(start(CUDA_VISIBLE_DEVICES=pin)) for _ in seen] == seen


def test_a_gpu_is_the_same_however_it_is_named(start: Start, lists: Callable[..., None]) -> None:
    lists(TWO)
    assert [saw(start(CUDA_VISIBLE_DEVICES=name)) for name in ("1", "GPU-bbbb", "GPU-bbbb-2")] == [
        "1",
        "GPU-bbbb",
        "GPU-bbbb-2",
    ]
    assert [saw(start()) for _ in range(4)] == ["GPU-aaaa-1"] * 3 + ["GPU-bbbb-2"]


def test_without_the_drivers_tool_the_entries_themselves_are_taken(start: Start) -> None:
    assert [saw(start(CUDA_VISIBLE_DEVICES="0,1")) for _ in range(3)] == ["0", "1", "0"]


def test_a_gpu_that_every_slurm_job_calls_0_is_another_in_each(start: Start) -> None:
    """Such a job neither counts nor waits for the runs of another."""
    job = {"CUDA_VISIBLE_DEVICES": "0", "SCALEARN_RUNS_PER_GPU": "1"}
    assert [saw(start(**job, SLURM_JOB_ID=number)) for number in ("1", "2")] == ["0", "0"]
    assert saw(start(**job, SLURM_JOB_ID="2")).startswith("each GPU has 1 runs")


def test_figures_that_a_gpu_does_not_give_are_none(start: Start, lists: Callable[..., None]) -> None:
    lists("0, GPU-a, [N/A]\n1, GPU-b, [N/A]\n")
    assert [saw(start()) for _ in range(2)] == ["GPU-a", "GPU-b"]


def test_children_of_a_warm_server_take_different_gpus(
    start: Start, lists: Callable[..., None], tmp_path: Path
) -> None:
    lists(TWO)
    (tmp_path / "warm.py").write_text(WARM)
    server = start(str(tmp_path / "warm.py"), "serve")
    assert {saw(server), saw(server)} == {"['GPU-aaaa-1']", "['GPU-bbbb-2']"}


def test_a_folder_that_others_may_enter_is_not_used(start: Start, tmp_path: Path) -> None:
    (tmp_path / f"scalearn-gpus-{os.getuid()}").mkdir(mode=0o755)
    process = start(CUDA_VISIBLE_DEVICES="0")
    assert "not a folder of your own that others cannot enter" in process.communicate()[1]


def test_the_folder_is_the_users_own(start: Start, tmp_path: Path) -> None:
    saw(start(CUDA_VISIBLE_DEVICES="0"))
    (folder,) = tmp_path.glob("scalearn-gpus-*")
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["0", "-1", "", "two", "1.5"])
def test_a_limit_that_is_no_number_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gpus.LIMIT, text)
    with pytest.raises(UserError, match=f"SCALEARN_RUNS_PER_GPU: '{text}' is not a number of runs"):
        gpus.limit()


def test_a_training_that_waits_for_a_gpu_ends_with_its_time(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_model(tmp_path / "model")
    encode(make_task(tmp_path / "task"), model, tmp_path / "encoded")
    monkeypatch.setenv(gpus.VISIBLE, "0")
    monkeypatch.setenv(gpus.LIMIT, "1")
    monkeypatch.setenv("SCALEARN_DEADLINE", repr(time.time() + 60))  # so that it is as it was after the test
    saw(start())
    train = ["train", "--method", "adapter", "--model", str(model), "--data", str(tmp_path / "encoded")]
    assert run([*train, "--output", str(tmp_path / "run"), "--max-time", "2s"]) == STOPPED
    said = capsys.readouterr()
    assert said.out.count("waiting for the end of one") == 1 and "the time budget is used up" in said.err
    assert not (tmp_path / "run").exists()
