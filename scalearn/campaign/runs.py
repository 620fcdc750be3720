"""The runs of a campaign: one for each benchmark, variant, task and seed, and the source runs that these compose."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from scalearn.campaign import hyperparameters
from scalearn.campaign.config import Config, ForeignSource
from scalearn.campaign.definitions import Definitions
from scalearn.campaign.input_files import ADAPTER_RECORD, ADAPTER_WEIGHTS
from scalearn.campaign.keys import Key
from scalearn.campaign.places import ADAPTERS, MODELS, RUNS
from scalearn.campaign.protocol import run_differences
from scalearn.campaign.run_folder import RECORD, WEIGHTS
from scalearn.campaign.spec import FOREIGN, JOINT, SINGLE, STAGE1, RunSpec, foreign_key, group_key
from scalearn.campaign.variants import Variant
from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import Bottleneck, HyperParameters


class Runs(Definitions):
    """What a campaign file defines, and the runs that follow from it."""

    def __init__(self, config: Config, origin: str = "config.yaml") -> None:
        super().__init__(config, origin)
        self._runs: dict[tuple[Any, ...], RunSpec] = {}
        self._sources: dict[tuple[Any, ...], tuple[str, ...]] = {}
        self._changes: dict[tuple[Any, ...], dict[str, Any]] = {}

    # ------------------------------------------------------------------ tasks, seeds and variants of runs

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        """The variants of all rows, in order."""
        return tuple(variant for row in self.rows for variant in row.variants)

    def joint_tasks(self, benchmark: str) -> list[str]:
        """Return the tasks that the benchmark's runs learn, in order."""
        return self.available(self.benchmarks[benchmark].tasks)

    def compared_tasks(self, benchmark: str) -> list[str]:
        """Return the tasks that adapter_soup compares in this benchmark: its targets and its sources."""
        entry = self.benchmarks[benchmark]
        return self.available(dict.fromkeys((*entry.tasks, *entry.source_tasks)))

    def seeds(self, task: str, method: str = STAGE1) -> tuple[int, ...]:
        """Return the seeds of a method's runs on a task.

        `task_seeds` overrides `seeds`, except for joint methods: one joint run learns all tasks of a benchmark, so that
        the tasks cannot differ in their seeds. Joint methods use `joint_seeds`.
        """
        if METHODS[method].family == "joint":
            return self.config.joint_seeds or self.config.seeds
        return self.config.task_seeds.get(task, self.config.seeds)

    def source_seed(self, seed: int) -> int:
        """Return the seed of the source adapters that a stage-2 run of this seed composes."""
        return seed if self.config.source_seed == "paired" else self.config.source_seed

    # ------------------------------------------------------------------ runs

    def run(self, benchmark: str, variant: Variant, task: str, seed: int) -> RunSpec:
        """Return the run that a benchmark's table shows for this variant, task and seed.

        A joint run is the same for all tasks of the benchmark.
        """
        family = variant.method.family
        group = SINGLE if family == "single" else benchmark
        learned = JOINT if family == "joint" else task
        identity = (self.model(benchmark), group, variant.learned, learned, seed)
        if identity not in self._runs:
            self._runs[identity] = self._run(benchmark, group, variant, learned, seed)
        return self._runs[identity]

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
        shown = (
            self.run(benchmark, variant, task, seed)
            for variant in self.variants
            for task in self.joint_tasks(benchmark)
            for seed in self.seeds(task, variant.method.name)
        )
        return list({run.path: run for run in shown}.values())

    def source_runs(self, benchmark: str, seed: int, variant: Variant | None = None) -> list[RunSpec]:
        """Return the stage-1 runs whose adapters a variant composes, in order; not the adapters from elsewhere.

        seed: the seed of the stage-1 runs.
        variant: a two-stage variant; by default one that composes the plain `adapter`.
        """
        tasks = self.available(self.benchmarks[benchmark].source_tasks)
        sources = (variant.sources if variant else None) or Variant.plain(STAGE1)
        return [self.run(benchmark, sources, task, seed) for task in tasks]

    def sources(self, benchmark: str) -> dict[str, ForeignSource | None]:
        """Return the benchmark's sources that are available by name, in the order of the stack; of a task None."""
        return {
            entry if isinstance(entry, str) else entry.name: None if isinstance(entry, str) else entry
            for entry in self.benchmarks[benchmark].composed
            if entry not in self.config.unavailable
        }

    def _source_paths(self, benchmark: str, variant: Variant, seed: int) -> tuple[str, ...]:
        identity = (benchmark, variant.sources.learned if variant.sources else (), seed)
        if identity not in self._sources:
            runs = iter(self.source_runs(benchmark, seed, variant))
            self._sources[identity] = tuple(
                next(runs).path if adapter is None else f"{FOREIGN}{self.adapter_key(adapter)}"
                for adapter in self.sources(benchmark).values()
            )
        return self._sources[identity]

    @cached_property
    def trainings(self) -> dict[str, RunSpec]:
        """Every training of this campaign, by path: the runs that its tables show, and their source runs."""
        runs = {run.path: run for benchmark in self.benchmarks for run in self.runs(benchmark)}
        composing = [variant for variant in self.variants if variant.method.family == "two_stage"]
        for benchmark in self.benchmarks if composing else ():
            seeds = {self.source_seed(seed) for task in self.joint_tasks(benchmark) for seed in self.seeds(task)}
            for variant in composing:
                runs |= {run.path: run for seed in sorted(seeds) for run in self.source_runs(benchmark, seed, variant)}
        return runs

    @cached_property
    def stacks(self) -> dict[str, tuple[str, ...]]:
        """The paths of the runs whose adapters each file of stacked sources holds, by `RunSpec.stack`."""
        return {run.stack: run.sources for run in self.trainings.values() if run.sources}

    def source_files(self, stack: str, kind: Literal["record", "weights"]) -> list[str]:
        """Return this file of each source of a stack, in order."""
        run_file, adapter_file = {"record": (RECORD, ADAPTER_RECORD), "weights": (WEIGHTS, ADAPTER_WEIGHTS)}[kind]
        return [
            str(RUNS / source / run_file if (key := foreign_key(source)) is None else ADAPTERS / key / adapter_file)
            for source in self.stacks[stack]
        ]

    def stack_model(self, stack: str) -> list[str]:
        """Return model.json of the encoder if a stack holds adapters from elsewhere, else an empty list."""
        foreign = any(foreign_key(source) for source in self.stacks[stack])
        return [str(MODELS / Path(stack).parts[0] / "model.json")] if foreign else []

    def adapter_models(self, adapter: Key) -> list[Key]:
        """Return the keys of the encoders that an adapter from elsewhere is composed on."""
        return list(dict.fromkeys(run.model for run in self._composing(adapter)))

    def adapter_factors(self, adapter: Key) -> list[int]:
        """Return the reduction factors of the adapters that an adapter from elsewhere is composed with."""
        paths = dict.fromkeys(path for run in self._composing(adapter) for path in run.sources)
        beside = [self.trainings[path].values for path in paths if foreign_key(path) is None]
        return list(dict.fromkeys(values.reduction_factor for values in beside if isinstance(values, Bottleneck)))

    def _composing(self, adapter: Key) -> list[RunSpec]:
        return [run for run in self.trainings.values() if f"{FOREIGN}{adapter}" in run.sources]

    def comparison(self, benchmark: str) -> str:
        """Return the path of the benchmark's task similarities, without ending, below that of all similarities."""
        tasks = tuple(map(self.task_key, self.compared_tasks(benchmark)))
        return f"{self.model_key(self.config.sentence_encoder or '')}/{group_key(benchmark, tasks, None)}"

    @cached_property
    def comparisons(self) -> dict[str, list[Key]]:
        """The keys of the tasks that each file of similarities compares, by `comparison`."""
        benchmarks = {run.benchmark for run in self.trainings.values() if run.sentence_encoder}
        return {
            self.comparison(name): list(map(self.task_key, self.compared_tasks(name))) for name in sorted(benchmarks)
        }

    # ------------------------------------------------------------------ hyper-parameters and protocol differences

    def hyperparameters(self, method: str, benchmark: str, task: str) -> HyperParameters:
        """Return all hyper-parameters of the method's runs on the task.

        benchmark: its name; `single` for single-task methods.
        """
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
        """Return the hyper-parameters that differ from the method's defaults."""
        identity = (variant.learned, benchmark, task)
        if identity not in self._changes:
            values = self._values(variant, benchmark, task)
            self._changes[identity] = values.beyond(variant.method.defaults)
        return self._changes[identity]

    def differences(self, method: Method, values: HyperParameters, *tasks: str) -> tuple[str, ...]:
        """Return the names of the protocol differences of a run of the method on these tasks."""
        built_in = [task if task in self.built_in else None for task in tasks]
        return run_differences(self.config.protocol, method, values, built_in)
