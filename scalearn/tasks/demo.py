"""Placeholder replaced by the demo tasks."""

from scalearn.tasks.definition import Task

DEMO: dict[str, Task] = {}
