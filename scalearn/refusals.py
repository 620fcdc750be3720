"""What a campaign file is refused for: one sentence that names the file, the key and the mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from scalearn import hyperparameters
from scalearn.compute import Compute
from scalearn.config import Benchmark, Config, FolderModel, HubModel, PackageModel
from scalearn.errors import UserError, complaint, nearest
from scalearn.methods import METHODS
from scalearn.protocol import SOURCE_SEED
from scalearn.tasks.definition import FilesSource, HubSource, RuleSource, Task


def check_names(config: Config, known_tasks: Mapping[str, Task], origin: str) -> None:
    """Refuse names of models, tasks, methods and hyper-parameters that there are not; `origin` begins the sentence."""
    _known(origin, "model", (config.model,), config.models)
    _known(origin, "methods", config.methods, METHODS)
    for name, benchmark in config.benchmarks.items():
        _known(origin, f"benchmarks.{name}", benchmark.tasks, known_tasks)
        _known(origin, f"benchmarks.{name}.sources", benchmark.source_tasks, known_tasks)
        _known(origin, f"benchmarks.{name}.model", (benchmark.model or config.model,), config.models)
    for key in ("task_seeds", "train_rows", "unavailable"):
        _known(origin, key, tuple(getattr(config, key)), known_tasks)
    for name in config.train_rows:
        if isinstance(known_tasks[name].source, RuleSource):
            raise UserError(
                f"{origin}: train_rows.{name}: a rule of your own makes this task, and how many rows it has; "
                "remove the key, and let the rule write fewer rows"
            )
    if config.sentence_encoder is not None:
        _known(origin, "sentence_encoder", (config.sentence_encoder,), config.models)
    elif needing := [name for name in config.methods if METHODS[name].similarity]:
        raise UserError(f"{origin}: sentence_encoder: {needing[0]} compares tasks by their texts; name one of `models`")
    if config.protocol == "reference" and config.source_seed != SOURCE_SEED:
        raise UserError(
            f"{origin}: source_seed: the reference protocol composes adapters of seed {SOURCE_SEED}; "
            "remove the key, or set `protocol: corrected`"
        )
    hyperparameters.check(f"{origin}: hyperparameters", config.hyperparameters)
    _known(origin, "benchmark_hyperparameters", tuple(config.benchmark_hyperparameters), config.benchmarks)
    for name, layer in config.benchmark_hyperparameters.items():
        hyperparameters.check_benchmark(f"{origin}: benchmark_hyperparameters.{name}", layer)
    _known(origin, "task_hyperparameters", tuple(config.task_hyperparameters), known_tasks)
    for name, layer in config.task_hyperparameters.items():
        hyperparameters.check_task(f"{origin}: task_hyperparameters.{name}", layer)


def explain(error: ValidationError) -> str:
    """Return a pydantic error's first complaint as `key: what is wrong`, with the nearest valid key for a typo."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "extra_forbidden":
        key = ".".join(str(part) for part in first["loc"])
        sections = {
            "benchmarks": (Benchmark,),
            "tasks": (Task, HubSource, FilesSource),
            "models": (HubModel, FolderModel, PackageModel),
            "compute": (Compute,),
        }
        models = sections[str(first["loc"][0])] if len(first["loc"]) > 1 else (Config,)
        return f"{key}: unknown key{nearest(str(first['loc'][-1]), {name for m in models for name in m.model_fields})}"
    return complaint(error)


def _known(origin: str, key: str, names: Sequence[str], known: Mapping[str, Any]) -> None:
    for name in names:
        if name not in known:
            raise UserError(f"{origin}: {key}: unknown name '{name}'{nearest(name, known)}")
