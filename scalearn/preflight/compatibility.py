"""Checking that encoders, methods and hyper-parameters fit together, from the config and local config.json files.

Without these checks, a training would fail, sometimes after hours: source adapters meet only in stage 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scalearn.campaign.config import FolderModel
from scalearn.campaign.plan import Campaign
from scalearn.campaign.protocol import RUN_DIFFERENCES
from scalearn.encoders.architectures import Architecture, architecture_of
from scalearn.encoders.folder import CONFIG
from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.methods import METHODS
from scalearn.methods.adapter import bottleneck
from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import Bottleneck, Composing, HyperParameters
from scalearn.storage.files import read_json

POOLED = {difference.name for difference in RUN_DIFFERENCES if difference.pooled_head}


def check_compatible(campaign: Campaign, origin: str) -> None:
    """Check that every run can compose its source adapters and install its method on its encoder.

    Args:
        origin: the config file, for messages.

    Raises: UserError about the first run that cannot.
    """
    for benchmark in campaign.benchmarks:
        composing = [method for method in campaign.methods if method.family == "two_stage"]
        if composing:
            _check_widths(campaign, benchmark, origin)
        for method in composing:
            _check_sources_left(campaign, benchmark, method, origin)
    local = {
        campaign.model_key(name): _local(local_path(source.path))
        for name, source in campaign.models.items()
        if isinstance(source, FolderModel)
    }
    runs = {(run.model, run.variant, run.switches): run for run in campaign.trainings.values()}
    for run in runs.values():
        architecture, hidden = local.get(run.model, (None, None))
        _check_values(METHODS[run.method], run.values, hidden, origin)
        if architecture is not None and not architecture.pooler and POOLED & set(run.switches):
            raise UserError(
                f"{origin}: protocol: the reference protocol needs the encoder's pooler for multiple choice, but "
                f"'{campaign.model_names[run.model]}' has none; set `protocol: corrected`, or choose another model"
            )


def _check_widths(campaign: Campaign, benchmark: str, origin: str) -> None:
    """Refuse source adapters of different widths."""
    sources = {campaign.task_names[run.task]: run.values for run in campaign.source_runs(benchmark, 0)}
    factors = {task: values.reduction_factor for task, values in sources.items() if isinstance(values, Bottleneck)}
    tasks = list(sources)
    for task in tasks[1:]:
        if factors[task] != factors[tasks[0]]:
            raise UserError(
                f"{origin}: benchmarks.{benchmark}: source adapters of '{tasks[0]}' (reduction_factor "
                f"{factors[tasks[0]]}) and '{task}' (reduction_factor {factors[task]}) cannot be composed: "
                "set the same reduction_factor for both"
            )


def _check_sources_left(campaign: Campaign, benchmark: str, method: Method, origin: str) -> None:
    """Refuse a target task that leaves out its own adapter if there is no other source adapter."""
    sources = set(campaign.sources(benchmark))
    for task in campaign.joint_tasks(benchmark):
        values = campaign.hyperparameters(method.name, benchmark, task)
        if sources == {task} and isinstance(values, Composing) and not values.include_target:
            raise UserError(
                f"{origin}: benchmarks.{benchmark}: the target '{task}' is the only source; "
                "set include_target to true, or add sources"
            )


def _check_values(method: Method, values: HyperParameters, hidden: int | None, origin: str) -> None:
    try:
        method.check(values, hidden)
        if hidden is not None and isinstance(values, Bottleneck):
            bottleneck(hidden, values)
    except UserError as error:
        raise UserError(f"{origin}: {error}") from None


def _local(folder: Path) -> tuple[Architecture | None, int | None]:
    """Return the architecture and hidden size of the encoder in a local folder; (None, None) if it cannot be trained.

    Such an encoder only compares texts (adapter_soup).
    """
    config: Mapping[str, object] = read_json(folder / CONFIG)
    try:
        architecture = architecture_of(str(folder), config.get("model_type"))
    except UserError:
        return None, None
    hidden = config.get(architecture.width)
    return architecture, hidden if isinstance(hidden, int) else None
