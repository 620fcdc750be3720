# The campaign, read once; the rules ask it and decide nothing themselves.
import gc
import os
import sys
from pathlib import Path

from snakemake.logging import logger
from snakemake.utils import update_config

from scalearn import at_work, budget, gpus, versions
from scalearn.campaign import JOINT, Campaign
from scalearn.campaign_file import read_campaign_file
from scalearn.check import check_files, check_rows
from scalearn.due import keep_due, note_due, remove_due, settle_due
from scalearn.errors import UserError
from scalearn.locks import drop_stale_locks
from scalearn.made_by import claim
from scalearn.methods import METHODS
from scalearn.resume import SNAKEMAKE, note
from scalearn.start import is_work
from scalearn.started import note_start
from scalearn.table_owners import claim_tables, own_tables
from scalearn.terminal import settle

# A graph of thousands of jobs is millions of objects, all of which stay: looking for garbage among them is time lost.
gc.set_threshold(1_000_000)

campaign_files = [os.path.relpath(file) for file in workflow.overwrite_configfiles] or ["config.yaml"]
origin = ", ".join(campaign_files)


def refuse(check, *arguments):
    """Return what `check` returns; bad input ends as its one sentence."""
    try:
        return check(*arguments)
    except UserError as error:
        sys.exit(f"error: {error}")


# A campaign file on the command line takes the place of config.yaml; Snakemake alone would mix the two. It is not
# Snakemake's `configfile:` that reads config.yaml, for that runs the code of a file that asks for it (`__use_yte__`).
if not workflow.overwrite_configfiles:
    content = refuse(read_campaign_file, Path("config.yaml"))
    update_config(content, config)
    config = content
campaign = refuse(Campaign.parse, config, origin)
if workflow.is_main_process:
    settle(logger, whole=workflow.output_settings.dryrun or workflow.output_settings.verbose)
    for file in workflow.overwrite_configfiles:
        refuse(read_campaign_file, Path(os.path.relpath(file)))
    refuse(check_files, campaign, origin)
    if not workflow.output_settings.dryrun and is_work(sys.argv):
        refuse(at_work.begin, SNAKEMAKE, campaign_files)
    drop_stale_locks(SNAKEMAKE)
    refuse(budget.begin, campaign.config.max_time, "max_time")
    budget.watch()
    gpus.begin(campaign.config.runs_per_gpu)
    logger.info(f"{origin}: {campaign.size()}")

# Rules call `scalearn`. Where no environment is active, the one that runs Snakemake provides it.
os.environ.update(PATH=os.pathsep.join([*os.get_exec_path(), str(Path(sys.executable).parent)]))


def one_of(names):
    """Return a pattern that matches these names and no others."""
    return "|".join(names) or "(?!)"


def of_family(*families):
    """Return a pattern that matches the methods of these families."""
    return one_of([method.name for method in METHODS.values() if method.family in families])


def files(runs, name):
    """Return this file of each run."""
    return [f"results/runs/{run.path}/{name}" for run in runs]


def table_files(benchmark):
    """Return the files of a benchmark's table."""
    return [f"results/{benchmark}_table.{ending}" for ending in ("md", "csv", "tex", "svg")]


def sources(name):
    """Return an input function: this file of each stage-1 run that stage 2 composes."""
    return lambda wildcards: files(campaign.source_runs(wildcards.benchmark, wildcards.seed), name)


def stacked(wildcards):
    """Return the file of stacked sources that a stage-2 run composes."""
    seed = campaign.source_seed(int(wildcards.seed))
    return f"results/sources/{wildcards.model}/{wildcards.benchmark}/full/{seed}.safetensors"


def encoded(wildcards, name):
    """Return this file of each encoded task that a joint run learns."""
    folder = f"resources/encoded/{wildcards.model}"
    return [f"{folder}/{task}/{name}" for task in campaign.joint_tasks(wildcards.benchmark)]


def compared(wildcards):
    """Return the similarities of a benchmark's tasks, for a method that asks for them."""
    if not METHODS[wildcards.method].similarity:
        return []
    return [f"results/similarities/{campaign.config.sentence_encoder}/{wildcards.benchmark}.json"]


def switches(method, *tasks):
    """Return the options that make a run on these tasks as the campaign's protocol and its `compute` have it."""
    protocol = [f"--switch={name}" for name in campaign.switches(method, *tasks)]
    return [*protocol, *[f"--compute={choice}" for choice in campaign.compute]]


wildcard_constraints:
    model=one_of(campaign.models),
    benchmark=one_of(campaign.benchmarks),
    task=one_of(campaign.tasks),
    seed=r"\d+",
