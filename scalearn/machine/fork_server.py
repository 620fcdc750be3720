"""A server process that has imported the heavy libraries and forks a child for each command.

Importing torch, transformers and adapters takes about ten seconds of CPU time; a training of the demo takes little
more. `scalearn warm snakemake ...` therefore starts a server beside Snakemake. Each `scalearn` command that Snakemake
runs passes its arguments, environment, working directory and standard streams to a child of the server. The results are
the same as without a server, since commands share nothing but imported modules.
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
# The libraries read these variables when they are imported: one BLAS thread (a child sets its own number of threads for
# torch), and a check for GPUs that does not initialise CUDA, which a forked child could not use.
BEFORE_PRELOAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
GRACE = 60.0  # seconds that a child has to write a checkpoint after its client has gone
TAKEN = b"+"  # a child has accepted the request; the client now waits for its exit status

Command = Callable[[list[str]], int]


def serve(
    command: Sequence[str], run: Command, environment: Mapping[str, str], modules: Sequence[str] = PRELOAD
) -> NoReturn:
    """Start the server as a child process, then replace this process by `command`.

    The server ends when `command` ends. It imports its modules while `command` starts; earlier requests wait.

    command: a command line, such as Snakemake's.
    run: what a forked child calls with the arguments of its request; returns the exit status.
    environment: environment variables under which the server imports.
    modules: names of the modules to import.
    """
    try:
        os.environ[VARIABLE] = _start(run, environment, modules)
    except OSError as error:  # for example a temporary folder whose path is too long for a socket
        print(f"warm: no server ({error}); each command imports the libraries itself", file=sys.stderr)
    try:
        os.execvp(command[0], list(command))
    except OSError as error:
        sys.exit(f"error: warm: cannot run {command[0]} ({error.strerror})")


def _start(run: Command, environment: Mapping[str, str], modules: Sequence[str]) -> str:
    """Fork the server and return its socket's path."""
    folder = Path(tempfile.mkdtemp(prefix="scalearn-"))  # mode 0700: other users cannot connect
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
            os.setsid()  # Ctrl-C reaches only the command and its jobs, which then close their connections
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
    """Fork a child for each connection, until the command, which is our parent, has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps ended children
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
    except Exception:  # the client receives no status, and reports that after this traceback
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(0)


def _die_with(connection: socket.socket) -> None:
    """End this process when its client has gone, for example because Snakemake killed it.

    SIGTERM lets a training write a checkpoint first.
    """
    with suppress(ConnectionResetError):  # the client was killed before it read TAKEN
        if connection.recv(1):
            return
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def hand_over(address: str, arguments: list[str]) -> int | None:
    """Let the server run a command, and return its exit status; None if no server accepts it.

    address: the path of the server's socket.
    arguments: the command's.
    """
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
