"""Hyper-parameters of a run: the paper's for its method and task, then layers of what differs, each narrower than the
last. What each one is, and what it may be, stands with the methods. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import TypeAdapter
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.base import FAMILIES, Method
from scalearn.methods.hyperparameters import STRICT, HyperParameters
from scalearn.tasks.definitions.glue import GLUE
from scalearn.tasks.definitions.humset import HUMSET
from scalearn.tasks.definitions.superglue import SUPERGLUE


class _Checked:
    """How a layer is read: by the methods' own models, those alone that it names; its JSON schema has all of them."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_read)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> Any:
        return handler(_reader(NAMES).core_schema)


# `all`, a family or a method -> what differs for it; the narrower one counts.
Layer = Annotated[Mapping[str, Mapping[str, bool | int | float]], _Checked]
NAMES = ("all", *FAMILIES, *METHODS)

# Where the paper's values (its released scripts) depend on the task; all others stand with the methods.
PAPER: Mapping[str, Layer] = {
    "record": {"two_stage": {"epochs": 3}, "ia3": {"epochs": 3}},
    **{task: {"adapter_soup": {"patience": 3}} for task in HUMSET},
}

# On top where one benchmark pools all of GLUE and SuperGLUE, under `protocol: reference` alone: the script of that
# benchmark gives ReCoRD as many epochs as every other task.
POOLED: Mapping[str, Layer] = {"record": {"adapter_fusion": {"epochs": 30}}}


def resolve(method: Method, layers: Iterable[Layer]) -> HyperParameters:
    """Return all values of the method: its defaults, with what these layers change."""
    fields = method.hyperparameters.model_fields
    changes = {
        key: value
        for layer in layers
        for name in ("all", method.family, method.name)
        for key, value in layer.get(name, {}).items()
        if key in fields
    }
    return method.hyperparameters(**changes)


def paper(method: Method, task: str | None) -> HyperParameters:
    """Return the paper's values for runs of the method on a built-in task, None for a task of the user's own.

    Every run starts from them, whoever starts it: a campaign and the command line say what differs.
    """
    return resolve(method, [PAPER.get(task, {})] if task else [])


def layers(protocol: str, task: str, tasks: Collection[str]) -> list[Layer]:
    """Return the paper's layers for runs on a built-in task of a benchmark that has these built-in tasks."""
    pooled = protocol == "reference" and not {*GLUE, *SUPERGLUE}.difference(tasks)
    return [PAPER.get(task, {}), POOLED.get(task, {}) if pooled else {}]


def exceptions(method: Method) -> dict[str, dict[str, bool | int | float]]:
    """Return where the paper's values for the method depend on the task: task -> what differs from its defaults."""
    found = {task: paper(method, task).beyond(method.defaults) for task in PAPER}
    return {task: changes for task, changes in found.items() if changes}


# ---------------------------------------------------------------------- what a campaign file may say


def _read(content: Any) -> Any:
    """Return a layer of a campaign file, checked; pydantic's errors say where in it something is wrong."""
    named = tuple(name for name in NAMES if isinstance(content, Mapping) and name in content)
    return _reader(named).validate_python(_typed(content))


def _typed(content: Any) -> Any:
    """Return a layer with the values that Snakemake hands over as text inside of mappings (`--config`)."""
    if not isinstance(content, Mapping):
        return content
    return {
        name: {key: as_said(value) for key, value in values.items()} if isinstance(values, Mapping) else values
        for name, values in content.items()
    }


def as_said(value: Any) -> Any:
    """Return the number or the truth that a text says, and anything else as it is."""
    if not isinstance(value, str) or len(value) > 40:
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    if re.fullmatch(r"[+-]?[0-9]+", value):
        return int(value)
    return float(value) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", value, re.I) else value


@cache
def _reader(names: tuple[str, ...]) -> TypeAdapter[Any]:
    """Return what reads a layer with these names in it; any other name is refused."""
    return TypeAdapter(_mapping("Layer", {name: _keys(name) for name in names}))


@cache
def _keys(name: str) -> Any:
    """Return what may be set for all methods, a family or a method; a default is told where it is a method's."""
    fields: dict[str, Any] = {}
    for method in METHODS.values():
        if name in ("all", method.family, method.name):
            for key, field in method.hyperparameters.model_fields.items():
                more = {"json_schema_extra": {"default": field.default}} if name == method.name else {}
                fields.setdefault(key, method.hyperparameters.annotation(key, **more))
    return _mapping(name, fields)


def _mapping(name: str, fields: Mapping[str, Any]) -> Any:
    """Return the type of mappings with some of these keys and no other."""
    make: Any = TypedDict
    made = make(name, dict(fields), total=False)
    made.__pydantic_config__ = STRICT
    return made


def check_benchmark(where: str, layer: Layer) -> None:
    """Refuse values for one benchmark's runs of a single-task method: its runs belong to all benchmarks."""
    for name in layer:
        if name == "single" or (name in METHODS and METHODS[name].family == "single"):
            raise UserError(f"{where}.{name}: all benchmarks share its runs; use `task_hyperparameters` instead")


def check_task(where: str, layer: Layer) -> None:
    """Refuse values for one task of joint methods: their runs learn all tasks of a benchmark."""
    for name in layer:
        if name == "joint" or (name in METHODS and METHODS[name].family == "joint"):
            raise UserError(
                f"{where}.{name}: its runs learn all tasks of a benchmark; use `benchmark_hyperparameters` instead"
            )
