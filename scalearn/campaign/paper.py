"""How a benchmark of a campaign differs from the paper's experiments (arXiv 2310.01217), in sentences.

They stand below the comparison with the published scores. Every sentence follows from the campaign file.
"""

from __future__ import annotations

from collections.abc import Iterator

from scalearn.campaign import hyperparameters
from scalearn.campaign.protocol import run_differences
from scalearn.campaign.runs import Runs
from scalearn.campaign.shipped import BENCHMARKS, MODELS
from scalearn.campaign.spec import JOINT, SINGLE, STAGE1
from scalearn.errors import shown
from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.tasks.definitions.humset import HUMSET
from scalearn.tasks.protocol import TASK_DIFFERENCES

ENCODERS = {"glue": "roberta-base", "superglue": "roberta-base", "humset": "xlm-roberta-base"}  # by benchmark
FEWER_SEEDS = frozenset({"mnli", "qqp", "qnli", "sst2", "record", "multirc", *HUMSET})
SOURCE_SEED = 0


def paper_seeds(method: Method, task: str) -> int:
    """Return over how many seeds the paper averages a method's score on a task."""
    if method.name == "full_finetuning" and task in ("record", "multirc"):
        return 10
    return 3 if method.family == "joint" or task in FEWER_SEEDS else 10


def not_compared(campaign: Runs, benchmark: str) -> str | None:
    """Return why a benchmark cannot be compared with the published scores, or None if it can."""
    if benchmark not in ENCODERS:
        return f"the paper has no published scores of a benchmark '{benchmark}', but of {shown(list(ENCODERS))}"
    tasks, papers = campaign.benchmarks[benchmark].tasks, BENCHMARKS[benchmark]
    if set(tasks) != set(papers):
        return f"the tasks of '{benchmark}' are not the paper's ({shown(papers)})"
    if own := [task for task in tasks if task not in campaign.built_in]:
        return f"the campaign file defines tasks of '{benchmark}' in its own way: {shown(own)}"
    return None


def departures(campaign: Runs, benchmark: str) -> tuple[str, ...]:
    """Return how a benchmark that can be compared differs from the paper's conditions, a sentence for each."""
    return tuple(
        sentence
        for found in (_encoder, _protocol, _seeds, _hyperparameters, _rows, _sources)
        for sentence in found(campaign, benchmark)
    )


def plain_methods(campaign: Runs) -> list[Method]:
    """Return the methods of rows that have neither a name nor settings of their own, in the order of the rows."""
    return [row.method for row in campaign.rows if row.name == row.method.name]


def _encoder(campaign: Runs, benchmark: str) -> Iterator[str]:
    name, papers = campaign.model(benchmark), ENCODERS[benchmark]
    if campaign.config.models[name] != MODELS[papers]:
        yield f"Encoder: {name}; the paper's is {papers}."


def _protocol(campaign: Runs, benchmark: str) -> Iterator[str]:
    """Say what the released code, which made the published scores, does otherwise than this campaign."""
    if campaign.config.protocol == "reference":
        return
    tasks = campaign.joint_tasks(benchmark)
    concerned: dict[str, list[str]] = {
        difference.name: [task for task in tasks if task in difference.tasks] for difference in TASK_DIFFERENCES
    }
    for method in plain_methods(campaign):
        values = campaign.hyperparameters(method.name, *_run_of(method, benchmark, None))
        for name in run_differences("reference", method, values, tasks):
            concerned.setdefault(name, []).append(method.title)
    listed = "; ".join(f"{name} ({', '.join(concerning)})" for name, concerning in concerned.items() if concerning)
    if listed:
        yield f"Protocol: corrected. The released code trains or prepares otherwise (docs/protocol.md): {listed}."


def _seeds(campaign: Runs, benchmark: str) -> Iterator[str]:
    other: dict[tuple[int, int], dict[str, list[str]]] = {}
    for method in plain_methods(campaign):
        for task in campaign.joint_tasks(benchmark):
            numbers = len(campaign.seeds(task, method.name)), paper_seeds(method, task)
            if numbers[0] != numbers[1]:
                other.setdefault(numbers, {}).setdefault(task, []).append(method.title)
    for (ours, papers), by_task in sorted(other.items()):
        where = _by_methods(by_task, campaign)
        yield f"Seeds: {ours} instead of the paper's {papers} ({where})."


def _by_methods(by_task: dict[str, list[str]], campaign: Runs) -> str:
    """Return tasks with their methods, those with equal methods together."""
    every = [method.title for method in plain_methods(campaign)]
    tasks_of: dict[tuple[str, ...], list[str]] = {}
    for task, titles in by_task.items():
        tasks_of.setdefault(tuple(titles), []).append(task)
    return "; ".join(
        f"{', '.join(tasks)}: {'all methods' if list(titles) == every else ', '.join(titles)}"
        for titles, tasks in tasks_of.items()
    )


def _hyperparameters(campaign: Runs, benchmark: str) -> Iterator[str]:
    methods = plain_methods(campaign)
    if any(method.family == "two_stage" for method in methods):
        methods = list(dict.fromkeys([METHODS[STAGE1], *methods]))  # they compose its adapters
    for method in methods:
        tasks: dict[str, list[str]] = {}
        for task in [None] if method.family == "joint" else campaign.joint_tasks(benchmark):
            ours = campaign.hyperparameters(method.name, *_run_of(method, benchmark, task))
            papers = hyperparameters.paper(method, task)
            changes = [f"{key} {value} (paper: {getattr(papers, key)})" for key, value in ours.beyond(papers).items()]
            if changes:
                tasks.setdefault(", ".join(changes), []).append(task or "all tasks")
        for changed, names in tasks.items():
            yield f"Hyper-parameters of {method.title} on {', '.join(names)}: {changed}."


def _run_of(method: Method, benchmark: str, task: str | None) -> tuple[str, str]:
    """Return the benchmark and the task under which a campaign has the hyper-parameters of a method's runs."""
    return SINGLE if method.family == "single" else benchmark, JOINT if task is None else task


def _rows(campaign: Runs, benchmark: str) -> Iterator[str]:
    entry = campaign.benchmarks[benchmark]
    tasks = list(dict.fromkeys((*entry.tasks, *entry.source_tasks)))
    if fewer := [
        f"{task} {campaign.config.train_rows[task]:,}" for task in tasks if task in campaign.config.train_rows
    ]:
        yield f"Training rows: only a part of the train split ({', '.join(fewer)})."
    if missing := [task for task in tasks if task in campaign.config.unavailable]:
        yield f"Without the tasks {shown(missing)}, which are unavailable; nothing learns from them."
    if local := [task for task in campaign.available(tasks) if campaign.origin(task) == "mirror"]:
        yield f"Rows come from the folder of `mirror`, not from the hub: {', '.join(local)}."


def _sources(campaign: Runs, benchmark: str) -> Iterator[str]:
    if not any(method.family == "two_stage" for method in plain_methods(campaign)):
        return
    composed = list(campaign.sources(benchmark))
    if set(composed) != set(BENCHMARKS[benchmark]):
        yield f"Sources of two-stage methods: {shown(composed)}; the paper's are {shown(BENCHMARKS[benchmark])}."
    seed = campaign.config.source_seed
    if seed != SOURCE_SEED:
        yield (
            "Source adapters: those of the run's own seed; the paper composes those of seed 0 in every run."
            if seed == "paired"
            else f"Source adapters: those of seed {seed}; the paper's are those of seed 0."
        )
