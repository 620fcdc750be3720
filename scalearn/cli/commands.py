"""All commands of `scalearn`, which rules call and people can call too."""

from __future__ import annotations

# In the order in which `scalearn --help` lists them.
from scalearn.cli import export, folder, inputs, lists, predict, results, trainings
from scalearn.cli.app import UsageError, app

__all__ = ["UsageError", "app", "export", "folder", "inputs", "lists", "predict", "results", "trainings"]
