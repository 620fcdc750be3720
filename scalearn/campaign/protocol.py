"""Where the paper's released code and a correct implementation differ: one switch per difference.

A campaign's `protocol` sets them: `corrected`, the default, leaves each one off; `reference` turns each one on, to
reproduce published numbers. docs/protocol.md says of each what it does to scores. Here is what differs in trainings;
scalearn.tasks.protocol has what differs in rows. Pure data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.tasks.protocol import Protocol


@dataclass(frozen=True)
class RunSwitch:
    """A difference in how some runs train.

    concerns: tells which runs, by their method, their hyper-parameters and the name of their task (of a joint run: of
    any of them), which is None for a task of the user's own, whatever it is called. What is different in them: fields:
    of the method; values: of its hyper-parameters, those that it has; last_epoch: the trained tensors, by name, that
    stay as the last epoch left them where the best one is restored; pooled_head: see add_head in
    scalearn.training.engine.model; joint: of the Joint below.
    """

    name: str
    concerns: Callable[[Method, HyperParameters, str | None], bool]
    fields: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    last_epoch: Callable[[str], bool] = lambda name: False
    pooled_head: bool = False
    joint: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Joint:
    """How joint runs go about some of the built-in tasks.

    first_text: tasks of which only the first text is read; unselected: tasks that have no say in which round is the
    best; first_rows: ReCoRD's `record_rows` are the first of the file, not drawn; sampler_seed: of the batches, if not
    the run's; pooled and one_layer: tasks whose heads have less than others' (scalearn.training.engine.model.add_head).
    """

    first_text: tuple[str, ...] = ()
    unselected: tuple[str, ...] = ()
    first_rows: bool = False
    sampler_seed: int | None = None
    pooled: tuple[str, ...] = ()
    one_layer: tuple[str, ...] = ()


POOLED = ("full_finetuning", "full_finetuning_m", "propetl_m", "hyperformer", "hyperformer_pp")

C3 = 3.0  # the `omega_scale` of one ablation

RUN_SWITCHES = (
    # Some methods read COPA through the pooler, which in stage 2 nothing trains, and one layer.
    RunSwitch(
        "copa_pooled_head",
        lambda method, values, task: task == "copa" and (method.family == "two_stage" or method.name in POOLED),
        pooled_head=True,
        joint={"pooled": ("copa",)},
    ),
    RunSwitch(
        "copa_one_layer_head",
        lambda method, values, task: task == "copa" and method.name == "adapter_m",
        joint={"one_layer": ("copa",)},
    ),
    # What layers share is not saved with the best epoch: its other tensors meet the last epoch's shared ones.
    RunSwitch(
        "shared_omega_of_last_epoch",
        lambda method, values, task: method.family == "two_stage" and bool(getattr(method, "shared", False)),
        last_epoch=lambda name: not name.startswith("heads."),
    ),
    RunSwitch(
        "phm_rule_of_last_epoch",
        lambda method, values, task: method.name == "compacter",
        last_epoch=lambda name: "phm_rule" in name,
    ),
    # Regularisers are added after the step, unscaled, which in half precision is as good as not at all.
    RunSwitch(
        "regulariser_off",
        lambda method, values, task: method.regularises(values),
        fields={"regularised": False},
        values={"omega_penalty": 0.0},
    ),
    # The scale of the FFN stands inside its activation.
    RunSwitch(
        "ia3_before_activation", lambda method, values, task: method.name == "ia3", fields={"before_activation": True}
    ),
    # Scores of masks get no gradient.
    RunSwitch(
        "propetl_frozen_masks",
        lambda method, values, task: method.name == "propetl",
        values={"mask_learning_rate": 0.0},
    ),
    # One table of fields lacks WiC's second sentence.
    RunSwitch(
        "joint_wic_first_sentence",
        lambda method, values, task: method.family == "joint" and task == "wic",
        joint={"first_text": ("wic",)},
    ),
    # ReCoRD trains, from the first rows of its file alone, and does not help to choose the best round.
    RunSwitch(
        "joint_record_not_selected",
        lambda method, values, task: method.family == "joint" and task == "record",
        joint={"unselected": ("record",)},
    ),
    RunSwitch(
        "joint_record_first_rows",
        lambda method, values, task: method.family == "joint" and task == "record",
        joint={"first_rows": True},
    ),
    # All seeds see the same batches.
    RunSwitch("joint_sampler_seed", lambda method, values, task: method.family == "joint", joint={"sampler_seed": 0}),
    # The first layer's masks are the last task's.
    RunSwitch("propetl_m_tied_masks", lambda method, values, task: method.name == "propetl_m", fields={"tied": True}),
    # Of the target, three texts are compared with the sources' thousands.
    RunSwitch(
        "soup_three_target_rows",
        lambda method, values, task: method.name == "adapter_soup",
        fields={"similarity": "first_three"},
    ),
    # The variant whose omega should start at 3 / S starts at 2 / S.
    RunSwitch(
        "c3_is_c2",
        lambda method, values, task: method.name == "scalearn" and getattr(values, "omega_scale", 0) == C3,
        values={"omega_scale": 2.0},
    ),
)

# The reference composes adapters of seed 0 whatever the run's seed; `source_seed` may differ only when corrected.
SOURCE_SEED = 0


def run_switches(
    protocol: Protocol, method: Method, values: HyperParameters, tasks: Iterable[str | None]
) -> tuple[str, ...]:
    """Return the names of the switches that are on in a run of this method with these values on these tasks.

    tasks: the names of built-in tasks, None for each of the user's own.
    """
    if protocol == "corrected":
        return ()
    concerned = list(tasks)
    return tuple(
        switch.name for switch in RUN_SWITCHES if any(switch.concerns(method, values, task) for task in concerned)
    )


def named(switches: Iterable[str]) -> list[RunSwitch]:
    """Return the switches of these names, in the order in which they take effect."""
    names = set(switches)
    return [switch for switch in RUN_SWITCHES if switch.name in names]


def learner(method: Method, values: HyperParameters, switches: Iterable[RunSwitch]) -> tuple[Method, HyperParameters]:
    """Return the method and its hyper-parameters with what these switches change in them."""
    for switch in switches:
        known = {key: value for key, value in switch.values.items() if key in type(values).model_fields}
        method, values = replace(method, **switch.fields), values.but(**known)
    return method, values
