"""What a campaign file is refused for: one sentence that names the file, the key and the mend."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from scalearn.campaign import hyperparameters
from scalearn.campaign.config import Config
from scalearn.campaign.keys import LONGEST
from scalearn.campaign.protocol import SOURCE_SEED
from scalearn.campaign.variants import ablations
from scalearn.errors import UserError, nearest
from scalearn.methods import METHODS
from scalearn.tasks.definition import RuleSource, Task
from scalearn.validation import complaint

# Snakemake refuses a wildcard with such an end (snakemake.io.PeriodicityDetector): its rules might go in circles.
PERIODIC = re.compile(r"(.+?)\1{19,}$")


def check_names(config: Config, known_tasks: Mapping[str, Task], origin: str) -> None:
    """Refuse names of models, tasks, methods and hyper-parameters that there are not; `origin` begins the sentence."""
    _check_model(f"{origin}: model", config.model, config)
    for name, benchmark in config.benchmarks.items():
        _known(origin, f"benchmarks.{name}", benchmark.tasks, known_tasks)
        _known(origin, f"benchmarks.{name}.sources", benchmark.source_tasks, known_tasks)
        _check_model(f"{origin}: benchmarks.{name}.model", benchmark.model or config.model, config)
        _check_periodic(f"{origin}: benchmarks.{name}", name)
    for key in ("task_seeds", "train_rows", "unavailable"):
        _known(origin, key, tuple(getattr(config, key)), known_tasks)
    for name, task in config.tasks.items():
        if isinstance(task.source, RuleSource) and len(name) > LONGEST:
            raise UserError(
                f"{origin}: tasks.{name}: a rule of your own makes this task, in a folder of its name; choose a name "
                f"of at most {LONGEST} characters"
            )
        if isinstance(task.source, RuleSource):  # other names of tasks and models end in a digest in paths
            _check_periodic(f"{origin}: tasks.{name}", name)
    for name in config.train_rows:
        if isinstance(known_tasks[name].source, RuleSource):
            raise UserError(
                f"{origin}: train_rows.{name}: a rule of your own makes this task, and how many rows it has; "
                "remove the key, and let the rule write fewer rows"
            )
    if config.sentence_encoder is not None:
        _check_model(f"{origin}: sentence_encoder", config.sentence_encoder, config)
    elif needing := [row.method for row in config.methods if row.method in METHODS and METHODS[row.method].similarity]:
        raise UserError(
            f"{origin}: sentence_encoder: missing; '{needing[0]}' compares tasks by their texts with it: "
            f"name one of `models` ({', '.join(config.models)})"
        )
    _refuse_similarity_to_foreign(config, origin)
    if config.protocol == "reference" and config.source_seed != SOURCE_SEED:
        raise UserError(
            f"{origin}: source_seed: the reference protocol composes adapters of seed {SOURCE_SEED}; "
            "remove the key, or set `protocol: corrected`"
        )
    _known(origin, "benchmark_hyperparameters", tuple(config.benchmark_hyperparameters), config.benchmarks)
    for name, layer in config.benchmark_hyperparameters.items():
        hyperparameters.check_benchmark(f"{origin}: benchmark_hyperparameters.{name}", layer)
    _known(origin, "task_hyperparameters", tuple(config.task_hyperparameters), known_tasks)
    for name, layer in config.task_hyperparameters.items():
        hyperparameters.check_task(f"{origin}: task_hyperparameters.{name}", layer)


def _refuse_similarity_to_foreign(config: Config, origin: str) -> None:
    """Refuse adapters from elsewhere as sources of a method that compares the texts of tasks."""
    comparing = [row.method for row in config.methods if row.method in METHODS and METHODS[row.method].similarity]
    for name, benchmark in config.benchmarks.items():
        if comparing and benchmark.foreign_sources:
            raise UserError(
                f"{origin}: benchmarks.{name}.sources: '{comparing[0]}' compares the texts of the source tasks, and "
                f"there are none of the adapter '{benchmark.foreign_sources[0].name}'; leave out the row or the adapter"
            )


def explain(error: ValidationError, content: Mapping[str, Any]) -> str:
    """Return what is wrong with a campaign that holds this content: `key: what, and the mend`."""
    text = complaint(error, Config, content)
    key, _, rest = text.partition(": ")
    if key == "model" and isinstance(model := content.get("model"), str) and "/" in model:
        return f"model: a key of `models` is expected, found the text '{model}' ({_how_to_add(model)})"
    layer, _, name = key.rpartition(".")
    if rest.startswith("unknown key") and name in ablations() and layer.split(".")[0].endswith("hyperparameters"):
        method = ablations()[name]["method"]
        return (
            f"{key}: '{name}' is a row of '{method}' with settings; put the values into the row: "
            f"`methods: [{{method: {name}, ...}}]`"
        )
    if rest.startswith("unknown key") and key in {
        name for method in METHODS.values() for name in method.hyperparameters.model_fields
    }:
        return f"{key}: unknown key here; it is a hyper-parameter: write `hyperparameters: {{all: {{{key}: ...}}}}`"
    return text


def _check_periodic(where: str, name: str) -> None:
    if repetition := PERIODIC.search(name):
        times = len(repetition[0]) // len(repetition[1])
        raise UserError(
            f"{where}: the name ends in '{repetition[1]}' {times} times, and Snakemake "
            "refuses 20 repetitions or more at a name's end; choose another name"
        )


def _check_model(where: str, name: str, config: Config) -> None:
    if name not in config.models:
        raise UserError(f"{where}: unknown name '{name}'{nearest(name, config.models)} ({_how_to_add(name)})")


def _how_to_add(model: str) -> str:
    """Return how a model of this name, or this repository on the hub, is added to a campaign."""
    name = model.rpartition("/")[2].replace(".", "-")
    repository = model if "/" in model else f"OWNER/{model}"
    entry = f"{{kind: hub, repository: {repository}, revision: FULL_COMMIT_HASH}}"
    use = f" and `model: {name}`" if name != model else ""
    return f"to add a model of the hub: `models: {{{name}: {entry}}}`{use}"


def _known(origin: str, key: str, names: Sequence[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            hint = " (a task of your own is defined under `tasks`)" if key.startswith("benchmarks.") else ""
            raise UserError(f"{origin}: {key}: unknown name '{name}'{nearest(name, known)}{hint}")
