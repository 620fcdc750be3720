"""Hyper-parameters of a run: its method's defaults, then layers of what differs, each narrower than the last. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scalearn.errors import UserError, nearest
from scalearn.methods import METHODS
from scalearn.methods.base import FAMILIES, Method
from scalearn.tasks.humset import HUMSET

# In a layer: `all`, a family or a method -> what differs for it; the narrower one counts.
Layer = Mapping[str, Mapping[str, int | float]]

# Where the paper's values (its released scripts) depend on the task; all others stand with the methods.
PAPER: Mapping[str, Layer] = {
    "record": {"two_stage": {"epochs": 3}, "ia3": {"epochs": 3}},
    **{task: {"adapter_soup": {"patience": 3}} for task in HUMSET},
}


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
    """Refuse names of methods and of hyper-parameters that there are not; `where` begins the sentence."""
    for name, values in layer.items():
        concerned = [method for method in METHODS.values() if name in ("all", method.family, method.name)]
        if not concerned:
            raise UserError(f"{where}: unknown name '{name}'{nearest(name, ('all', *FAMILIES, *METHODS))}")
        known = {key for method in concerned for key in method.defaults}
        for key in values:
            if key not in known:
                raise UserError(f"{where}.{name}: unknown name '{key}'{nearest(key, known)}")


def check_benchmark(where: str, layer: Layer) -> None:
    """Refuse values for one benchmark's runs of a single-task method: its runs belong to all benchmarks."""
    check(where, layer)
    for name in layer:
        if name == "single" or (name in METHODS and METHODS[name].family == "single"):
            raise UserError(f"{where}.{name}: its runs are shared by all benchmarks; use task_hyperparameters")
