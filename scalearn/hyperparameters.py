"""Hyper-parameters of a run: its method's defaults, then layers of what differs, each narrower than the last. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from scalearn.errors import UserError, nearest
from scalearn.methods import METHODS
from scalearn.methods.base import FAMILIES, Method
from scalearn.tasks.glue import GLUE
from scalearn.tasks.humset import HUMSET
from scalearn.tasks.superglue import SUPERGLUE

# In a layer: `all`, a family or a method -> what differs for it; the narrower one counts.
Layer = Mapping[str, Mapping[str, int | float]]

# Where the paper's values (its released scripts) depend on the task; all others stand with the methods.
PAPER: Mapping[str, Layer] = {
    "record": {"two_stage": {"epochs": 3}, "ia3": {"epochs": 3}},
    **{task: {"adapter_soup": {"patience": 3}} for task in HUMSET},
}

# On top where one benchmark pools all of GLUE and SuperGLUE, under `protocol: reference` alone: the script of that
# benchmark gives ReCoRD as many epochs as every other task.
POOLED: Mapping[str, Layer] = {"record": {"adapter_fusion": {"epochs": 30}}}

# The least and the most that a hyper-parameter may be; one that is not listed here is at least 0.
RANGES: Mapping[str, tuple[float, float]] = {
    "batch_size": (1, math.inf),
    "epochs": (1, math.inf),
    "eval_steps": (1, math.inf),
    "include_target": (0, 1),
    "kept_fraction": (0, 1),
    "length_buckets": (0, 1),
    "max_steps": (1, math.inf),
    "omega_dropout": (0, 1),
    "patience": (1, math.inf),  # with 0 every training would end after one evaluation
    "record_rows": (1, math.inf),
    "reduction_factor": (1, math.inf),
    "temperature": (0.1, math.inf),  # below, only the largest task would be drawn
    "top_k": (1, math.inf),
    "train_sources": (0, 1),
    "warmup_ratio": (0, 1),
}
WHOLE = {key for method in METHODS.values() for key, value in method.defaults.items() if isinstance(value, int)}


def paper(protocol: str, task: str, tasks: Collection[str]) -> list[Layer]:
    """Return the paper's values for runs on a built-in task, where they are not the methods' own.

    tasks: the built-in ones of the benchmark that the runs belong to.
    """
    layers = [PAPER.get(task, {})]
    if protocol == "reference" and not {*GLUE, *SUPERGLUE}.difference(tasks):
        layers.append(POOLED.get(task, {}))
    return layers


def resolve(method: Method, layers: Iterable[Layer]) -> dict[str, int | float]:
    """Return all values of the method, numbers in the default's type."""
    values = dict(method.defaults)
    for layer in layers:
        for name in ("all", method.family, method.name):
            for key, value in layer.get(name, {}).items():
                if key in values:
                    values[key] = type(values[key])(value)
    return values


def check(where: str, layer: Layer) -> None:
    """Refuse unknown methods, unknown hyper-parameters and impossible values; `where` begins the sentence."""
    for name, values in layer.items():
        concerned = [method for method in METHODS.values() if name in ("all", method.family, method.name)]
        if not concerned:
            raise UserError(f"{where}: unknown name '{name}'{nearest(name, ('all', *FAMILIES, *METHODS))}")
        known = {key for method in concerned for key in method.defaults}
        for key, value in values.items():
            if key not in known:
                raise UserError(f"{where}.{name}: unknown name '{key}'{nearest(key, known)}")
            check_value(f"{where}.{name}", key, value)


def check_value(where: str, key: str, value: object) -> None:
    """Refuse what is not a number, or out of the hyper-parameter's range; `where` begins the sentence."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        found = str(value).lower() if isinstance(value, bool) else repr(value)
        raise UserError(f"{where}: {key} is {found}; give a number")
    least, most = RANGES.get(key, (0, math.inf))
    if not least <= value <= most:
        raise UserError(
            f"{where}: {key} is {value:g}; give "
            + (f"a number from {least:g} to {most:g}" if most < math.inf else f"at least {least:g}")
        )
    if key in WHOLE and value != int(value):
        raise UserError(f"{where}: {key} is {value:g}; give a whole number")


def check_benchmark(where: str, layer: Layer) -> None:
    """Refuse values for one benchmark's runs of a single-task method: its runs belong to all benchmarks."""
    check(where, layer)
    for name in layer:
        if name == "single" or (name in METHODS and METHODS[name].family == "single"):
            raise UserError(f"{where}.{name}: all benchmarks share its runs; use `task_hyperparameters` instead")


def check_task(where: str, layer: Layer) -> None:
    """Refuse values for one task of joint methods: their runs learn all tasks of a benchmark."""
    check(where, layer)
    for name in layer:
        if name == "joint" or (name in METHODS and METHODS[name].family == "joint"):
            raise UserError(
                f"{where}.{name}: its runs learn all tasks of a benchmark; use `benchmark_hyperparameters` instead"
            )
