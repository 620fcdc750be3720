"""The command `scalearn`. What it does itself happens before anything heavy is imported."""

from __future__ import annotations

import os
import sys

# Only these reach for the network, `resume` through what it starts. Every other command works with the hub switched
# off, whatever the environment says.
ONLINE = ("fetch-model", "prepare-task", "resume")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; bad input ends as one sentence on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command = arguments[0] if arguments else ""
    if command == "warm":
        return warm(arguments[1:])
    if command not in ONLINE:
        os.environ.update(OFFLINE)
        if "SCALEARN_WARM" in os.environ:
            from scalearn.warm import hand_over

            status = hand_over(os.environ["SCALEARN_WARM"], arguments)
            if status is not None:
                return status
    return run(arguments)


def warm(command: list[str]) -> int:
    """Become `command`, with a server beside it that runs the `scalearn` commands it starts."""
    from scalearn.warm import serve

    if not command or command[0].startswith("-"):
        print("usage: scalearn warm COMMAND...\n\nRun COMMAND; the scalearn commands it starts share one import.")
        return 0 if command == ["--help"] else 2
    serve(command, run, OFFLINE)


def run(arguments: list[str]) -> int:
    """Run one command in this process and return its exit status."""
    from scalearn.cli import app
    from scalearn.errors import UserError

    try:
        app(arguments, prog_name="scalearn", standalone_mode=True)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
