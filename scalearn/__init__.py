"""Transfer between tasks through adapters: ScaLearn (arXiv 2310.01217) and its peers.

The functions below are imported when they are first used: `import scalearn` imports no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalearn import data as data
    from scalearn.composing.compose import compose
    from scalearn.composing.saving import save_adapter
    from scalearn.inference.classifier import load
    from scalearn.results.frames import read_results

__all__ = ["compose", "load", "read_results", "save_adapter"]
__version__ = "0.1.0"

# Public name -> the module that defines it. None has the name of a room: importing the room would hide the function.
_MODULES = {
    "compose": "scalearn.composing.compose",
    "load": "scalearn.inference.classifier",
    "read_results": "scalearn.results.frames",
    "save_adapter": "scalearn.composing.saving",
}

if not TYPE_CHECKING:  # a type checker would take any name for defined

    def __getattr__(name: str) -> Any:
        if name == "data":  # a module, not a function
            return import_module("scalearn.data")
        if name not in _MODULES:
            raise AttributeError(f"module 'scalearn' has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
