"""Where the paper's released code and a correct implementation differ: one switch per difference, all in this file.

A campaign's `protocol` sets them: `corrected`, the default, leaves each one off; `reference` turns each one on, to
reproduce published numbers. docs/protocol.md says of each what it does to scores. Pure data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from scalearn.methods.base import Method
from scalearn.tasks.definition import HubSource, Task

Protocol = Literal["corrected", "reference"]


@dataclass(frozen=True)
class TaskSwitch:
    """A difference in the rows of some tasks: how the reference has them."""

    name: str
    tasks: tuple[str, ...]
    reference: Callable[[Task], Task]


@dataclass(frozen=True)
class RunSwitch:
    """A difference in how some runs train; `concerns` tells which, by their method and their task's kind."""

    name: str
    concerns: Callable[[Method, str], bool]


def _selected_on_test(task: Task) -> Task:
    assert isinstance(task.source, HubSource)
    return task.model_copy(update={"source": task.source.model_copy(update={"validation": task.source.test})})


TASK_SWITCHES = (
    # The best epoch on ReCoRD is chosen on the very rows that are then reported.
    TaskSwitch("record_selected_on_test", ("record",), _selected_on_test),
    # Rows of one paragraph stand on both sides of the split.
    TaskSwitch("multirc_cut_by_row", ("multirc",), lambda task: task.model_copy(update={"groups": None})),
    # The second text in the case of the hub's first release, not in that of the first text; the same token is marked.
    TaskSwitch("wsc_unrepaired", ("wsc",), lambda task: _with_config(task, "wsc")),
    # The label set is whatever the training rows carry.
    TaskSwitch(
        "humset_labels_as_seen",
        ("sectors", "pillars_1d", "pillars_2d", "subpillars_1d", "subpillars_2d"),
        lambda task: task.model_copy(update={"labels": None}),
    ),
)


def _with_config(task: Task, config: str) -> Task:
    return task.model_copy(update={"source": task.source.model_copy(update={"config": config})})


RUN_SWITCHES = (
    # Stage 2 reads multiple choice through a pooler that nothing trained, and one layer.
    RunSwitch("copa_pooled_head", lambda method, kind: method.family == "two_stage" and kind == "multiple_choice"),
    # What layers share is not saved with the best epoch: its head is combined with the last epoch's coefficients.
    RunSwitch("shared_of_last_epoch", lambda method, kind: bool(getattr(method, "shared", False))),
    # Regularisers are added after the step, unscaled, which in half precision is as good as not at all.
    RunSwitch("regulariser_off", lambda method, kind: method.regularised),
)

# The reference composes adapters of seed 0 whatever the run's seed; `source_seed` may differ only when corrected.
SOURCE_SEED = 0


def task_under(protocol: Protocol, name: str, task: Task) -> Task:
    """Return the task as the protocol has it."""
    if protocol == "reference":
        for switch in TASK_SWITCHES:
            if name in switch.tasks:
                task = switch.reference(task)
    return task


def run_switches(protocol: Protocol, method: Method, kind: str) -> tuple[str, ...]:
    """Return the names of the switches that are on in a run of this method on a task of this kind."""
    if protocol == "corrected":
        return ()
    return tuple(switch.name for switch in RUN_SWITCHES if switch.concerns(method, kind))
