"""The one door through which Snakefile and workflow/rules/ enter the package.

Snakemake reads the Snakefile once in its own process and once more in each job. Bad input ends it with one sentence.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalearn.campaign import loggers, versions
from scalearn.campaign.campaign_file import hand_down, read_campaign_file
from scalearn.campaign.places import TABLES, table_files
from scalearn.campaign.plan import Campaign
from scalearn.cluster.command_line import check_executor, check_targets, is_work
from scalearn.cluster.resume import SNAKEMAKE, note_command
from scalearn.cluster.stale_locks import drop_stale_locks
from scalearn.cluster.terminal import shorten_messages
from scalearn.cluster.unfinished import forget_outdated, note_outdated, note_partial
from scalearn.errors import UserError
from scalearn.machine import gpus, time_budget
from scalearn.methods import METHODS
from scalearn.preflight.inputs import check_files, check_rows
from scalearn.workspace import at_work
from scalearn.workspace.adopt import earlier_runs_notice
from scalearn.workspace.started import note_start
from scalearn.workspace.table_owners import claim_tables, own_tables

__all__ = ["OpenCampaign", "open_campaign", "pattern", "table_files", "variants_of", "versions"]


@contextmanager
def refusals() -> Iterator[None]:
    """End Snakemake with the one sentence of a UserError."""
    try:
        yield
    except UserError as error:
        sys.exit(f"error: {error}")


@dataclass(frozen=True)
class OpenCampaign:
    """A campaign for one start of Snakemake.

    workflow: Snakemake's own object. files: the campaign's files. content: what they and `--config` say.
    """

    workflow: Any
    files: list[str]
    content: MutableMapping[str, Any]
    campaign: Campaign

    @property
    def origin(self) -> str:
        """The campaign's files as messages name them."""
        return ", ".join(self.files)

    def check_targets(self) -> None:
        """Refuse targets that no rule makes. Needs all rules, so it comes last in the Snakefile."""
        if self.workflow.is_main_process:
            with refusals():
                check_targets(self.workflow, sys.argv, self.campaign.benchmarks, self.origin, self._not_compared())

    def _not_compared(self) -> dict[str, str]:
        """Return why no rule compares some benchmarks with the published scores, by the files that it would write."""
        reasons = {name: self.campaign.not_compared(name) for name in self.campaign.benchmarks}
        return {path: why for name, why in reasons.items() if why for path in table_files("published", name)}

    def before_first_job(self) -> None:
        """Check what a dry run need not read, claim the tables, and note this start.

        The notes serve `scalearn prune` (the campaign), `scalearn resume` (the command line) and the next start (the
        outputs that this one is to make).
        """
        jobs = list(self.workflow.dag.needrun_jobs())
        outputs = _outputs(jobs)
        with refusals():
            if not all(job.is_local for job in jobs):
                check_executor(self.workflow.executor_plugin.name)
            check_rows(self.campaign)
            claim_tables(SNAKEMAKE, self.campaign, self.files, outputs)
            note_start(SNAKEMAKE, self.files, self.workflow.config_settings.config)
            note_command(self.workflow.executor_plugin.name)
            note_outdated(SNAKEMAKE, outputs)
        # Without this the SLURM plugin does not tell a submission which of its runs go side by side
        # (docs/slurm-plugin.md, 4).
        self.workflow.executor_plugin.common_settings.pass_group_args = True
        # With its limit of job starts per second Snakemake looks at all waiting jobs again and again
        # (docs/performance.md).
        self.workflow.scheduler.job_rate_limiter = None

    def after_success(self) -> None:
        """Forget what was to be made."""
        forget_outdated(SNAKEMAKE)

    def tables_after_failure(self, records: Callable[[str], list[str]]) -> list[tuple[str, str]]:
        """Return the tables that can be made from the runs that there are, each as its kind and its benchmark.

        records: returns the run records that a table needs. A table of another campaign file is left out, and so is one
        that this start was not to make: Snakemake does not know whether runs outside its graph are up to date. The next
        start makes the tables anew.
        """
        left = set(_outputs(self.workflow.dag.needrun_jobs()))
        forget_outdated(SNAKEMAKE, left)
        due = [
            (kind, name)
            for name in self.campaign.benchmarks
            for kind in TABLES
            if not left.isdisjoint(table_files(kind, name)) and any(map(os.path.exists, records(name)))
        ]
        own = own_tables(SNAKEMAKE, self.campaign, self.files, list(dict.fromkeys(name for _, name in due)))
        return [(kind, name) for kind, name in due if name in own]

    def after_failure(self, made: Iterable[str]) -> None:
        """Note the table files that were made although runs are missing, so that the next start makes them anew."""
        note_partial(SNAKEMAKE, made)


def open_campaign(workflow: Any, config: MutableMapping[str, Any], logger: Any) -> OpenCampaign:
    """Return the campaign that Snakemake was started for, checked.

    config: Snakemake's, which holds the files of `--configfile` and `--config`. A file on the command line takes the
    place of config.yaml; Snakemake's own directive `configfile:` would mix the two, and would run the code of a file
    that asks for it (`__use_yte__`).
    """
    from snakemake.utils import update_config

    # The graph of thousands of jobs is millions of objects that all stay. Looking for garbage among them is time lost.
    gc.set_threshold(1_000_000)
    files = [os.path.relpath(file) for file in workflow.overwrite_configfiles]
    with refusals():
        content: MutableMapping[str, Any] = {} if files else read_campaign_file(Path("config.yaml"))
        update_config(content, config)
        files = files or ["config.yaml"]
        campaign = Campaign.parse(content, ", ".join(files))
    hand_down(content)
    opened = OpenCampaign(workflow, files, content, campaign)
    if workflow.is_main_process:
        with refusals():
            _begin(opened, logger)
    # Rules call `scalearn`. Where no environment is active, the one that runs Snakemake provides it.
    os.environ.update(PATH=os.pathsep.join([*os.get_exec_path(), str(Path(sys.executable).parent)]))
    return opened


def _begin(opened: OpenCampaign, logger: Any) -> None:
    """Check the campaign's files, tell the jobs what they share through the environment, and say what is planned."""
    settings, campaign = opened.workflow.output_settings, opened.campaign
    shorten_messages(logger, all_messages=settings.dryrun or settings.verbose)
    for file in opened.workflow.overwrite_configfiles:
        read_campaign_file(Path(os.path.relpath(file)))
    check_files(campaign, opened.origin)
    if not settings.dryrun and is_work(sys.argv):
        at_work.hold_until_exit(SNAKEMAKE, opened.files)
    drop_stale_locks(SNAKEMAKE)
    time_budget.begin(campaign.config.max_time, "max_time")
    time_budget.watch()
    gpus.set_limit(campaign.config.runs_per_gpu)
    loggers.begin(campaign.config.loggers)
    for line in [f"{opened.origin}: {campaign.size()}", *campaign.notes, *filter(None, [earlier_runs_notice()])]:
        logger.info(line)


def pattern(names: Iterable[str]) -> str:
    """Return a regular expression that matches these names and no others."""
    return "|".join(names) or "(?!)"


def variants_of(family: str) -> str:
    """Return a regular expression for the variants of all methods of a family: a method, and its settings."""
    return f"({pattern([method.name for method in METHODS.values() if method.family == family])})(/[^/]+=[^/]+)?"


def _outputs(jobs: Iterable[Any]) -> list[str]:
    return [path for job in jobs for path in job.output]
