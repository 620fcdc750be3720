"""Protocol differences in the rows of tasks: where the paper's released code and a correct implementation differ.

The module is pure data. scalearn.campaign.protocol defines the differences in training and explains both protocols.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from scalearn.tasks import TASKS
from scalearn.tasks.definition import HubSource, Task

Protocol = Literal["corrected", "reference"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)


@dataclass(frozen=True)
class TaskDifference:
    """A protocol difference in the rows of some tasks.

    reference: changes a corrected definition into the reference's.
    """

    name: str
    tasks: tuple[str, ...]
    reference: Callable[[Task], Task]


def _selected_on_test(task: Task) -> Task:
    assert isinstance(task.source, HubSource)
    return task.model_copy(update={"source": task.source.model_copy(update={"validation": task.source.test})})


TASK_DIFFERENCES = (
    # The reference selects the best ReCoRD epoch on the same rows that it then reports.
    TaskDifference("record_selected_on_test", ("record",), _selected_on_test),
    # The reference cuts MultiRC by row, so that rows of one paragraph occur in train and in validation.
    TaskDifference("multirc_cut_by_row", ("multirc",), lambda task: task.model_copy(update={"groups": None})),
    # The reference takes the label set from the training rows.
    TaskDifference(
        "humset_labels_as_seen",
        ("sectors", "pillars_1d", "pillars_2d", "subpillars_1d", "subpillars_2d"),
        lambda task: task.model_copy(update={"labels": None}),
    ),
)


def task_under(protocol: Protocol, name: str, task: Task) -> Task:
    """Return the definition of the built-in task `name` under the protocol. `task` is the corrected definition."""
    if protocol == "reference":
        for difference in TASK_DIFFERENCES:
            if name in difference.tasks:
                task = difference.reference(task)
    return task


def is_built_in(name: str, task: Task) -> bool:
    """Tell whether `task` is the package's task of that name under one of the protocols, with any `train_rows`.

    A user may define another task under the same name. That task is not built in, unless its definition equals the
    package's.
    """
    all_rows = task.model_copy(update={"train_rows": None})
    return name in TASKS and all_rows in [task_under(protocol, name, TASKS[name]) for protocol in PROTOCOLS]
