"""The two protocols: what differs, for whom, and that each difference is documented."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from scalearn.campaign.plan import Campaign
from scalearn.campaign.protocol import RUN_SWITCHES
from scalearn.campaign.variants import Variant
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.tasks import TASKS
from scalearn.tasks.protocol import TASK_DIFFERENCES
from tests.places import ROOT

PAPER = yaml.safe_load((ROOT / "config.yaml").read_text())


def campaign(**changes: Any) -> Campaign:
    return Campaign.parse({**PAPER, **changes})


CORRECTED, REFERENCE = campaign(), campaign(protocol="reference")


def test_corrected_is_the_default_and_changes_nothing() -> None:
    assert campaign(protocol="corrected").layout("glue") == CORRECTED.layout("glue")
    assert {name: task for name, task in CORRECTED.tasks.items() if task != TASKS[name]} == {}
    assert {reference(method, task, of=CORRECTED) for method in METHODS for task in CORRECTED.tasks} == {()}


def test_only_the_tasks_that_a_switch_names_have_other_rows() -> None:
    differing = {name for name in CORRECTED.tasks if CORRECTED.definition(name) != REFERENCE.definition(name)}
    assert differing == {task for switch in TASK_DIFFERENCES for task in switch.tasks}


def test_rows_of_the_reference() -> None:
    record = REFERENCE.tasks["record"].source
    assert record.validation == record.test == "validation"  # type: ignore[union-attr]
    assert CORRECTED.tasks["record"].source.validation is None  # type: ignore[union-attr]
    assert (CORRECTED.tasks["multirc"].groups, REFERENCE.tasks["multirc"].groups) == ("paragraph", None)
    assert REFERENCE.tasks["sectors"].labels is None


def reference(said: str, *tasks: str, of: Campaign = REFERENCE) -> tuple[str, ...]:
    """The switches that are on in a run of the method, with a setting as `key=value` behind its name."""
    name, _, setting = said.partition(" ")
    method, (key, _, value) = METHODS[name], setting.partition("=")
    values = method.defaults.but(**({key: float(value)} if key else {}))
    return of.switches(method, values, *tasks)


@pytest.mark.parametrize(
    ("method", "task", "switches"),
    [
        ("adapter", "copa", ()),
        ("scalearn", "rte", ()),
        ("scalearn", "copa", ("copa_pooled_head",)),
        ("scalearn_pp", "copa", ("copa_pooled_head", "shared_omega_of_last_epoch")),
        ("scalearn_uniform_pp", "cb", ("shared_omega_of_last_epoch",)),
        ("adapter_fusion", "rte", ("regulariser_off",)),
        ("scalearn omega_penalty=0.1", "rte", ("regulariser_off",)),
        ("compacter", "rte", ("phm_rule_of_last_epoch",)),
        ("ia3", "copa", ("ia3_before_activation",)),
        ("propetl", "rte", ("propetl_frozen_masks",)),
        ("scalearn omega_scale=3", "rte", ("c3_is_c2",)),
        ("full_finetuning", "copa", ("copa_pooled_head",)),
        ("full_finetuning", "rte", ()),
    ],
)
def test_runs_of_the_reference(method: str, task: str, switches: tuple[str, ...]) -> None:
    assert reference(method, task) == switches


@pytest.mark.parametrize(
    ("method", "switches"),
    [
        ("full_finetuning_m", {"copa_pooled_head"}),
        ("adapter_m", {"copa_one_layer_head"}),
        ("propetl_m", {"copa_pooled_head", "propetl_m_tied_masks"}),
        ("hyperformer_pp", {"copa_pooled_head"}),
    ],
)
def test_joint_runs_of_the_reference(method: str, switches: set[str]) -> None:
    every = {"joint_sampler_seed"}
    superglue = {"joint_wic_first_sentence", "joint_record_not_selected", "joint_record_first_rows"}
    tasks = REFERENCE.joint_tasks("superglue")
    assert set(reference(method, *tasks)) == every | superglue | switches
    here = switches - {"copa_pooled_head", "copa_one_layer_head"}
    assert set(reference(method, *REFERENCE.joint_tasks("glue"))) == every | here
    assert reference(method, *tasks, of=CORRECTED) == ()


def test_a_task_of_the_campaign_s_own_is_nobody_s_to_change() -> None:
    mine = {"source": {"kind": "files", "train": "a.csv"}, "groups": "paragraph"}
    own = campaign(protocol="reference", tasks={"multirc": mine})
    assert own.tasks["multirc"].groups == "paragraph"


def test_adapter_fusion_trains_longer_on_the_record_of_the_pooled_benchmark() -> None:
    """30 epochs in the reference's script; all other runs of stage 2 have 3."""
    pooled = {"everything": PAPER["benchmarks"]["gsg"], "most": [t for t in PAPER["benchmarks"]["gsg"] if t != "qqp"]}
    reference, corrected = (campaign(protocol=name, benchmarks=pooled) for name in ("reference", "corrected"))

    def epochs(campaign: Campaign, *names: str) -> int | float:
        return campaign.hyperparameters(*names).epochs

    assert epochs(reference, "adapter_fusion", "everything", "record") == 30
    assert epochs(reference, "adapter_fusion", "everything", "rte") == 30
    assert epochs(reference, "adapter_fusion", "most", "record") == 3
    assert epochs(reference, "scalearn", "everything", "record") == 3
    assert epochs(corrected, "adapter_fusion", "everything", "record") == 3
    own = campaign(protocol="reference", benchmarks=pooled, tasks={"qqp": {"source": {"kind": "rule"}}})
    assert epochs(own, "adapter_fusion", "everything", "record") == 3  # not the pooled benchmark
    less = campaign(protocol="reference", benchmarks=pooled, hyperparameters={"all": {"epochs": 2}})
    assert epochs(less, "adapter_fusion", "everything", "record") == 2


def test_frozen_masks_raise_the_version_of_the_reference_s_runs_alone() -> None:
    frozen = campaign(hyperparameters={"propetl": {"mask_learning_rate": 0}})

    def version(of: Campaign, method: str) -> int:
        return of.run("glue", Variant.plain(method), "rte", 0).versions["method"]

    assert [version(which, "propetl") for which in (CORRECTED, REFERENCE, frozen)] == [3, 4, 4]
    for method in set(METHODS) - {"propetl"}:
        assert version(REFERENCE, method) == METHODS[method].version


def test_the_reference_composes_seed_zero() -> None:
    with pytest.raises(UserError, match=r"source_seed: the reference protocol composes adapters of seed 0"):
        campaign(protocol="reference", source_seed=1)


def test_every_switch_is_documented_and_every_documented_one_exists() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    named = set(re.findall(r"^- `(\w+)`", text, re.MULTILINE))
    assert named == {switch.name for switch in (*TASK_DIFFERENCES, *RUN_SWITCHES)}
