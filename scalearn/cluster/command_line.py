"""Checks a Snakemake command line before its first job: the executor, the campaign files and the targets must exist.

A Snakefile has no access to the targets on the command line. This module reads them with Snakemake's own parser, which
is not public; tests/cluster/test_command_line.py fails when it changes.
"""

from __future__ import annotations

import os
import re
import shutil
from argparse import Namespace
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import redirect_stderr, suppress
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scalearn.campaign.campaign_file import read_campaign_file
from scalearn.errors import UserError, nearest

# With these options Snakemake changes nothing, so that it may run beside another Snakemake.
LOOKS = (
    *("dryrun", "dag", "rulegraph", "filegraph", "d3dag", "summary", "detailed_summary", "report", "lint"),
    *("list_rules", "list_target_rules", "list_changes", "list_input_changes", "list_params_changes"),
    *("list_untracked", "list_conda_envs", "print_compilation", "containerize", "generate_unit_tests"),
)
SLURM = ("sbatch", "squeue")  # commands that the profile `slurm` needs


def check_executor(name: str) -> None:
    """Check that the commands of the executor `name` exist on this machine.

    Raises: UserError if the executor is `slurm` and this machine has no SLURM.
    """
    missing = [command for command in SLURM if shutil.which(command) is None]
    if name == "slurm" and missing:
        raise UserError(
            f"SLURM: {' and '.join(missing)} not found on this machine; start it on the cluster's login node, "
            "or give `--profile local` to train on this machine"
        )


def check_config_files(arguments: Sequence[str]) -> None:
    """Check that the files after `--configfile` exist; Snakemake itself would end with a traceback.

    arguments: those of Snakemake.
    Raises: UserError if one does not exist.
    """
    named = False  # whether the current word names a campaign file: true until the next option
    for word in arguments:
        option, _, value = word.partition("=")
        if word.startswith("-"):
            named = option in ("--configfile", "--configfiles")
        path = value if word.startswith("-") else word
        if named and path and not Path(path).is_file():
            raise UserError(f"--configfile {path}: no such file; mend the path, and give targets before this option")
        named &= not value


def check_targets(
    workflow: Any,
    command: Sequence[str],
    benchmarks: Collection[str],
    origin: str,
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Check that every target is a rule or the output of one.

    workflow: Snakemake's object.
    command: the whole command line.
    benchmarks: names of the campaign's benchmarks.
    origin: the campaign file, for messages.
    reasons: why no rule makes some files, by their paths.
    Raises: UserError if no rule makes a target.
    """
    if "snakemake" not in (Path(command[0]).name, Path(command[0]).parent.name):
        return  # another program calls Snakemake as a library
    for target in getattr(_parsed(command[1:]), "targets", None) or ():
        path = target if target.startswith("/") else os.path.relpath(target)
        exists = workflow.is_rule(target) or "://" in target  # Snakemake itself checks remote storage
        if not exists and not any(rule.is_producer(path) for rule in workflow.rules):
            if path in reasons:
                raise UserError(f"{target}: no rule makes this target: {reasons[path]}; leave it out")
            names = [rule.name for rule in workflow.rules if not rule.has_wildcards()]
            raise UserError(_refusal(path, names, benchmarks, origin))


def is_work(command: Sequence[str]) -> bool:
    """Return whether Snakemake writes or removes files with this command line; `--unlock` counts."""
    if "snakemake" not in (Path(command[0]).name, Path(command[0]).parent.name):
        return False  # another program calls Snakemake as a library
    parsed = _parsed(command[1:])
    return parsed is not None and not any(getattr(parsed, name, None) for name in LOOKS)


def _refusal(target: str, names: Iterable[str], benchmarks: Collection[str], origin: str) -> str:
    """Return the message for a target that no rule makes, with what to type instead."""
    table = re.fullmatch(
        r"results/(.+)_(?:table\.(?:md|csv|tex|svg|parquet)|(?:cost|published)\.(?:md|csv|tex))", target
    )
    if table is None:
        close = nearest(
            target, [*names, "results/scores.parquet", *(f"results/{name}_table.md" for name in benchmarks)]
        )
        hint = close if "did you mean" in close else ";"
        return f"{target}: no rule makes this target{hint} the benchmarks of {origin} are {', '.join(benchmarks)}"
    wrong = f"{target}: {origin} has no benchmark '{table[1]}'"
    other = _campaign_with(table[1], origin)
    if other is None:
        return wrong + nearest(table[1], benchmarks)
    mend = "leave out `--configfile`" if other == "config.yaml" else f"give `--configfile {other}` at the end"
    return f"{wrong}, but {other} has: {mend}"


def _campaign_with(benchmark: str, origin: str) -> str | None:
    """Return another campaign file, in this folder or in a profile's, that has the benchmark."""
    for path in sorted([*Path().glob("*.y*ml"), *Path("profiles").glob("*/*.y*ml")]):
        with suppress(UserError):
            benchmarks = read_campaign_file(path).get("benchmarks")
            if str(path) != origin and isinstance(benchmarks, dict) and benchmark in benchmarks:
                return str(path)
    return None


def _parsed(arguments: Sequence[str]) -> Namespace | None:
    """Return Snakemake's arguments as its own parser reads them, without profiles; None if they are not valid."""
    from snakemake.cli import get_argument_parser

    with suppress(SystemExit), redirect_stderr(StringIO()):
        parsed: Namespace = get_argument_parser().parse_args(list(arguments))
        return parsed
    return None
