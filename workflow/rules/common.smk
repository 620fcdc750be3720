# The campaign, read once; the rules ask it and decide nothing themselves.
import gc
import inspect
import os
import sys
from pathlib import Path

from snakemake.logging import logger
from snakemake.utils import update_config

from scalearn.campaign import loggers, versions
from scalearn.machine import time_budget, gpus
from scalearn.workspace import at_work
from scalearn.workspace.adopt import told
from scalearn.campaign.plan import Campaign
from scalearn.campaign.campaign_file import hand_down, read_campaign_file
from scalearn.preflight.inputs import check_files, check_rows
from scalearn.cluster.unfinished import keep_due, note_due, settle_due
from scalearn.errors import UserError
from scalearn.cluster.stale_locks import drop_stale_locks
from scalearn.methods import METHODS
from scalearn.cluster.resume import SNAKEMAKE, note
from scalearn.cluster.command_line import is_work
from scalearn.workspace.started import note_start
from scalearn.workspace.table_owners import claim_tables, own_tables
from scalearn.cluster.terminal import settle

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
hand_down(config)
if workflow.is_main_process:
    settle(logger, whole=workflow.output_settings.dryrun or workflow.output_settings.verbose)
    for file in workflow.overwrite_configfiles:
        refuse(read_campaign_file, Path(os.path.relpath(file)))
    refuse(check_files, campaign, origin)
    if not workflow.output_settings.dryrun and is_work(sys.argv):
        refuse(at_work.begin, SNAKEMAKE, campaign_files)
    drop_stale_locks(SNAKEMAKE)
    refuse(time_budget.begin, campaign.config.max_time, "max_time")
    time_budget.watch()
    gpus.begin(campaign.config.runs_per_gpu)
    loggers.begin(campaign.config.loggers)
    for line in [f"{origin}: {campaign.size()}", *campaign.notes, *filter(None, [told()])]:
        logger.info(line)

# Rules call `scalearn`. Where no environment is active, the one that runs Snakemake provides it.
os.environ.update(PATH=os.pathsep.join([*os.get_exec_path(), str(Path(sys.executable).parent)]))


def one_of(names):
    """Return a pattern that matches these names and no others."""
    return "|".join(names) or "(?!)"


def of_family(*families):
    """Return a pattern that matches the variants of the methods of these families: a method, and its settings."""
    return f"({one_of([method.name for method in METHODS.values() if method.family in families])})(/[^/]+=[^/]+)?"


def function(called):
    """Return the function with its signature noted: Snakemake asks for it several times per job, which costs a second."""
    called.__signature__ = inspect.signature(called)
    return called


def times_attempt(amount):
    """Return a resource that grows with each attempt."""
    return function(lambda wildcards, attempt: amount * attempt)


def files(runs, name):
    """Return this file of each run."""
    return [f"results/trained/{run.path}/{name}" for run in runs]


def run_of(wildcards):
    """Return the specification of the run at this path."""
    found = {"benchmark": "single", "task": "joint", **dict(wildcards.items())}
    return campaign.trainings["{model}/{variant}/{benchmark}/{task}/full/{seed}".format(**found)]


def model_of(wildcards):
    """Return the name of the encoder that has this key."""
    return campaign.model_names[wildcards.model]


def task_of(wildcards):
    """Return the name of the task that has this key."""
    return campaign.task_names[wildcards.task]


def records(*benchmarks):
    """Return the record of each training that the tables of these benchmarks, or of all, need."""
    runs = [run for name in benchmarks or campaign.benchmarks for run in campaign.runs(name)]
    return list(dict.fromkeys(files(runs, "run.json")))


def table_files(benchmark):
    """Return the files of a benchmark's table."""
    return [f"results/{benchmark}_table.{ending}" for ending in ("md", "csv", "tex", "svg")]


def sources(name):
    """Return an input function: this file of each stage-1 run whose adapter is stacked."""
    return lambda wildcards: [
        f"results/trained/{path}/{name}" for path in campaign.stacks[f"{wildcards.model}/{wildcards.benchmark}"]
    ]


def encoded(wildcards, name):
    """Return this file of each encoded task that a joint run learns."""
    return [f"resources/encoded/{wildcards.model}/{task}/{name}" for task in run_of(wildcards).tasks]


def compared(wildcards):
    """Return the similarities of a benchmark's tasks, for a method that asks for them."""
    run = run_of(wildcards)
    return [f"results/similarities/{campaign.comparison(run.benchmark)}.json"] if run.sentence_encoder else []


wildcard_constraints:
    model=one_of(campaign.model_names),
    benchmark=r"[^/]+",
    task=one_of(campaign.task_names),
    seed=r"\d+",
