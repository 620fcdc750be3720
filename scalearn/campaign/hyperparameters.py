"""The hyper-parameters of a run: the paper's values, overridden by layers from broad to narrow.

The methods define the hyper-parameters, their types and their bounds. Pure.
"""

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
    """Validates a layer with the models of the methods that it names; the JSON schema has all methods."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_read)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> Any:
        return handler(_reader(NAMES).core_schema)


# `all`, a family or a method -> hyper-parameters. A method overrides its family, and a family overrides `all`.
Layer = Annotated[Mapping[str, Mapping[str, bool | int | float]], _Checked]
NAMES = ("all", *FAMILIES, *METHODS)

# The values of the paper's released scripts that depend on the task. The methods define the other values.
PAPER: Mapping[str, Layer] = {
    "record": {"two_stage": {"epochs": 3}, "ia3": {"epochs": 3}},
    **{task: {"adapter_soup": {"patience": 3}} for task in HUMSET},
}

# These values apply only under `protocol: reference`, in a benchmark that has all tasks of GLUE and SuperGLUE. The
# reference's script for that benchmark trains ReCoRD for as many epochs as the other tasks.
POOLED: Mapping[str, Layer] = {"record": {"adapter_fusion": {"epochs": 30}}}


def resolve(method: Method, layers: Iterable[Layer]) -> HyperParameters:
    """Return all hyper-parameters of the method: its defaults, overridden by the layers in order."""
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
    """Return the paper's hyper-parameters for runs of the method on a task.

    Campaigns and the command line both start from these values.

    task: the name of a built-in task, or None for a task of the user's own.
    """
    return resolve(method, [PAPER.get(task, {})] if task else [])


def layers(protocol: str, task: str, tasks: Collection[str]) -> list[Layer]:
    """Return the layers of the paper's values for runs on a built-in task.

    tasks: all built-in tasks of the benchmark.
    """
    pooled = protocol == "reference" and not {*GLUE, *SUPERGLUE}.difference(tasks)
    return [PAPER.get(task, {}), POOLED.get(task, {}) if pooled else {}]


def exceptions(method: Method) -> dict[str, dict[str, bool | int | float]]:
    """Return the paper's task-specific values of the method: task -> hyper-parameters that differ from the defaults."""
    differing = {task: paper(method, task).beyond(method.defaults) for task in PAPER}
    return {task: changes for task, changes in differing.items() if changes}


# ---------------------------------------------------------------------- reading layers of a campaign file


def _read(content: Any) -> Any:
    """Return the validated layer. Raises: ValidationError if a name, a key or a value is wrong."""
    names = tuple(name for name in NAMES if isinstance(content, Mapping) and name in content)
    return _reader(names).validate_python(_typed(content))


def _typed(content: Any) -> Any:
    """Return a layer with numbers and booleans in place of text: Snakemake passes text in mappings of `--config`."""
    if not isinstance(content, Mapping):
        return content
    return {
        name: {key: parsed_value(value) for key, value in values.items()} if isinstance(values, Mapping) else values
        for name, values in content.items()
    }


def parsed_value(value: Any) -> Any:
    """Return the number or the boolean that a text denotes, and any other value unchanged."""
    if not isinstance(value, str) or len(value) > 40:
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    if re.fullmatch(r"[+-]?[0-9]+", value):
        return int(value)
    return float(value) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", value, re.I) else value


@cache
def _reader(names: tuple[str, ...]) -> TypeAdapter[Any]:
    """Return the validator of a layer that has these names; it refuses other names."""
    return TypeAdapter(_mapping("Layer", {name: _keys(name) for name in names}))


@cache
def _keys(name: str) -> Any:
    """Return the type of the hyper-parameters under a name of a layer; under a method's name with its defaults."""
    fields: dict[str, Any] = {}
    for method in METHODS.values():
        if name in ("all", method.family, method.name):
            for key, field in method.hyperparameters.model_fields.items():
                more = {"json_schema_extra": {"default": field.default}} if name == method.name else {}
                fields.setdefault(key, method.hyperparameters.annotation(key, **more))
    return _mapping(name, fields)


def _mapping(name: str, fields: Mapping[str, Any]) -> Any:
    """Return the type of mappings that may have these keys and no others."""
    make: Any = TypedDict
    mapping = make(name, dict(fields), total=False)
    mapping.__pydantic_config__ = STRICT
    return mapping


def check_benchmark(where: str, layer: Layer) -> None:
    """Check that a benchmark's layer names no single-task method: all benchmarks share its runs.

    where: the key, for messages.
    Raises: UserError if it names one.
    """
    for name in layer:
        if name == "single" or (name in METHODS and METHODS[name].family == "single"):
            raise UserError(f"{where}.{name}: all benchmarks share its runs; use `task_hyperparameters` instead")


def check_task(where: str, layer: Layer) -> None:
    """Check that a task's layer names no joint method: its runs learn all tasks of a benchmark.

    where: the key, for messages.
    Raises: UserError if it names one.
    """
    for name in layer:
        if name == "joint" or (name in METHODS and METHODS[name].family == "joint"):
            raise UserError(
                f"{where}.{name}: its runs learn all tasks of a benchmark; use `benchmark_hyperparameters` instead"
            )
