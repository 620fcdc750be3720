"""The tasks that the package knows by name. Light: no rows, no pandas, no network."""

from __future__ import annotations

from scalearn.tasks.definition import Task
from scalearn.tasks.definitions.demo import DEMO
from scalearn.tasks.definitions.glue import GLUE
from scalearn.tasks.definitions.humset import HUMSET
from scalearn.tasks.definitions.superglue import SUPERGLUE

TASKS: dict[str, Task] = {**GLUE, **SUPERGLUE, **HUMSET, **DEMO}
