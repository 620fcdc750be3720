"""A campaign: what config.yaml asks for, checked, and the runs that follow from it.

Pure: no torch, no pandas, no network. The workflow builds its graph from here; nothing here knows the workflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scalearn import hyperparameters
from scalearn.campaign_file import read_campaign_file
from scalearn.config import Benchmark, Config, ModelSource
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.protocol import is_built_in, learner, named, run_switches, task_under
from scalearn.refusals import check_names, explain
from scalearn.tasks import TASKS
from scalearn.tasks.definition import FilesSource, HubSource, Task, local_path
from scalearn.tasks.mirror import mirror_files

STAGE1 = "adapter"  # the method whose runs are the source adapters of stage 2
JOINT = "joint"  # stands in place of a task where a run learns all of a benchmark
FULL = "full"  # the shots of a run on all rows


@dataclass(frozen=True, order=True)
class Run:
    """One training. Its fields are its identity; `path` is its directory below results/runs/."""

    model: str
    method: str
    benchmark: str
    task: str
    shots: str
    seed: int

    @property
    def path(self) -> str:
        """The run's directory below results/runs/."""
        return f"{self.model}/{self.method}/{self.benchmark}/{self.task}/{self.shots}/{self.seed}"


class Campaign:
    """The checked content of one campaign file."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._values: dict[tuple[str, str, str], HyperParameters] = {}

    @classmethod
    def parse(cls, content: Mapping[str, Any], origin: str = "config.yaml") -> Campaign:
        """Return the campaign that `content` describes; a UserError names `origin`, the key and the mend."""
        try:
            config = Config.model_validate(dict(content))
        except ValidationError as error:
            raise UserError(f"{origin}: {explain(error, content)}") from None
        campaign = cls(config)
        check_names(config, campaign.known_tasks, origin)
        return campaign

    @classmethod
    def read(cls, path: Path) -> Campaign:
        """Return the campaign of the file `path`."""
        return cls.parse(read_campaign_file(path), str(path))

    # ------------------------------------------------------------------ what there is

    @cached_property
    def models(self) -> dict[str, ModelSource]:
        """Every encoder that this campaign takes, with where it comes from."""
        names = dict.fromkeys(self.model(benchmark) for benchmark in self.benchmarks)
        if self.config.sentence_encoder is not None and any(method.similarity for method in self.methods):
            names[self.config.sentence_encoder] = None
        return {name: self.config.models[name] for name in names}

    def trains(self, model: str) -> bool:
        """Whether some benchmark trains on the encoder; one that does not only compares texts, for adapter_soup."""
        return model in map(self.model, self.benchmarks)

    def model(self, benchmark: str) -> str:
        """The name of the benchmark's encoder."""
        return self.benchmarks[benchmark].model or self.config.model

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """Every task that some run of this campaign needs, with its definition under the campaign's protocol."""
        names = dict.fromkeys(
            task for entry in self.benchmarks.values() for task in (*entry.tasks, *entry.source_tasks)
        )
        return {name: self.known_tasks[name] for name in self._available(names)}

    @cached_property
    def known_tasks(self) -> dict[str, Task]:
        """Every task that this campaign may name, built in or its own, with its definition under its protocol."""
        return {name: self._task(name) for name in {**TASKS, **self.config.tasks}}

    def _available(self, tasks: Iterable[str]) -> list[str]:
        return [task for task in tasks if task not in self.config.unavailable]

    @cached_property
    def built_in(self) -> frozenset[str]:
        """The tasks that are the package's own. One that the campaign defines anew under such a name is not."""
        mine = self.config.tasks
        return frozenset(name for name in TASKS if name not in mine or is_built_in(name, mine[name]))

    def _task(self, name: str) -> Task:
        task = self.config.tasks[name] if name in self.config.tasks else TASKS[name]
        if name in self.built_in:
            task = task_under(self.config.protocol, name, task)
        rows = self.config.train_rows.get(name)
        return task if rows is None else task.model_copy(update={"train_rows": rows})

    @property
    def benchmarks(self) -> dict[str, Benchmark]:
        """What each table shows, by its name."""
        return self.config.benchmarks

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods, in table order."""
        return tuple(METHODS[name] for name in self.config.methods)

    def seeds(self, task: str, method: str = STAGE1) -> tuple[int, ...]:
        """The seeds of a method's runs on a task: the task's own where it has fewer, else the campaign's.

        A joint run is one for all its tasks, so that joint methods have seeds of their own.
        """
        if METHODS[method].family == "joint":
            return self.config.joint_seeds or self.config.seeds
        return self.config.task_seeds.get(task, self.config.seeds)

    def tasks_from(self, kind: str) -> list[str]:
        """The tasks whose rows come from this kind of source: hub, mirror, files, generated or rule."""
        return [name for name in self.tasks if self.origin(name) == kind]

    def origin(self, task: str) -> str:
        """Where this campaign takes the task from: hub, mirror, files, generated or rule."""
        kind = self.tasks[task].source.kind
        return "mirror" if kind == "hub" and self.config.mirror is not None else kind

    # ------------------------------------------------------------------ runs

    def run(self, benchmark: str, method: str, task: str, seed: int) -> Run:
        """The run behind one value of this benchmark's table; single-task runs are shared by all benchmarks."""
        group = "single" if METHODS[method].family == "single" else benchmark
        return Run(self.model(benchmark), method, group, task, FULL, seed)

    def runs(self, benchmark: str) -> list[Run]:
        """Every run that the table of this benchmark shows, those on unavailable tasks left out."""
        return [
            self.run(benchmark, method.name, task, seed)
            for method in self.methods
            for task in self._available(self.benchmarks[benchmark].tasks)
            for seed in self.seeds(task, method.name)
        ]

    def trainings(self) -> list[Run]:
        """Every training that the tables need; a joint one is the run of many tasks at once."""
        runs = self.all_runs()
        return list(
            dict.fromkeys(replace(run, task=JOINT) if METHODS[run.method].family == "joint" else run for run in runs)
        )

    def all_trainings(self) -> list[Run]:
        """Every training of this campaign: those that the tables need, and the sources that these compose."""
        runs = self.trainings()
        composing = [run for run in runs if METHODS[run.method].family == "two_stage"]
        composed = dict.fromkeys((run.benchmark, self.source_seed(run.seed)) for run in composing)
        sources = [run for benchmark, seed in composed for run in self.source_runs(benchmark, seed)]
        return list(dict.fromkeys([*runs, *sources]))

    def joint_tasks(self, benchmark: str) -> list[str]:
        """The tasks that the benchmark's joint runs learn, in order."""
        return self._available(self.benchmarks[benchmark].tasks)

    def source_runs(self, benchmark: str, seed: int) -> list[Run]:
        """The stage-1 runs whose adapters are composed in stage 2, in the order of the benchmark's sources."""
        tasks = self._available(self.benchmarks[benchmark].source_tasks)
        return [self.run(benchmark, STAGE1, task, seed) for task in tasks]

    def source_seed(self, seed: int) -> int:
        """The seed of the source adapters that a stage-2 run of this seed composes."""
        return seed if self.config.source_seed == "paired" else self.config.source_seed

    def compared_tasks(self, benchmark: str) -> list[str]:
        """The tasks whose similarities the benchmark's soups may need: its targets and its sources."""
        entry = self.benchmarks[benchmark]
        return self._available(dict.fromkeys((*entry.tasks, *entry.source_tasks)))

    def all_runs(self) -> list[Run]:
        """Every run that some table of this campaign shows, each once."""
        return list(dict.fromkeys(run for benchmark in self.benchmarks for run in self.runs(benchmark)))

    def size(self) -> str:
        """What the campaign amounts to, in a few words."""
        return f"{len(self.trainings())} runs of {len(self.methods)} methods on {len(self.tasks)} tasks"

    # ------------------------------------------------------------------ identity

    def hyperparameters(self, method: str, benchmark: str, task: str) -> HyperParameters:
        """All values for runs of the method on the task; `benchmark` is `single` for single-task methods."""
        if (method, benchmark, task) not in self._values:  # seeds share them, and thousands of runs ask
            self._values[method, benchmark, task] = self._resolved(method, benchmark, task)
        return self._values[method, benchmark, task]

    def _resolved(self, method: str, benchmark: str, task: str) -> HyperParameters:
        config, entry = self.config, self.benchmarks.get(benchmark)
        beside = self.built_in.intersection(entry.tasks if entry else ())
        layers = [
            *(hyperparameters.layers(config.protocol, task, beside) if task in self.built_in else ()),
            config.hyperparameters,
            config.benchmark_hyperparameters.get(benchmark, {}),
            config.task_hyperparameters.get(task, {}),
        ]
        return hyperparameters.resolve(METHODS[method], layers)

    def version(self, method: str, benchmark: str, task: str) -> int:
        """The version of the method that makes its runs on the task (JOINT: on all tasks of the benchmark)."""
        tasks = self.joint_tasks(benchmark) if task == JOINT else [task]
        switches = named(self.switches(method, *tasks))
        made, values = learner(METHODS[method], self.hyperparameters(method, benchmark, task), switches)
        return made.version_of(values)

    def changed(self, method: str, benchmark: str, task: str) -> str:
        """The hyper-parameters that differ from the paper's for this method and task, as JSON.

        With the method's version this is what, beside the paths, tells its runs apart: a new option at its default
        and a default spelt out in the campaign change nothing.
        """
        paper = hyperparameters.paper(METHODS[method], task if task in self.built_in else None)
        return normal(self.hyperparameters(method, benchmark, task).beyond(paper))

    def definition(self, task: str) -> str:
        """What makes the rows of this task what they are, as JSON: all that differs from a definition's defaults.

        The metrics of a task of the campaign's own are left out, unless they choose the best epoch or need groups in
        the rows, and so is the class that f1 is of: they are for the scores (`scoring`), so that another one makes no
        rows and trains nothing anew.
        """
        mine = self.tasks[task]
        hidden = set()
        if task not in self.built_in and mine.select != "headline":
            hidden = {"positive"} if "exact_match" in mine.metrics else {"metrics", "positive"}
        content = self.tasks[task].model_dump(mode="json", exclude_defaults=True, exclude=hidden)
        kind = self.tasks[task].source.kind
        return normal({**content, "source": {"kind": kind, **content.get("source", {})}})

    def metrics(self, task: str) -> tuple[str, ...]:
        """The metrics of the task's scores, headline first; none if the task.json of a rule says them."""
        definition = self.tasks[task]
        return definition.metrics if definition.source.kind == "rule" else definition.all_metrics

    def scoring(self, task: str) -> list[str]:
        """The options of `scalearn score` that say by what the task's runs are scored."""
        positive = self.tasks[task].positive
        metrics = [f"--metric={metric}" for metric in self.metrics(task)]
        return metrics if positive is None else [*metrics, f"--positive={positive}"]

    def model_definition(self, model: str) -> str:
        """Where the encoder comes from, as JSON."""
        return normal(self.models[model].model_dump(mode="json"))

    def switches(self, method: str, *tasks: str) -> tuple[str, ...]:
        """What the reference protocol does otherwise in runs of this method on these tasks; nothing when corrected."""
        concerned = [task if task in self.built_in else None for task in tasks]
        return run_switches(self.config.protocol, METHODS[method], concerned)

    @property
    def compute(self) -> tuple[str, ...]:
        """How its trainings shall compute, as `key=value`; nothing where all is left to the device."""
        return tuple(f"{key}={str(value).lower()}" for key, value in self.config.compute.asked.items())

    def layout(self, benchmark: str) -> str:
        """What the table of this benchmark shows, as JSON: model, protocol, tasks, methods, seeds per task."""
        tasks = self.benchmarks[benchmark].tasks
        joint = [method.name for method in self.methods if method.family == "joint"]
        return normal(
            {
                **({"joint_seeds": list(self.seeds(tasks[0], joint[0]))} if joint else {}),
                "benchmark": benchmark,
                "model": self.model(benchmark),
                "protocol": self.config.protocol,
                "tasks": list(tasks),
                "methods": [method.name for method in self.methods],
                "seeds": {task: list(self.seeds(task)) for task in tasks},
            }
        )

    # ------------------------------------------------------------------ files it starts from

    def model_inputs(self, model: str) -> list[str]:
        """The encoder's files, if it comes from a local folder."""
        source = self.models[model]
        return (
            [str(local_path(source.path) / name) for name in ("config.json", "model.safetensors")]
            if source.kind == "folder"
            else []
        )

    def task_inputs(self, task: str) -> list[str]:
        """The files that hold the task's rows, if they are on this machine: the mirror's or the user's own."""
        source = self.tasks[task].source
        if isinstance(source, HubSource) and self.config.mirror is not None:
            splits = mirror_files(local_path(self.config.mirror), task, source).values()
            return [str(path) for paths in splits for path in paths]
        if isinstance(source, FilesSource):
            splits_of = (source.train, source.validation, source.test)
            return [str(local_path(path)) for path in splits_of if path is not None]
        return []


def normal(content: Mapping[str, Any]) -> str:
    """Return `content` as JSON with sorted keys and no needless blanks, so that equal content is equal text."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
