"""How the reference protocol trains differently: one entry for each protocol difference.

The reference protocol repeats the paper's released code, to reproduce its published numbers. The corrected protocol,
the default, has none of these differences. A campaign selects one with its key `protocol`. This module lists the
differences in how runs train; scalearn.tasks.protocol lists those in the rows of tasks. docs/protocol.md explains each
one and what it does to scores. Pure data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.tasks.protocol import Protocol


@dataclass(frozen=True)
class RunDifference:
    """A protocol difference in how some runs train.

    name: what specs, records and `--difference` call it.
    concerns: returns whether a run has the difference, given its method, its hyper-parameters and one of its tasks. The
        task is the name of a built-in task, or None for a task of the user's own. A joint run has the difference if it
        has it for any of its tasks.
    fields: fields of the method and their values under the reference protocol.
    values: hyper-parameters and their values under the reference protocol; those that the method lacks are ignored.
    last_epoch: returns whether the trained tensor of this name keeps its values of the last epoch when the other
        tensors return to the best one.
    pooled_head: whether the head reads the encoder's pooler (scalearn.training.engine.model.add_head).
    joint: fields of `Joint` and their values under the reference protocol.
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
    """How joint runs treat some built-in tasks; the defaults are the corrected protocol's.

    first_text: tasks of which the model reads only the first text.
    unselected: tasks whose validation scores do not count when the best round is chosen.
    first_rows: whether ReCoRD's `record_rows` are the first rows of its file instead of a random sample.
    sampler_seed: the seed of the order of batches; None: the run's seed.
    pooled: tasks whose head reads the encoder's pooler (scalearn.training.engine.model.add_head).
    one_layer: tasks whose head has one layer instead of two.
    """

    first_text: tuple[str, ...] = ()
    unselected: tuple[str, ...] = ()
    first_rows: bool = False
    sampler_seed: int | None = None
    pooled: tuple[str, ...] = ()
    one_layer: tuple[str, ...] = ()


POOLED = ("full_finetuning", "full_finetuning_m", "propetl_m", "hyperformer", "hyperformer_pp")

C3 = 3.0  # `omega_scale` of the ablation whose omega starts at 3 / S, for S sources

RUN_DIFFERENCES = (
    # Some methods classify COPA with one layer on the encoder's pooler. In stage 2 the pooler is not trained.
    RunDifference(
        "copa_pooled_head",
        lambda method, values, task: task == "copa" and (method.family == "two_stage" or method.name in POOLED),
        pooled_head=True,
        joint={"pooled": ("copa",)},
    ),
    RunDifference(
        "copa_one_layer_head",
        lambda method, values, task: task == "copa" and method.name == "adapter_m",
        joint={"one_layer": ("copa",)},
    ),
    # Checkpoints lack the tensors that layers share. The best epoch's other tensors are therefore combined with the
    # shared tensors of the last epoch.
    RunDifference(
        "shared_omega_of_last_epoch",
        lambda method, values, task: method.family == "two_stage" and bool(getattr(method, "shared", False)),
        last_epoch=lambda name: not name.startswith("heads."),
    ),
    RunDifference(
        "phm_rule_of_last_epoch",
        lambda method, values, task: method.name == "compacter",
        last_epoch=lambda name: "phm_rule" in name,
    ),
    # The gradients of regularisers are added after the optimiser's step and unscaled. In half precision they then have
    # next to no effect.
    RunDifference(
        "regulariser_off",
        lambda method, values, task: method.regularises(values),
        fields={"regularised": False},
        values={"omega_penalty": 0.0},
    ),
    # (IA)3 scales the feed-forward layer's values before the activation, not after it.
    RunDifference(
        "ia3_before_activation", lambda method, values, task: method.name == "ia3", fields={"before_activation": True}
    ),
    # The scores behind the masks get no gradient.
    RunDifference(
        "propetl_frozen_masks",
        lambda method, values, task: method.name == "propetl",
        values={"mask_learning_rate": 0.0},
    ),
    # The joint code's table of input fields lacks WiC's second sentence.
    RunDifference(
        "joint_wic_first_sentence",
        lambda method, values, task: method.family == "joint" and task == "wic",
        joint={"first_text": ("wic",)},
    ),
    # ReCoRD trains on the first rows of its file only, and its score does not count when the best round is chosen.
    RunDifference(
        "joint_record_not_selected",
        lambda method, values, task: method.family == "joint" and task == "record",
        joint={"unselected": ("record",)},
    ),
    RunDifference(
        "joint_record_first_rows",
        lambda method, values, task: method.family == "joint" and task == "record",
        joint={"first_rows": True},
    ),
    # The order of batches has a fixed seed, so that runs of all seeds see the same batches.
    RunDifference(
        "joint_sampler_seed", lambda method, values, task: method.family == "joint", joint={"sampler_seed": 0}
    ),
    # All tasks share the first layer's masks, namely those of the last task.
    RunDifference(
        "propetl_m_tied_masks", lambda method, values, task: method.name == "propetl_m", fields={"tied": True}
    ),
    # Only three texts represent the target task, but thousands represent each source task.
    RunDifference(
        "soup_three_target_rows",
        lambda method, values, task: method.name == "adapter_soup",
        fields={"similarity": "first_three"},
    ),
    # The ablation whose omega should start at 3 / S starts at 2 / S.
    RunDifference(
        "c3_is_c2",
        lambda method, values, task: method.name == "scalearn" and getattr(values, "omega_scale", 0) == C3,
        values={"omega_scale": 2.0},
    ),
)

# The reference composes the adapters of seed 0 in runs of every seed. Only the corrected protocol allows another
# `source_seed`.
SOURCE_SEED = 0


def run_differences(
    protocol: Protocol, method: Method, values: HyperParameters, tasks: Iterable[str | None]
) -> tuple[str, ...]:
    """Return the names of the differences that apply to a run of this method with these hyper-parameters.

    protocol: the campaign's; the corrected protocol has no differences.
    tasks: the tasks that the run learns: the name of each built-in task, None for each task of the user's own.
    """
    if protocol == "corrected":
        return ()
    names = list(tasks)
    return tuple(
        difference.name
        for difference in RUN_DIFFERENCES
        if any(difference.concerns(method, values, name) for name in names)
    )


def differences_named(names: Collection[str]) -> list[RunDifference]:
    """Return the differences of these names, in the order in which they are applied."""
    return [difference for difference in RUN_DIFFERENCES if difference.name in names]


def learner(
    method: Method, values: HyperParameters, differences: Iterable[RunDifference]
) -> tuple[Method, HyperParameters]:
    """Return the method and its hyper-parameters as these differences change them."""
    for difference in differences:
        changes = {key: value for key, value in difference.values.items() if key in type(values).model_fields}
        method, values = replace(method, **difference.fields), values.but(**changes)
    return method, values
