"""The warm server with real processes, and a preload of next to nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# `run` stands for the real commands: it tells what it sees, sleeps, fails or dies, as its first argument says.
PROGRAM = """
import os, sys, time
from scalearn.machine.fork_server import hand_over, serve

def run(arguments):
    match arguments[0]:
        case "tell":
            print(os.getcwd(), os.environ["WORD"], sys.stdin.read(), sep="|")
            print("warm" if "csv" in sys.modules else "cold", os.environ.get("EARLY"), file=sys.stderr)
        case "sleep":
            os.write(1, b"%d\\n" % os.getpid())  # in one piece: two of these share the stream
            time.sleep(60)
        case "raise":
            raise ValueError("no such luck")
        case "die":
            os._exit(9)
    return int(arguments[1]) if len(arguments) > 1 else 0

if sys.argv[1] == "serve":
    serve(sys.argv[2:], run, {"EARLY": "1"}, ["csv"])
else:
    status = hand_over(os.environ["SCALEARN_WARM"], sys.argv[1:])
    sys.exit("nobody there" if status is None else status)
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return str(path)


def start(*command: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload, no-any-return]


def client(program: str, line: str) -> subprocess.Popen[str]:
    """A server whose command is this line of shell; `$C` in it is the client."""
    script = Path(program).with_name("client")  # one word, wherever Python lies
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$@"\n')
    script.chmod(0o755)
    environment = {**os.environ, "C": str(script), "WORD": "word"}
    return start(sys.executable, program, "serve", "sh", "-c", line, env=environment, stdin=subprocess.PIPE)


def gone(pid: int, seconds: float = 120) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_command_sees_its_clients_streams_folder_and_environment(program: str, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    out, err = client(program, f"cd '{folder}'; WORD=other $C tell").communicate("typed")
    assert out == f"{folder}|other|typed\n"
    assert err == "warm None\n"  # the server's own environment stays with the server


@pytest.mark.parametrize(("line", "status"), [("$C tell 3", 3), ("$C tell 0", 0), ("$C tell; exit 7", 7)])
def test_the_exit_status_comes_back(program: str, line: str, status: int) -> None:
    process = client(program, line)
    process.communicate("")
    assert process.returncode == status


def test_a_command_that_raises_or_dies_has_failed(program: str) -> None:
    process = client(program, "$C raise || $C die || exit 5")
    _, err = process.communicate("")
    assert process.returncode == 5
    assert "no such luck" in err and "has died" in err


def test_commands_run_side_by_side(program: str) -> None:
    process = client(program, "$C sleep & $C sleep & read line; $C tell 4 < /dev/null")
    assert process.stdout is not None and process.stdin is not None
    running = [int(process.stdout.readline()) for _ in range(2)]
    print("go on", file=process.stdin, flush=True)
    assert "word" in process.stdout.readline() and process.wait(10) == 4
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def test_a_killed_client_takes_its_command_along(program: str) -> None:
    process = client(program, "$C sleep >&2 & echo $!; wait")
    assert process.stdout is not None and process.stderr is not None
    asking, running = int(process.stdout.readline()), int(process.stderr.readline())
    os.kill(asking, signal.SIGKILL)
    assert gone(running)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_the_server_ends_with_its_command_however_that_ends(program: str, number: signal.Signals) -> None:
    process = client(program, "echo $SCALEARN_WARM; exec sleep 60")
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip()).parent
    assert folder.is_dir() and folder.stat().st_mode & 0o777 == 0o700
    process.send_signal(number)  # reaches the command itself: it took the server's starter's place
    assert process.wait(120) == -number
    end = time.monotonic() + 120
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not folder.exists()


def test_without_a_server_the_client_is_told_to_run_the_command_itself(program: str, tmp_path: Path) -> None:
    process = start(sys.executable, program, "tell", env={**os.environ, "SCALEARN_WARM": str(tmp_path / "socket")})
    _, err = process.communicate()
    assert err == "nobody there\n" and process.returncode == 1


def test_a_command_that_does_not_exist_is_one_sentence(program: str) -> None:
    process = start(sys.executable, program, "serve", "no-such-command")
    _, err = process.communicate()
    assert err == "error: warm: cannot run no-such-command (No such file or directory)\n" and process.returncode == 1


def test_where_no_socket_can_be_the_command_runs_all_the_same(program: str, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)  # a socket's path may have 107 bytes
    deep.mkdir()
    environment = {**os.environ, "TMPDIR": str(deep)}
    environment.pop("SCALEARN_WARM", None)
    process = start(sys.executable, program, "serve", "sh", "-c", "echo ${SCALEARN_WARM-none}", env=environment)
    out, err = process.communicate()
    assert out == "none\n" and err.startswith("warm: no server (") and not list(deep.iterdir())


def test_the_real_command_runs_warm() -> None:
    """Through the entry point, with the real preload: bad input is one sentence and exit status 1."""
    scalearn = [sys.executable, "-m", "scalearn"]
    train = [*scalearn, "train", "--method", "adaptor", "--model", "m", "--data", "d", "--output", "o"]
    process = start(*scalearn, "warm", *train)
    _, err = process.communicate(timeout=120)
    assert err.startswith("error: --method: unknown method 'adaptor', did you mean 'adapter'?")
    assert process.returncode == 1
