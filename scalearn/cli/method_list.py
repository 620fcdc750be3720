"""The list that `scalearn methods` prints: each method with its number of trainable parameters and its defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from scalearn.campaign.config import FolderModel, HubModel
from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import STAGE1
from scalearn.errors import UserError, nearest
from scalearn.fields import local_path
from scalearn.methods import METHODS
from scalearn.methods.adapter import bottleneck
from scalearn.methods.base import Method, Shapes
from scalearn.methods.hyperparameters import Bottleneck
from scalearn.storage.files import read_json

TASKS = 8  # as many as GLUE has

# For each size of an encoder: the command's option, and the keys of config.json that it is the sum of.
SIZES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "layers": ("--layers", ("num_hidden_layers",)),
    "hidden": ("--hidden-size", ("hidden_size",)),
    "intermediate": ("--intermediate-size", ("intermediate_size",)),
    "embeddings": ("--embeddings", ("vocab_size", "max_position_embeddings", "type_vocab_size")),
}
# The sizes of the paper's encoders, known before they are fetched.
ROBERTA = {"layers": 12, "hidden": 768, "intermediate": 3072, "embeddings": 50_780}
XLM_R = {**ROBERTA, "embeddings": 250_517}
KNOWN: Mapping[str, Mapping[str, int]] = {
    "FacebookAI/roberta-base": ROBERTA,
    "roberta-base": ROBERTA,
    "FacebookAI/xlm-roberta-base": XLM_R,
    "xlm-roberta-base": XLM_R,
}


def sizes(campaign: Campaign | None, benchmark: str | None, options: Mapping[str, int | None]) -> Shapes:
    """Return the sizes that parameter counts depend on: the encoder's, and a benchmark's numbers of sources and tasks.

    The encoder is the benchmark's, or else the campaign's, or else RoBERTa-base.

    Args:
        campaign: The campaign, if there is one.
        benchmark: A benchmark of the campaign. Without one there are eight sources and tasks.
        options: Sizes that replace the encoder's, by the keys of SIZES. The feed-forward layer's size follows the
            hidden size if only that is given.

    Raises:
        UserError: If the benchmark is unknown, or a size of the encoder is neither given nor known.
    """
    sources = tasks = TASKS
    if campaign is not None and benchmark is not None:
        if benchmark not in campaign.benchmarks:
            raise UserError(f"--benchmark: unknown name '{benchmark}'{nearest(benchmark, campaign.benchmarks)}")
        sources, tasks = len(campaign.sources(benchmark)), len(campaign.joint_tasks(benchmark))
    values = METHODS[STAGE1].defaults if campaign is None else campaign.hyperparameters(STAGE1, "single", "")
    assert isinstance(values, Bottleneck)
    given = {key: value for key, value in options.items() if value is not None}
    if "hidden" in given:
        given.setdefault("intermediate", 4 * given["hidden"])
    if campaign is None:
        given = {**ROBERTA, **given}
    elif SIZES.keys() - given.keys():
        given = _of_encoder(campaign, campaign.model(benchmark) if benchmark else campaign.config.model, given)
    return Shapes(**given, sources=sources, bottleneck=bottleneck(given["hidden"], values), tasks=tasks)


def _of_encoder(campaign: Campaign, model: str, given: Mapping[str, int]) -> dict[str, int]:
    """Return the sizes of a campaign's encoder, replaced by those given. Raises UserError if one is unknown."""
    source, fetched = campaign.config.models[model], Path("resources/models") / model / "config.json"
    path = (
        local_path(source.path) / "config.json"
        if isinstance(source, FolderModel) and not fetched.is_file()
        else fetched
    )
    if path.is_file():
        known, why = _in_config(path), f"{path}: it does not say how large the encoder '{model}' is; give"
    else:
        known = dict(KNOWN.get(source.repository, {})) if isinstance(source, HubModel) else {}
        why = f"the encoder '{model}' is not here, and only {path} says how large it is; fetch it, or give"
    found = {**known, **given}
    if missing := [option for key, (option, _) in SIZES.items() if key not in found]:
        raise UserError(f"{why} {', '.join(missing)}")
    return found


def _in_config(path: Path) -> dict[str, int]:
    """Return the sizes that a config.json says."""
    content = read_json(path)
    return {
        size: sum(content[key] for key in keys)
        for size, (_, keys) in SIZES.items()
        if all(type(content.get(key)) is int and content[key] > 0 for key in keys)
    }


def catalogue(campaign: Campaign | None, benchmark: str | None, shapes: Shapes) -> list[dict[str, Any]]:
    """Return a row per method: name, title, family, trainable parameters, whether tasks share them, citation, defaults.

    `defaults` are the method's, `hyperparameters` the campaign's values for the benchmark, if there is one.
    """
    return [_row(method, campaign, benchmark, shapes) for method in METHODS.values()]


def _row(method: Method, campaign: Campaign | None, benchmark: str | None, shapes: Shapes) -> dict[str, Any]:
    values = method.defaults
    if campaign is not None:
        group = "single" if method.family == "single" else benchmark or ""
        values = campaign.hyperparameters(method.name, group, "")
    return {
        "method": method.name,
        "title": method.title,
        "family": method.family,
        "trainable_parameters": method.count(shapes, values),
        "shared_by_tasks": method.family == "joint",
        "citation": method.citation,
        "version": method.version,
        "defaults": dict(method.defaults),
        "hyperparameters": dict(values),
    }


def as_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the list as a table for the terminal."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("method", "family", "parameters", "for", "learning rate", "citation"):
        number = column in ("parameters", "learning rate")
        table.add_column(column, justify="right" if number else "left", no_wrap=column != "citation")
    for row in rows:
        count, rate = f"{row['trainable_parameters']:,}", f"{row['hyperparameters']['learning_rate']:g}"
        shared = "all tasks" if row["shared_by_tasks"] else "a task"
        table.add_row(row["method"], row["family"], count, shared, rate, row["citation"])
    return table
