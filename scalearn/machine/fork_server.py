"""One process that has the heavy libraries loaded and forks a child per command.

Importing torch, transformers and adapters costs about ten seconds of CPU; a training of the demo costs little more.
`scalearn warm snakemake ...` therefore starts a server beside snakemake, and every `scalearn` command that snakemake
runs hands its arguments, environment, working directory and standard streams over to a child of that server. Results
are those of a process of its own: nothing but imported modules is shared. Without a server commands run as ever.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from scalearn.machine.heavy_imports import importing

VARIABLE = "SCALEARN_WARM"
PRELOAD = (
    "torch",
    "adapters",
    "adapters.models.bert.adapter_model",
    "adapters.models.roberta.adapter_model",
    "adapters.models.xlm_roberta.adapter_model",
    "transformers.trainer",
    "sklearn.metrics",
    "scipy.stats",
    "pyarrow.parquet",
    "pandas",
    "scalearn.cli.commands",
    "scalearn.training.runs.run",
    "scalearn.training.data.encode",
)
# Read when the libraries are imported, so they must stand before: one BLAS thread (a child sets its own number for
# torch), and a check for GPUs that does not initialise CUDA, which would be of no use in a forked child.
BEFORE_PRELOAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
GRACE = 60.0  # seconds that a child has for its checkpoint when its client is gone
TAKEN = b"+"  # a child has the request; from here on only its own status counts

Command = Callable[[list[str]], int]


def serve(
    command: Sequence[str], run: Command, environment: Mapping[str, str], modules: Sequence[str] = PRELOAD
) -> NoReturn:
    """Start the server as a child and become `command`: its signals and its exit status are its own.

    The server ends when `command` does. It loads its modules, under `environment`, while `command` starts; who asks
    earlier waits. Its children call `run`.
    """
    try:
        os.environ[VARIABLE] = _start(run, environment, modules)
    except OSError as error:  # a temporary folder whose path is too long for a socket, say
        print(f"warm: no server ({error}); every command imports for itself", file=sys.stderr)
    try:
        os.execvp(command[0], list(command))
    except OSError as error:
        sys.exit(f"error: warm: cannot run {command[0]} ({error.strerror})")


def _start(run: Command, environment: Mapping[str, str], modules: Sequence[str]) -> str:
    """Fork the server and return its socket's path."""
    folder = Path(tempfile.mkdtemp(prefix="scalearn-"))  # mode 0700: nobody else may connect
    listener, parent = socket.socket(socket.AF_UNIX), os.getpid()
    try:
        listener.bind(str(folder / "socket"))
        listener.listen(128)
    except OSError:
        folder.rmdir()
        raise
    sys.stdout.flush()
    if os.fork() == 0:
        try:
            os.setsid()  # the terminal's Ctrl-C is for the command and its jobs, which then drop their connections
            os.environ.update({**BEFORE_PRELOAD, **environment})
            with importing():
                for module in modules:
                    import_module(module)
            _accept(listener, parent, run)
        except Exception:
            sys.excepthook(*sys.exc_info())
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(0)
    return str(folder / "socket")


def _accept(listener: socket.socket, parent: int, run: Command) -> None:
    """Fork a child per connection until the command, our parent, has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children need no burying
    while os.getppid() == parent:
        if not select.select([listener], [], [], 0.2)[0]:
            continue
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            _answer(connection, run)
        connection.close()


def _answer(connection: socket.socket, run: Command) -> NoReturn:
    """In a child: put on the client's streams, folder and environment, run its command, send the status, end."""
    try:
        _, streams, _, _ = socket.recv_fds(connection, 1, 3)
        request = json.loads(connection.makefile("rb").readline())
        connection.sendall(TAKEN)
        threading.Thread(target=_die_with, args=[connection], daemon=True).start()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        threads = os.environ.get("OMP_NUM_THREADS", "")
        if "torch" in sys.modules and threads.isdigit():
            sys.modules["torch"].set_num_threads(int(threads))
        status = run(request["arguments"])
        sys.stdout.flush()
        connection.sendall(bytes([status & 255]))
    except Exception:  # the client sees no status, and says so below what this prints on its stderr
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(0)


def _die_with(connection: socket.socket) -> None:
    """End this process, at whatever it is, when the client is gone: killed by Snakemake, say.

    A training takes the signal as a request and writes a checkpoint first.
    """
    with suppress(ConnectionResetError):  # it was killed before it read that its request was taken
        if connection.recv(1):
            return
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def hand_over(address: str, arguments: list[str]) -> int | None:
    """Have the server at `address` run this command; return its exit status, or None if nobody took it."""
    request = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
            socket.send_fds(connection, [b"."], [0, 1, 2])
            connection.sendall(json.dumps(request).encode() + b"\n")
            if connection.recv(1) != TAKEN:
                return None
        except OSError:
            return None
        answer = connection.recv(1)
    if not answer:
        print("error: the process that ran this command has died", file=sys.stderr)
        return 1
    return answer[0]
