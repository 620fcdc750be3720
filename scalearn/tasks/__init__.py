"""The tasks that the package knows by name. Light: no rows, no pandas, no network."""

from __future__ import annotations

from scalearn.tasks.definition import Task
from scalearn.tasks.demo import DEMO
from scalearn.tasks.glue import GLUE
from scalearn.tasks.humset import HUMSET
from scalearn.tasks.superglue import SUPERGLUE

TASKS: dict[str, Task] = {**GLUE, **SUPERGLUE, **HUMSET, **DEMO}
