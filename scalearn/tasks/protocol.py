"""The rows of some tasks, where the paper's released code and a correct implementation differ. Pure data.

scalearn.campaign.protocol has what differs in trainings, and says what the two protocols are.
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
class TaskSwitch:
    """A difference in the rows of some tasks: how the reference has them."""

    name: str
    tasks: tuple[str, ...]
    reference: Callable[[Task], Task]


def _selected_on_test(task: Task) -> Task:
    assert isinstance(task.source, HubSource)
    return task.model_copy(update={"source": task.source.model_copy(update={"validation": task.source.test})})


TASK_SWITCHES = (
    # The best epoch on ReCoRD is chosen on the very rows that are then reported.
    TaskSwitch("record_selected_on_test", ("record",), _selected_on_test),
    # Rows of one paragraph stand on both sides of the split.
    TaskSwitch("multirc_cut_by_row", ("multirc",), lambda task: task.model_copy(update={"groups": None})),
    # The label set is whatever the training rows carry.
    TaskSwitch(
        "humset_labels_as_seen",
        ("sectors", "pillars_1d", "pillars_2d", "subpillars_1d", "subpillars_2d"),
        lambda task: task.model_copy(update={"labels": None}),
    ),
)


def task_under(protocol: Protocol, name: str, task: Task) -> Task:
    """Return the built-in task as the protocol has it."""
    if protocol == "reference":
        for switch in TASK_SWITCHES:
            if name in switch.tasks:
                task = switch.reference(task)
    return task


def is_built_in(name: str, task: Task) -> bool:
    """Tell whether this is the package's task of that name, as one of the protocols has it and of any `train_rows`.

    Only then is a name special. A definition of the user's under the same name is a task of its own, unless it repeats
    the built-in one word for word.
    """
    whole = task.model_copy(update={"train_rows": None})
    return name in TASKS and whole in [task_under(protocol, name, TASKS[name]) for protocol in PROTOCOLS]
