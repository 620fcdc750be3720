"""A campaign: what config.yaml asks for, checked, and the runs that follow from it.

Pure: no torch, no pandas, no network. The workflow builds its graph from here; nothing here knows the workflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scalearn.campaign import hyperparameters
from scalearn.campaign.campaign_file import read_campaign_file
from scalearn.campaign.config import Benchmark, Config, ModelSource
from scalearn.campaign.config_errors import check_names, explain
from scalearn.campaign.keys import Key, digest, key, normal, task_key
from scalearn.campaign.protocol import run_differences
from scalearn.campaign.shipped import MODELS
from scalearn.campaign.spec import JOINT, SINGLE, STAGE1, RunSpec, group_key
from scalearn.campaign.variants import TableRow, Variant, renamed, table_rows
from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.tasks import TASKS
from scalearn.tasks.definition import FilesSource, HubSource, Task
from scalearn.tasks.protocol import PROTOCOLS, is_built_in, task_under
from scalearn.tasks.reading.mirror import mirror_files


class Campaign:
    """The checked content of one campaign file."""

    def __init__(self, config: Config, origin: str = "config.yaml") -> None:
        self.config = config
        self.rows = table_rows(config.methods, origin)
        self._runs: dict[tuple[Any, ...], RunSpec] = {}
        self._sources: dict[tuple[Any, ...], tuple[str, ...]] = {}
        self._task_keys: dict[str, Key] = {}
        self._changes: dict[tuple[Any, ...], dict[str, Any]] = {}

    @classmethod
    def parse(cls, content: Mapping[str, Any], origin: str = "config.yaml") -> Campaign:
        """Return the campaign that `content` describes; a UserError names `origin`, the key and the mend."""
        try:
            config = Config.model_validate(dict(content))
        except ValidationError as error:
            raise UserError(f"{origin}: {explain(error, content)}") from None
        campaign = cls(config, origin)
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
        """The methods of the rows, each once."""
        return tuple({row.method.name: row.method for row in self.rows}.values())

    def seeds(self, task: str, method: str = STAGE1) -> tuple[int, ...]:
        """The seeds of a method's runs on a task: the task's own where it has fewer, else the campaign's.

        A joint run is one for all its tasks, so that joint methods have seeds of their own.
        """
        if METHODS[method].family == "joint":
            return self.config.joint_seeds or self.config.seeds
        return self.config.task_seeds.get(task, self.config.seeds)

    def origin(self, task: str) -> str:
        """Where this campaign takes the task from: hub, mirror, files, generated or rule."""
        kind = self.tasks[task].source.kind
        return "mirror" if kind == "hub" and self.config.mirror is not None else kind

    # ------------------------------------------------------------------ runs

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        """The variants of all rows, in order."""
        return tuple(variant for row in self.rows for variant in row.variants)

    def run(self, benchmark: str, variant: Variant, task: str, seed: int) -> RunSpec:
        """Return the run behind one value of this benchmark's table; a joint one is behind those of all its tasks."""
        family = variant.method.family
        group = SINGLE if family == "single" else benchmark
        learned = JOINT if family == "joint" else task
        known = (self.model(benchmark), group, variant.learned, learned, seed)
        if known not in self._runs:
            self._runs[known] = self._run(benchmark, group, variant, learned, seed)
        return self._runs[known]

    def _run(self, benchmark: str, group: str, variant: Variant, task: str, seed: int) -> RunSpec:
        method = variant.method
        tasks = self.joint_tasks(benchmark) if task == JOINT else [task]
        composes = method.family == "two_stage"
        return RunSpec(
            method=method.name,
            model=self.model_key(self.model(benchmark)),
            tasks=tuple(map(self.task_key, tasks)),
            benchmark=group,
            seed=seed,
            hyperparameters=self._differing(variant, group, task),
            sources=self._source_paths(benchmark, variant, self.source_seed(seed)) if composes else (),
            sentence_encoder=self.model_key(self.config.sentence_encoder or "") if method.similarity else None,
            switches=self.differences(method, self._values(variant, group, task), *tasks),
            compute=self.config.compute,
        )

    def runs(self, benchmark: str) -> list[RunSpec]:
        """Return every run that the table of this benchmark shows, each once; unavailable tasks have none."""
        found = (
            self.run(benchmark, variant, task, seed)
            for variant in self.variants
            for task in self.joint_tasks(benchmark)
            for seed in self.seeds(task, variant.method.name)
        )
        return list({run.path: run for run in found}.values())

    def shown_runs(self) -> list[RunSpec]:
        """Return every run that some table of this campaign shows, each once."""
        return list({run.path: run for benchmark in self.benchmarks for run in self.runs(benchmark)}.values())

    def source_runs(self, benchmark: str, seed: int, variant: Variant | None = None) -> list[RunSpec]:
        """Return the stage-1 runs of this seed that a variant composes, in the order of the benchmark's sources."""
        tasks = self._available(self.benchmarks[benchmark].source_tasks)
        sources = (variant.sources if variant else None) or Variant.plain(STAGE1)
        return [self.run(benchmark, sources, task, seed) for task in tasks]

    def _source_paths(self, benchmark: str, variant: Variant, seed: int) -> tuple[str, ...]:
        known = (benchmark, variant.sources.learned if variant.sources else (), seed)
        if known not in self._sources:
            self._sources[known] = tuple(run.path for run in self.source_runs(benchmark, seed, variant))
        return self._sources[known]

    @cached_property
    def trainings(self) -> dict[str, RunSpec]:
        """Every training of this campaign by its path: those that the tables show, and the sources of these."""
        found = {run.path: run for run in self.shown_runs()}
        composing = [variant for variant in self.variants if variant.method.family == "two_stage"]
        for benchmark in self.benchmarks if composing else ():
            seeds = {self.source_seed(seed) for task in self.joint_tasks(benchmark) for seed in self.seeds(task)}
            for variant in composing:
                found |= {run.path: run for seed in sorted(seeds) for run in self.source_runs(benchmark, seed, variant)}
        return found

    def joint_tasks(self, benchmark: str) -> list[str]:
        """Return the tasks that the benchmark's runs learn, in order."""
        return self._available(self.benchmarks[benchmark].tasks)

    def source_seed(self, seed: int) -> int:
        """Return the seed of the source adapters that a stage-2 run of this seed composes."""
        return seed if self.config.source_seed == "paired" else self.config.source_seed

    def compared_tasks(self, benchmark: str) -> list[str]:
        """Return the tasks whose similarities the benchmark's soups may need: its targets and its sources."""
        entry = self.benchmarks[benchmark]
        return self._available(dict.fromkeys((*entry.tasks, *entry.source_tasks)))

    @property
    def notes(self) -> list[str]:
        """What its user should know of how its file was read."""
        return renamed(self.config.methods)

    def size(self) -> str:
        """Return what the campaign amounts to, in a few words."""
        return f"{len(self.trainings)} runs for {len(self.rows)} rows and {len(self.tasks)} tasks"

    # ------------------------------------------------------------------ keys of tasks and encoders, for paths

    @cached_property
    def model_names(self) -> dict[Key, str]:
        """The encoders' names by their keys."""
        return {self.model_key(name): name for name in self.models}

    @cached_property
    def task_names(self) -> dict[Key, str]:
        """The tasks' names by their keys."""
        return {self.task_key(name): name for name in self.tasks}

    def task_keys(self, kind: str) -> list[Key]:
        """Return the keys of the tasks whose rows come from this kind of source, see `origin`."""
        return [self.task_key(name) for name in self.tasks if self.origin(name) == kind]

    @cached_property
    def stacks(self) -> dict[str, tuple[str, ...]]:
        """The paths of the runs whose adapters each file of stacked sources holds, by `RunSpec.stack`."""
        return {run.stack: run.sources for run in self.trainings.values() if run.sources}

    def comparison(self, benchmark: str) -> str:
        """Return what stands in the path of the similarities that the benchmark's soups go by."""
        tasks = tuple(map(self.task_key, self.compared_tasks(benchmark)))
        return f"{self.model_key(self.config.sentence_encoder or '')}/{group_key(benchmark, tasks, None)}"

    @cached_property
    def comparisons(self) -> dict[str, list[Key]]:
        """The keys of the tasks that each file of similarities compares, by `comparison`."""
        wanted = {run.benchmark for run in self.trainings.values() if run.sentence_encoder}
        return {self.comparison(name): list(map(self.task_key, self.compared_tasks(name))) for name in sorted(wanted)}

    def model_key(self, model: str) -> Key:
        """Return the name of the encoder's folder."""
        source, shipped = self.config.models[model], MODELS.get(model)
        return model if source == shipped else key(model, source.model_dump(mode="json"))

    def task_key(self, task: str) -> Key:
        """Return the name of the task's folder."""
        if task not in self._task_keys:
            self._task_keys[task] = self._task_key(task)
        return self._task_keys[task]

    def _task_key(self, task: str) -> Key:
        if self.tasks[task].source.kind == "rule":
            return task  # the rule's own folder
        content = self._content(task)
        if self.origin(task) == "mirror":
            content["mirror"] = self.config.mirror
        return task_key(task, content, _shipped(task) if task in self.built_in else {})

    # ------------------------------------------------------------------ what they are made of

    def hyperparameters(self, method: str, benchmark: str, task: str) -> HyperParameters:
        """Return all values for runs of the method on the task; `benchmark` is `single` for single-task methods."""
        return self._values(Variant.plain(method), benchmark, task)

    def _values(self, variant: Variant, benchmark: str, task: str) -> HyperParameters:
        config, entry = self.config, self.benchmarks.get(benchmark)
        beside = self.built_in.intersection(entry.tasks if entry else ())
        layers = [
            *(hyperparameters.layers(config.protocol, task, beside) if task in self.built_in else ()),
            config.hyperparameters,
            config.benchmark_hyperparameters.get(benchmark, {}),
            config.task_hyperparameters.get(task, {}),
            {variant.method.name: variant.settings},
        ]
        return hyperparameters.resolve(variant.method, layers)

    def _differing(self, variant: Variant, benchmark: str, task: str) -> dict[str, Any]:
        known = (variant.learned, benchmark, task)
        if known not in self._changes:
            values = self._values(variant, benchmark, task)
            self._changes[known] = values.beyond(variant.method.defaults)
        return self._changes[known]

    def definition(self, task: str) -> str:
        """Return what makes the rows of this task what they are, as JSON: what differs from a definition's defaults.

        The metrics of a task of the campaign's own are left out, unless they choose the best epoch or need groups in
        the rows, and so is the class that f1 is of: they are for the scores (`scoring`), so that another one makes no
        rows and trains nothing anew.
        """
        return normal(self._content(task))

    def _content(self, task: str) -> dict[str, Any]:
        mine = self.tasks[task]
        hidden = set()
        if task not in self.built_in and mine.select != "headline":
            hidden = {"positive"} if "exact_match" in mine.metrics else {"metrics", "positive"}
        return _definition(mine, hidden)

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

    def differences(self, method: Method, values: HyperParameters, *tasks: str) -> tuple[str, ...]:
        """Return the names of the protocol differences of a run of the method on these tasks."""
        built_in = [task if task in self.built_in else None for task in tasks]
        return run_differences(self.config.protocol, method, values, built_in)

    # ------------------------------------------------------------------ what its tables show

    def layout(self, benchmark: str) -> dict[str, Any]:
        """Return what the table of this benchmark shows: model, protocol, tasks, rows with their runs, and metrics."""
        tasks, there = self.benchmarks[benchmark].tasks, self.joint_tasks(benchmark)
        metrics = {task: self.metrics(task) for task in there}
        positive = {task: self.tasks[task].positive for task in there}
        return {
            "benchmark": benchmark,
            "model": self.model(benchmark),
            "protocol": self.config.protocol,
            "tasks": tasks,
            "rows": [self._layout_row(benchmark, row) for row in self.rows],
            "metrics": {task: names for task, names in metrics.items() if names},
            "positive": {task: label for task, label in positive.items() if label is not None},
        }

    def _layout_row(self, benchmark: str, row: TableRow) -> dict[str, Any]:
        seeds = {task: self.seeds(task, row.method.name) for task in self.benchmarks[benchmark].tasks}

        def paths(variant: Variant) -> dict[str, tuple[str, ...]]:
            return {
                task: tuple(self.run(benchmark, variant, task, seed).path for seed in seeds[task])
                for task in self.joint_tasks(benchmark)
            }

        settings = [{"said": variant.said, "runs": paths(variant)} for variant in row.variants]
        return {"name": row.name, "title": row.title, "method": row.method.name, "seeds": seeds, "settings": settings}

    def shown(self, *benchmarks: str) -> str:
        """Return what tells what the tables of these benchmarks, or of all, show from what they showed before."""
        return digest([self.layout(benchmark) for benchmark in benchmarks or self.benchmarks])

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


def _definition(task: Task, hidden: set[str]) -> dict[str, Any]:
    content = task.model_dump(mode="json", exclude_defaults=True, exclude=hidden)
    return {**content, "source": {"kind": task.source.kind, **content.get("source", {})}}


@cache
def _shipped(task: str) -> dict[str, dict[str, Any]]:
    """Return the definitions that the package has of a task, by what their keys say of them."""
    corrected, reference = (_definition(task_under(protocol, task, TASKS[task]), set()) for protocol in PROTOCOLS)
    return {"": corrected, "reference": reference}
