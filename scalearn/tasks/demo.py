"""Placeholder replaced by the demo tasks."""
from scalearn.tasks.definition import GeneratedSource, Task
DEMO: dict[str, Task] = {}
