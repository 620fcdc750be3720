"""The registry of methods. Each module of this package defines METHODS. Imports no torch."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from scalearn.methods.base import Method


def _discover() -> dict[str, Method]:
    methods: dict[str, Method] = {}
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        if module.ispkg or module.name in ("base", "hyperparameters"):
            continue
        for method in import_module(f"{__name__}.{module.name}").METHODS:
            if method.name in methods:
                raise ValueError(f"two methods are called '{method.name}'")
            methods[method.name] = method
    return methods


METHODS: dict[str, Method] = _discover()
