# The campaign, read once; the rules ask it and decide nothing themselves.
import inspect
import os
from pathlib import Path

from snakemake.logging import logger

from scalearn.cluster.snakefile import open_campaign, pattern, table_files, variants_of, versions

opened = open_campaign(workflow, config, logger)
campaign, config = opened.campaign, opened.content


def with_signature(function):
    """Return the function with its signature stored: Snakemake asks for it several times per job."""
    function.__signature__ = inspect.signature(function)
    return function


def times_attempt(amount):
    """Return a resource that grows with each attempt."""
    return with_signature(lambda wildcards, attempt: amount * attempt)


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


def stack_of(wildcards):
    """Return the path of a file of stacked sources."""
    return f"{wildcards.model}/{wildcards.benchmark}"


def in_report(path, shows):
    """Return an output that `snakemake --report` shows, by benchmark."""
    return report(path, caption="../report/benchmark.rst", category="{benchmark}", labels={"shows": shows})


def sources(kind):
    """Return an input function: this file of each source adapter that is stacked."""
    return lambda wildcards: campaign.source_files(stack_of(wildcards), kind)


def encoded(wildcards, name):
    """Return this file of each encoded task that a joint run learns."""
    return [f"resources/encoded/{wildcards.model}/{task}/{name}" for task in run_of(wildcards).tasks]


def compared(wildcards):
    """Return the similarities of a benchmark's tasks, for a method that asks for them."""
    run = run_of(wildcards)
    return [f"results/similarities/{campaign.comparison(run.benchmark)}.json"] if run.sentence_encoder else []


wildcard_constraints:
    model=pattern(campaign.model_names),
    benchmark=r"[^/]+",
    task=pattern(campaign.task_names),
    adapter=pattern(campaign.adapters),
    seed=r"\d+",
