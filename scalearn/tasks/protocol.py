"""How the reference protocol reads the rows of some tasks differently: one entry for each protocol difference.

scalearn.campaign.protocol explains the two protocols and lists the differences in how runs train. Pure data.
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

    name: what docs/protocol.md calls it.
    tasks: names of the built-in tasks that have the difference.
    reference: returns a task's definition under the reference protocol, given the corrected one.
    """

    name: str
    tasks: tuple[str, ...]
    reference: Callable[[Task], Task]


def _selecting_on_test(task: Task) -> Task:
    assert isinstance(task.source, HubSource)
    return task.model_copy(update={"source": task.source.model_copy(update={"validation": task.source.test})})


TASK_DIFFERENCES = (
    # The best epoch on ReCoRD is chosen on the rows whose score is reported.
    TaskDifference("record_selected_on_test", ("record",), _selecting_on_test),
    # Rows about the same paragraph may fall into both train and validation split.
    TaskDifference("multirc_cut_by_row", ("multirc",), lambda task: task.model_copy(update={"groups": None})),
    # The label set consists of the labels that occur in the training rows.
    TaskDifference(
        "humset_labels_as_seen",
        ("sectors", "pillars_1d", "pillars_2d", "subpillars_1d", "subpillars_2d"),
        lambda task: task.model_copy(update={"labels": None}),
    ),
)


def task_under(protocol: Protocol, name: str, task: Task) -> Task:
    """Return the definition of a built-in task under the protocol.

    task: its definition under the corrected protocol.
    """
    if protocol == "reference":
        for difference in TASK_DIFFERENCES:
            if name in difference.tasks:
                task = difference.reference(task)
    return task


def is_built_in(name: str, task: Task) -> bool:
    """Return whether `task` is the package's own task of this name, under either protocol and with any `train_rows`.

    Protocol differences and task-specific hyper-parameters apply to such tasks only. A user's definition under the same
    name counts as another task, unless it equals the built-in definition.
    """
    with_all_rows = task.model_copy(update={"train_rows": None})
    return name in TASKS and with_all_rows in [task_under(protocol, name, TASKS[name]) for protocol in PROTOCOLS]
