"""Tasks: definitions, reading, labels, preparing, inspecting, generated tasks and metrics.

`TASKS` holds the definitions that the package brings, by name. Importing it loads no rows, no pandas and no network.
"""

from __future__ import annotations

from scalearn.tasks.definition import Task
from scalearn.tasks.definitions.demo import DEMO
from scalearn.tasks.definitions.glue import GLUE
from scalearn.tasks.definitions.humset import HUMSET
from scalearn.tasks.definitions.superglue import SUPERGLUE

TASKS: dict[str, Task] = {**GLUE, **SUPERGLUE, **HUMSET, **DEMO}
