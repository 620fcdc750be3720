"""The encoders and tasks of a campaign: where they come from, how they are defined, and their keys in paths."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, cached_property
from typing import Any

from scalearn.campaign.config import Benchmark, Config, ForeignSource, ModelSource
from scalearn.campaign.input_files import adapter_identity, adapter_inputs, encoder_inputs, row_inputs
from scalearn.campaign.keys import Key, key, normal, task_key
from scalearn.campaign.shipped import MODELS
from scalearn.campaign.variants import baseline_row, table_rows
from scalearn.methods.base import Method
from scalearn.tasks import TASKS
from scalearn.tasks.definition import Task
from scalearn.tasks.protocol import PROTOCOLS, is_built_in, task_under


class Definitions:
    """What a campaign file defines, apart from runs."""

    def __init__(self, config: Config, origin: str) -> None:
        self.config = config
        self.rows = table_rows(config.methods, origin)
        self.baseline = baseline_row(config.baseline, self.rows, origin)
        self._task_keys: dict[str, Key] = {}
        self._adapter_keys: dict[ForeignSource, Key] = {}

    @property
    def benchmarks(self) -> dict[str, Benchmark]:
        """The benchmarks by name; each one has a table."""
        return self.config.benchmarks

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods of the tables' rows, each once."""
        return tuple({row.method.name: row.method for row in self.rows}.values())

    # ------------------------------------------------------------------ encoders

    @cached_property
    def models(self) -> dict[str, ModelSource]:
        """The sources of all encoders that this campaign uses, by name."""
        names = dict.fromkeys(self.model(benchmark) for benchmark in self.benchmarks)
        if self.config.sentence_encoder is not None and any(method.similarity for method in self.methods):
            names[self.config.sentence_encoder] = None
        return {name: self.config.models[name] for name in names}

    def model(self, benchmark: str) -> str:
        """Return the name of the benchmark's encoder."""
        return self.benchmarks[benchmark].model or self.config.model

    def trains(self, model: str) -> bool:
        """Return whether a benchmark trains on the encoder; otherwise adapter_soup compares texts with it."""
        return model in map(self.model, self.benchmarks)

    def model_definition(self, model: str) -> str:
        """Return where the encoder comes from, as JSON."""
        return normal(self.models[model].model_dump(mode="json"))

    def model_inputs(self, model: str) -> list[str]:
        """Return the paths of the encoder's files if it comes from a local folder, else an empty list."""
        return encoder_inputs(self.models[model])

    def model_key(self, model: str) -> Key:
        """Return the name of the encoder's folder."""
        source, shipped = self.config.models[model], MODELS.get(model)
        return model if source == shipped else key(model, source.model_dump(mode="json"))

    @cached_property
    def model_names(self) -> dict[Key, str]:
        """The names of the encoders, by key."""
        return {self.model_key(name): name for name in self.models}

    # ------------------------------------------------------------------ adapters from elsewhere

    @cached_property
    def adapters(self) -> dict[Key, ForeignSource]:
        """The source adapters from elsewhere that this campaign composes, by the names of their folders.

        Raises: UserError if a file of a local one is missing.
        """
        if not any(method.family == "two_stage" for method in self.methods):
            return {}
        return {
            self.adapter_key(source): source for entry in self.benchmarks.values() for source in entry.foreign_sources
        }

    def adapter_key(self, source: ForeignSource) -> Key:
        """Return the name of the adapter's folder. Another file of a local adapter has another key."""
        if source not in self._adapter_keys:
            self._adapter_keys[source] = key(source.name, adapter_identity(source))
        return self._adapter_keys[source]

    def adapter_definition(self, adapter: Key) -> str:
        """Return where the adapter comes from, as JSON."""
        return normal(self.adapters[adapter].model_dump(mode="json", exclude_none=True, exclude={"name"}))

    def adapter_inputs(self, adapter: Key) -> list[str]:
        """Return the paths of the adapter's files if it comes from a local folder, else an empty list."""
        return adapter_inputs(self.adapters[adapter])

    # ------------------------------------------------------------------ tasks

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The definitions, under the campaign's protocol, of all tasks that its runs need."""
        names = dict.fromkeys(
            task for entry in self.benchmarks.values() for task in (*entry.tasks, *entry.source_tasks)
        )
        return {name: self.known_tasks[name] for name in self.available(names)}

    @cached_property
    def known_tasks(self) -> dict[str, Task]:
        """The definitions, under the campaign's protocol, of all built-in tasks and those of the campaign file."""
        return {name: self._task(name) for name in {**TASKS, **self.config.tasks}}

    @cached_property
    def built_in(self) -> frozenset[str]:
        """The names of built-in tasks; without those that the campaign file defines in another way."""
        mine = self.config.tasks
        return frozenset(name for name in TASKS if name not in mine or is_built_in(name, mine[name]))

    def available(self, tasks: Iterable[str]) -> list[str]:
        """Return the tasks that are not in `unavailable`, in order."""
        return [task for task in tasks if task not in self.config.unavailable]

    def _task(self, name: str) -> Task:
        task = self.config.tasks[name] if name in self.config.tasks else TASKS[name]
        if name in self.built_in:
            task = task_under(self.config.protocol, name, task)
        rows = self.config.train_rows.get(name)
        return task if rows is None else task.model_copy(update={"train_rows": rows})

    def origin(self, task: str) -> str:
        """Return where this campaign reads the task from: hub, mirror, files, generated or rule."""
        kind = self.tasks[task].source.kind
        if kind == "disk":
            return "files"
        return "mirror" if kind == "hub" and self.config.mirror is not None else kind

    def definition(self, task: str) -> str:
        """Return everything that determines the rows of a task, as JSON without the defaults.

        For a task of the campaign file, `metrics` and `positive` are left out where they affect only the scores. The
        task is then neither prepared nor trained again when they change (see table_layout). `metrics` stays if the
        headline metric selects the best epoch, or if exact_match needs groups in the rows.
        """
        return normal(self._content(task))

    def _content(self, task: str) -> dict[str, Any]:
        mine = self.tasks[task]
        hidden = set()
        if task not in self.built_in and mine.select != "headline":
            hidden = {"positive"} if "exact_match" in mine.metrics else {"metrics", "positive"}
        return _definition(mine, hidden)

    def metrics(self, task: str) -> tuple[str, ...]:
        """Return the metrics of the task's scores, headline first; none if a rule's task.json declares them."""
        definition = self.tasks[task]
        return definition.metrics if definition.source.kind == "rule" else definition.all_metrics

    def task_inputs(self, task: str) -> list[str]:
        """Return the paths of the files that hold the task's rows if they are on this machine, else an empty list.

        Raises: UserError if the mirror lacks the task's files.
        """
        return row_inputs(task, self.tasks[task], self.config.mirror)

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

    @cached_property
    def task_names(self) -> dict[Key, str]:
        """The names of the tasks, by key."""
        return {self.task_key(name): name for name in self.tasks}

    def task_keys(self, kind: str) -> list[Key]:
        """Return the keys of the tasks that come from this kind of source (see `origin`)."""
        return [self.task_key(name) for name in self.tasks if self.origin(name) == kind]


def _definition(task: Task, hidden: set[str]) -> dict[str, Any]:
    """Return a task's definition without defaults and without the fields in `hidden`."""
    content = task.model_dump(mode="json", exclude_defaults=True, exclude=hidden)
    return {**content, "source": {"kind": task.source.kind, **content.get("source", {})}}


@cache
def _shipped(task: str) -> dict[str, dict[str, Any]]:
    """Return both definitions of a built-in task, by what their keys add to its name."""
    corrected, reference = (_definition(task_under(protocol, task, TASKS[task]), set()) for protocol in PROTOCOLS)
    return {"": corrected, "reference": reference}
