"""Who works in a folder: one process at a time, which a refusal names."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scalearn.errors import UserError
from scalearn.workspace import at_work

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process that holds a lock until it is killed."""
    started = []

    def begin(what: str) -> subprocess.Popen[str]:
        code = "from pathlib import Path; from scalearn.workspace import at_work\n"
        code += f"folder = Path({str(tmp_path)!r})\n{what}"
        line = [sys.executable, "-c", f"{code}\nprint('held', flush=True); input()", "results/x.md"]
        process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


BEGIN = "at_work.hold_until_exit(folder, ['mine.yaml'])"
RESUME = "context = at_work.holding(folder, at_work.RESUME); context.__enter__()"


def test_a_second_start_is_told_who_is_at_work(start: Start, tmp_path: Path) -> None:
    process = start(BEGIN)
    for second in (lambda: at_work.hold_until_exit(tmp_path, ["b.yaml"]), lambda: _work(tmp_path)):
        with pytest.raises(UserError) as refused:
            second()
        said = str(refused.value)
        host = socket.gethostname()
        assert said.startswith(f"process {process.pid} on {host} is at work in this folder on mine.yaml since 20")
        assert said.endswith("(`-c results/x.md`); wait for its end, or end it")
    (tmp_path / at_work.WORK).write_text("{")  # just being written
    with pytest.raises(UserError, match=r"^another process is at work in this folder; wait"):
        at_work.hold_until_exit(tmp_path, [])


def test_what_the_dead_have_written_stops_nobody(start: Start, tmp_path: Path) -> None:
    for what in (BEGIN, RESUME):
        process = start(what)
        process.kill()
        process.wait()
    _work(tmp_path)
    _work(tmp_path)


def test_beside_a_resume_only_its_own_snakemake_starts(start: Start, tmp_path: Path) -> None:
    process = start(RESUME)
    with pytest.raises(UserError, match=f"^process {process.pid} on "):
        at_work.hold_until_exit(tmp_path, [])
    with pytest.raises(UserError, match=f"^process {process.pid} on "):
        _work(tmp_path)
    with at_work.holding(tmp_path / "mine", at_work.RESUME):
        imports = "from pathlib import Path; from scalearn.workspace import at_work"
        code = f"{imports}; at_work.hold_until_exit(Path({str(tmp_path / 'mine')!r}), [])"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_locks_nobody_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(95, "no locks")

    monkeypatch.setattr(at_work.fcntl, "flock", no_locks)
    at_work.hold_until_exit(tmp_path, [])
    with at_work.holding(tmp_path, at_work.WORK):
        at_work.check_no_snakemake(tmp_path)
    assert (tmp_path / at_work.WORK).stat().st_size == 0


def _work(folder: Path) -> None:
    with at_work.holding(folder, at_work.WORK):
        pass
