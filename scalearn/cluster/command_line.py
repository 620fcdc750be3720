"""What a Snakemake command line is refused for before its first job: an executor, files or targets that do not exist.

Snakemake does not tell a Snakefile its targets while it reads it. They are read here with Snakemake's own parser, which
is not a public part of it; tests/workflow/test_start.py shows when that changes.
"""

from __future__ import annotations

import os
import re
import shutil
from argparse import Namespace
from collections.abc import Collection, Iterable, Sequence
from contextlib import redirect_stderr, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from scalearn.campaign.campaign_file import read_campaign_file
from scalearn.errors import UserError, nearest

# Options with which Snakemake only looks, so that it may do so beside another one that works.
LOOKS = (
    *("dryrun", "dag", "rulegraph", "filegraph", "d3dag", "summary", "detailed_summary", "report", "lint"),
    *("list_rules", "list_target_rules", "list_changes", "list_input_changes", "list_params_changes"),
    *("list_untracked", "list_conda_envs", "print_compilation", "containerize", "generate_unit_tests"),
)
SLURM = ("sbatch", "squeue")  # what the profile `slurm` cannot do without


def check_executor(name: str) -> None:
    """Refuse to submit jobs to SLURM from a machine that has no SLURM."""
    missing = [command for command in SLURM if shutil.which(command) is None]
    if name == "slurm" and missing:
        raise UserError(
            f"SLURM: {' and '.join(missing)} not found on this machine; start it on the cluster's login node, "
            "or give `--profile local` to train on this machine"
        )


def check_config_files(arguments: Sequence[str]) -> None:
    """Refuse a `--configfile` that is not there; Snakemake itself would end in a traceback."""
    named = False  # as long as no other option begins, every word names a file
    for word in arguments:
        option, _, value = word.partition("=")
        if word.startswith("-"):
            named = option in ("--configfile", "--configfiles")
        path = value if word.startswith("-") else word
        if named and path and not Path(path).is_file():
            raise UserError(f"--configfile {path}: no such file; mend the path, and give targets before this option")
        named &= not value


def check_targets(workflow: Any, command: Sequence[str], benchmarks: Collection[str], origin: str) -> None:
    """Refuse targets that are neither a rule nor made by one.

    command: the whole command line; benchmarks: those of the campaign file `origin`.
    """
    if "snakemake" not in (Path(command[0]).name, Path(command[0]).parent.name):
        return  # another program has called Snakemake
    for target in getattr(_parsed(command[1:]), "targets", None) or ():
        path = target if target.startswith("/") else os.path.relpath(target)
        made = workflow.is_rule(target) or "://" in target  # remote storage, which is Snakemake's own affair
        if not made and not any(rule.is_producer(path) for rule in workflow.rules):
            names = [rule.name for rule in workflow.rules if not rule.has_wildcards()]
            raise UserError(_refusal(path, names, benchmarks, origin))


def is_work(command: Sequence[str]) -> bool:
    """Tell whether a Snakemake of this command line makes or removes something, `--unlock` included."""
    if "snakemake" not in (Path(command[0]).name, Path(command[0]).parent.name):
        return False  # another program has called Snakemake
    parsed = _parsed(command[1:])
    return parsed is not None and not any(getattr(parsed, name, None) for name in LOOKS)


def _refusal(target: str, names: Iterable[str], benchmarks: Collection[str], origin: str) -> str:
    """Return what to type in place of this target."""
    table = re.fullmatch(r"results/(.+)_table\.(?:md|csv|tex|svg)", target)
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
    """Return a campaign file in this folder or of a profile that has the benchmark."""
    for path in sorted([*Path().glob("*.y*ml"), *Path("profiles").glob("*/*.y*ml")]):
        with suppress(UserError):
            found = read_campaign_file(path).get("benchmarks")
            if str(path) != origin and isinstance(found, dict) and benchmark in found:
                return str(path)
    return None


def _parsed(arguments: Sequence[str]) -> Namespace | None:
    """Return a Snakemake command line as Snakemake reads it, profiles left out; None if it is not valid."""
    from snakemake.cli import get_argument_parser

    with suppress(SystemExit), redirect_stderr(StringIO()):
        found: Namespace = get_argument_parser().parse_args(list(arguments))
        return found
    return None
