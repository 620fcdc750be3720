"""The shape of config.yaml. The JSON schema in workflow/schemas/ is generated from these models."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from scalearn.campaign.compute import Compute
from scalearn.campaign.hyperparameters import Layer
from scalearn.campaign.loggers import Logger
from scalearn.fields import Commit, LocalPath, Name, Strict, local_only, matching
from scalearn.tasks.definition import Task
from scalearn.tasks.protocol import Protocol


def _as_typed(value: Any) -> Any:
    """Return the number that Snakemake hands over as text inside lists and mappings: `--config seeds=[0,1]`."""
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,10}", value) else value


Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True), BeforeValidator(_as_typed)]
Duration = Annotated[str, matching(r"^\d+(\.\d+)?[smhd]$", "a time such as 10m or 1.5h (s, m, h or d)")]


class HubModel(Strict):
    """A model repository on the hub, pinned to a revision; safetensors and tokenizer files only."""

    kind: Literal["hub"] = "hub"
    repository: Annotated[
        str,
        matching(
            r"^\w[\w.-]*(/\w[\w.-]*)?$", "a repository of the hub (OWNER/NAME, for example FacebookAI/roberta-base)"
        ),
    ]
    revision: Commit = Field(description="the full commit hash, so that weights cannot change")


class FolderModel(Strict):
    """A local folder with config.json, model.safetensors and a tokenizer that has a fast form."""

    kind: Literal["folder"] = "folder"
    path: LocalPath


class PackageModel(Strict):
    """A model inside a Python package's wheel; the package is never installed, its code never run."""

    kind: Literal["package"] = "package"
    package: Annotated[str, matching(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", "the name of a Python package")]
    version: Annotated[str, matching(r"^[0-9][0-9A-Za-z.]*$", "a version such as 0.1.0")]
    folder: LocalPath = Field(description="where in the wheel the model's files lie")
    sha256: Annotated[
        str, matching(r"^[0-9a-f]{64}$", "the SHA-256 of its model.safetensors, 64 digits and letters a to f")
    ] = Field(description="of model.safetensors; anything else is refused")


ModelSource = Annotated[HubModel | FolderModel | PackageModel, Field(discriminator="kind")]


IDENTIFIER = re.compile(r"[\w.-]+/[\w.-]+")  # of a repository on the hub


class ForeignSource(Strict):
    """A source adapter that no run of the campaign trains: what `adapters` saved, as safetensors."""

    adapter: Annotated[
        str,
        Field(min_length=1, json_schema_extra={"expected": "a folder, or an id of the hub (OWNER/NAME)"}),
        AfterValidator(local_only),
    ] = Field(description="its folder; with `revision` its id on the hub", examples=["adapters/squad"])
    revision: Commit | None = Field(None, description="of the hub: the full commit hash, so that it cannot change")
    name: Name = Field(description="what runs and tables call it; no task of the benchmark", examples=["squad"])

    @model_validator(mode="after")
    def _id_of_the_hub(self) -> ForeignSource:
        if self.revision is not None and not IDENTIFIER.fullmatch(self.adapter):
            raise ValueError(
                f"adapter: '{self.adapter}' has a revision and is no id of the hub (OWNER/NAME); remove `revision` if "
                "it is a folder"
            )
        return self


def _kind_of_source(entry: Any) -> str:
    return "a task" if isinstance(entry, str) else "an adapter"


SourceEntry = Annotated[
    Annotated[Name, Tag("a task")] | Annotated[ForeignSource, Tag("an adapter")], Discriminator(_kind_of_source)
]


class Benchmark(Strict):
    """A table's tasks. Written as a plain list, they are also the sources of its two-stage methods."""

    tasks: tuple[Name, ...] = Field(min_length=1, description="the targets, in table order")
    sources: tuple[SourceEntry, ...] = Field(
        (), description="whose adapters two-stage methods compose; by default those of `tasks`"
    )
    model: Name | None = Field(None, description="its encoder, a key of `models`; by default the campaign's")

    @property
    def composed(self) -> tuple[str | ForeignSource, ...]:
        """The sources of two-stage methods, tasks and adapters from elsewhere, in the order of the stack."""
        return self.sources or self.tasks

    @property
    def source_tasks(self) -> tuple[str, ...]:
        """The tasks whose adapters are composed, in the order of the stack."""
        return tuple(entry for entry in self.composed if isinstance(entry, str))

    @property
    def foreign_sources(self) -> tuple[ForeignSource, ...]:
        """The adapters from elsewhere that are composed, in the order of the stack."""
        return tuple(entry for entry in self.composed if isinstance(entry, ForeignSource))


def _from_list(content: Any) -> Any:
    return {"tasks": content} if isinstance(content, list | tuple) else content


Targets = Annotated[tuple[Name, ...], Field(min_length=1)]
BenchmarkEntry = Annotated[Benchmark, BeforeValidator(_from_list, json_schema_input_type=Targets | Benchmark)]

Value = bool | int | float | str  # of a hyper-parameter
# Words with single blanks between them: two names that look alike are one. \s has all line ends of Unicode.
RowName = Annotated[
    str,
    matching(
        r"^[^\s\x00-\x1f\x7f-\x9f|]+( [^\s\x00-\x1f\x7f-\x9f|]+)*$",
        "a text of at most 80 characters, with single blanks between its words and without line ends and '|'",
        max_length=80,
    ),
]


class Row(BaseModel):
    """A row of the tables: a method, and settings of its own. A list of values makes a row of each.

    Other keys are hyper-parameters of the method.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Value | tuple[Value, ...]] = Field(init=False)

    method: Name = Field(description="its method", examples=["scalearn"])
    name: RowName | None = Field(None, description="what the tables call it; by default the method and its settings")
    sources: RowName | None = Field(
        None, description="the row whose adapters a two-stage method composes; by default the plain `adapter`"
    )
    select: Literal["validation"] | None = Field(
        None, description="one row of all: per task the setting with the best mean validation score"
    )

    @property
    def settings(self) -> dict[str, Value | tuple[Value, ...]]:
        """The hyper-parameters, each one value or several."""
        return dict(self.__pydantic_extra__ or {})


def _from_name(content: Any) -> Any:
    return {"method": content} if isinstance(content, str) else content


RowEntry = Annotated[Row, BeforeValidator(_from_name, json_schema_input_type=Name | Row)]

# What refusals show.
MODELS = {"roberta-base": {"kind": "hub", "repository": "FacebookAI/roberta-base", "revision": "<full commit hash>"}}
TASKS = {"reviews": {"source": {"kind": "files", "train": "data/train.csv"}}}


class Config(Strict):
    """One campaign."""

    protocol: Protocol = Field("corrected", description="`reference` repeats what the paper's code got wrong")
    model: Name = Field(description="the encoder, a key of `models`", examples=["roberta-base"])
    models: dict[Name, ModelSource] = Field(min_length=1, description="where encoders come from", examples=[MODELS])
    mirror: LocalPath | None = Field(
        None, description="a folder in the hub's layout that stands for the hub's datasets"
    )
    tasks: dict[Name, Task] = Field({}, description="tasks of your own, or built-in ones redefined", examples=[TASKS])
    benchmarks: dict[Name, BenchmarkEntry] = Field(
        min_length=1, description="name -> its tasks, in table order", examples=[{"mine": ["rte", "mrpc"]}]
    )
    unavailable: tuple[Name, ...] = Field(
        (), description="tasks that cannot be had: their columns stay, as missing", examples=[["record"]]
    )
    methods: tuple[RowEntry, ...] = Field(
        min_length=1, description="rows of the tables, in order", examples=[["adapter", "scalearn"]]
    )
    seeds: tuple[Seed, ...] = Field(min_length=1, description="one run per method, task and seed", examples=[[0, 1, 2]])
    task_seeds: dict[Name, tuple[Seed, ...]] = Field(
        {}, description="fewer seeds for large tasks", examples=[{"mnli": [0, 1]}]
    )
    joint_seeds: tuple[Seed, ...] = Field(
        (), description="seeds of joint methods; by default `seeds`", examples=[[0, 1, 2]]
    )
    train_rows: dict[Name, Annotated[int, Field(ge=2, strict=True), BeforeValidator(_as_typed)]] = Field(
        {},
        description="task -> so many rows of its train split, drawn from a seed, when the whole takes too long",
        examples=[{"multirc": 3000}],
    )
    source_seed: Seed | Literal["paired"] = Field(
        0, description="the seed of the stage-1 adapters that stage 2 composes; `paired`: the run's own"
    )
    baseline: RowName | None = Field(
        None, description="the row that tables compare all others with; by default `adapter`, if it is a row"
    )
    intervals: Literal["auto", "t", "bootstrap"] = Field(
        "auto", description="how 95 % intervals are made; `auto`: bootstrap from ten seeds on, else t"
    )
    compute: Compute = Field(
        Compute(),
        description="precision and the like; what is not `auto` is part of what identifies a run",
        examples=[{"precision": "float32"}],
    )
    max_time: Duration | None = Field(
        None, description="stop in order after so long, say 10m; the same command goes on later"
    )
    runs_per_gpu: Annotated[int, Field(ge=1, strict=True)] | None = Field(
        None, description="how many runs may share a GPU; by default any number, spread evenly"
    )
    loggers: tuple[Logger, ...] = Field(
        (),
        description="where else trainings report; nothing runs again for them (docs/loggers.md)",
        examples=[["tensorboard", "csv"]],
    )
    sentence_encoder: Name | None = Field(
        None, description="a key of `models`: what adapter_soup compares tasks with; other methods need none"
    )
    hyperparameters: Layer = Field(
        {},
        description="`all`, a family or a method -> what differs from the paper's values",
        examples=[{"adapter": {"learning_rate": 0.001}}],
    )
    benchmark_hyperparameters: dict[Name, Layer] = Field(
        {}, description="the same for one benchmark's runs", examples=[{"humset": {"two_stage": {"epochs": 10}}}]
    )
    task_hyperparameters: dict[Name, Layer] = Field(
        {}, description="the same for runs on one task", examples=[{"record": {"adapter": {"epochs": 3}}}]
    )

    @model_validator(mode="after")
    def _no_duplicates(self) -> Config:
        lists: dict[str, tuple[str, ...] | tuple[int, ...]] = {"seeds": self.seeds}
        for name, benchmark in self.benchmarks.items():
            lists[f"benchmarks.{name}"] = benchmark.tasks
            composed = [entry if isinstance(entry, str) else entry.name for entry in benchmark.composed]
            lists[f"benchmarks.{name}.sources"] = tuple(composed)
        if self.loggers:
            lists["loggers"] = self.loggers
        if self.joint_seeds:
            lists["joint_seeds"] = self.joint_seeds
        lists |= {f"task_seeds.{name}": seeds for name, seeds in self.task_seeds.items()}
        for name, benchmark in self.benchmarks.items():
            for source in benchmark.foreign_sources:
                if source.name in benchmark.tasks:
                    raise ValueError(
                        f"benchmarks.{name}.sources: '{source.name}' is a task of this benchmark; give the adapter "
                        f"{source.adapter} another name"
                    )
        for key, values in lists.items():
            if twice := [value for value, times in Counter(values).items() if times > 1]:
                raise ValueError(f"{key}: {twice[0]!r} is listed more than once; keep one")
            if not values:
                raise ValueError(f"{key}: the list is empty; name at least one")
        for name, benchmark in self.benchmarks.items():
            if set(benchmark.tasks) <= set(self.unavailable) or set(benchmark.composed) <= set(self.unavailable):
                raise ValueError(
                    f"benchmarks.{name}: all its tasks or sources are in `unavailable`; remove the benchmark"
                )
        if "joint" in self.tasks:
            raise ValueError("tasks: 'joint' is the folder of runs on all tasks at once; choose another name")
        if "single" in self.benchmarks:
            raise ValueError("benchmarks: 'single' is the folder of runs of single-task methods; choose another name")
        return self


if __name__ == "__main__":  # `make schema`
    import json

    print(json.dumps(Config.model_json_schema(), indent=1))
