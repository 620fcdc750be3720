"""The command `scalearn`. What it does itself happens before anything heavy is imported."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

# Only these may reach for the network, `resume` through what it starts. Every other command works with the hub switched
# off, whatever the environment says.
ONLINE = ("export", "fetch-model", "prepare-task", "predict", "resume")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; bad input ends as one sentence on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command = arguments[0] if arguments else ""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS sums in one order only with this
    if command == "warm":
        return warm(arguments[1:])
    if command not in ONLINE:
        os.environ.update(OFFLINE)
        if "SCALEARN_WARM" in os.environ:
            from scalearn.machine.fork_server import hand_over

            status = hand_over(os.environ["SCALEARN_WARM"], arguments)
            if status is not None:
                return status
    return run(arguments)


def warm(command: list[str]) -> int:
    """Become `command`, with a server beside it that runs the `scalearn` commands it starts."""
    from scalearn.machine.fork_server import serve

    if command == ["--help"]:
        print("usage: scalearn warm COMMAND...\n\nRun COMMAND; the scalearn commands it starts share one import.")
        return 0
    if not command or command[0].startswith("-"):
        print("error: scalearn warm: no command to run; see `scalearn warm --help`", file=sys.stderr)
        return 1
    serve(command, run, OFFLINE)


def run(arguments: list[str]) -> int:
    """Run one command in this process and return its exit status."""
    from scalearn.cli.commands import UsageError, app
    from scalearn.errors import Stopped, UserError, of_path
    from scalearn.machine.time_budget import STOPPED

    for stream in (sys.stdout, sys.stderr):  # a label with an emoji must not fail where the locale has none
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return app(arguments, prog_name="scalearn", standalone_mode=False) or 0
    except UserError as error:
        refused = error
    except Stopped as stop:
        print(f"stopped: {stop}", file=sys.stderr)
        return STOPPED
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else " ".join(["scalearn", *arguments[:1]])
        refused = UserError(f"{command}: {error.format_message().rstrip('.')}; see `{command} --help`")
    except OSError as error:
        if error.filename is None:  # the library's own affair, such as a connection
            raise
        refused = of_path(error)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    print(f"error: {refused}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
