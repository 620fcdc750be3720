"""Parsers for options that hold JSON, names or KEY=VALUE pairs. Each raises a UserError that names the option."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from scalearn.campaign.campaign_file import read_campaign_file
from scalearn.errors import UserError, nearest

if TYPE_CHECKING:
    from scalearn.campaign.compute import Compute
    from scalearn.campaign.plan import Campaign
    from scalearn.campaign.spec import RunSpec
    from scalearn.results.layout import Layout


def whole_number(least: int, most: float = math.inf) -> Callable[[str], int]:
    """Return a typer parser for whole numbers from `least` to `most`."""
    wanted = f"a whole number of at least {least}" if most == math.inf else f"a whole number from {least} to {most}"

    def parse(text: str) -> int:
        if re.fullmatch(r"[+-]?[0-9]{1,18}", str(text)) and least <= int(text) <= most:
            return int(text)
        raise typer.BadParameter(f"{wanted} is expected, found '{text}'")

    return parse


def json_object(option: str, text: str) -> dict[str, Any]:
    """Return the JSON object in `text`."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{option}: not readable as JSON ({error}); put it in single quotes, for example '{{\"key\": 1}}'"
        ) from None
    if not isinstance(content, dict):
        raise UserError(f"{option}: a JSON object is expected, for example '{{\"key\": 1}}'")
    return content


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def valid(what: str, kind: Any, content: Any) -> Any:
    """Return `content` validated as `kind`. what: the option or argument that a UserError names."""
    from pydantic import TypeAdapter, ValidationError

    from scalearn.validation import complaint

    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        raise UserError(f"{what}: {complaint(error, kind, content)}") from None


def hyper_parameters(method: str, changed: str) -> dict[str, bool | int | float]:
    """Return the hyper-parameters that the option `--hyperparameters` sets for a method."""
    from scalearn.methods import METHODS

    if method not in METHODS:
        raise UserError(f"--method: unknown method '{method}'{nearest(method, METHODS)}")
    values = valid("--hyperparameters", METHODS[method].hyperparameters, json_object("--hyperparameters", changed))
    changes: dict[str, bool | int | float] = values.model_dump(exclude_unset=True)
    return changes


def run_spec(text: str) -> RunSpec:
    """Return the RunSpec in `text`: JSON, or the name of a JSON file."""
    from scalearn.campaign.spec import RunSpec

    if not text.lstrip().startswith("{"):
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            if not _is_json(text):
                raise UserError(f"--spec {text}: neither JSON nor a readable file ({error}); mend the path") from None
    spec: RunSpec = valid("--spec", RunSpec, json_object("--spec", text))
    return spec


def states_kind(text: str, task: str) -> bool:
    """Tell whether a campaign states the `kind` of a task.

    text: a campaign file's name, or its content as JSON, or nothing.
    """
    if not text:
        return False
    content = json_object("--campaign", text) if text.lstrip().startswith("{") else read_campaign_file(Path(text))
    return "kind" in (content.get("tasks") or {}).get(task, {})


def campaign_of(text: str) -> Campaign:
    """Return the campaign of a campaign file's name, or of its content as JSON."""
    from scalearn.campaign.plan import Campaign

    if text.lstrip().startswith("{"):
        return Campaign.parse(json_object("--campaign", text), "--campaign")
    return Campaign.read(Path(text))


def layouts(text: str, *benchmarks: str) -> list[Layout]:
    """Return the table layouts of these benchmarks, or of all. text: as `campaign_of` takes it."""
    from scalearn.results.layout import Layout

    campaign = campaign_of(text)
    for benchmark in benchmarks:
        if benchmark not in campaign.benchmarks:
            raise UserError(f"--benchmark: unknown name '{benchmark}'{nearest(benchmark, campaign.benchmarks)}")
    names = benchmarks or tuple(campaign.benchmarks)
    return [Layout.model_validate(campaign.layout(benchmark)) for benchmark in names]


def protocol_differences(names: list[str]) -> tuple[str, ...]:
    """Return the names of protocol differences. Raises UserError if one is unknown."""
    from scalearn.campaign.protocol import RUN_DIFFERENCES

    known = [difference.name for difference in RUN_DIFFERENCES]
    for name in names:
        if name not in known:
            raise UserError(f"--difference: unknown name '{name}'{nearest(name, known)}")
    return tuple(names)


def how_to_compute(words: list[str]) -> Compute:
    """Return the `compute` settings of options such as `precision=bf16`."""
    from scalearn.campaign.compute import Compute

    values: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key in values:
            raise UserError(f"--compute: '{word}' is not KEY=VALUE, or gives its key twice; give each key once")
        if key not in Compute.model_fields:
            raise UserError(f"--compute: unknown key '{key}'{nearest(key, Compute.model_fields)}")
        values[key] = value
    compute: Compute = valid("--compute", Compute, values)
    return compute
