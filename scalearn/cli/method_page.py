"""The page that `scalearn methods NAME` prints: formula, parameters, and every hyper-parameter with its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from scalearn.campaign import hyperparameters
from scalearn.errors import UserError, nearest
from scalearn.methods import METHODS

FAMILIES = {
    "single": "learns one task alone",
    "joint": "learns all tasks of a benchmark in one model",
    "two_stage": "composes the adapters of source tasks",
}
KINDS = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}


def check_name(name: str) -> None:
    """Raise UserError if there is no method of this name."""
    if name not in METHODS:
        raise UserError(f"NAME: unknown method '{name}'{nearest(name, METHODS)}")


def page(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a method's page. row: the method's row of `method_list.catalogue`."""
    method = METHODS[row["method"]]
    about = method.hyperparameters.model_json_schema()["properties"]
    return {
        **{key: value for key, value in row.items() if key not in ("defaults", "hyperparameters")},
        "formula": method.formula,
        "hyperparameters": {
            key: {
                "value": row["hyperparameters"][key],
                "default": default,
                "bounds": _bounds(about[key]),
                "meaning": about[key].get("description", ""),
                "paper": {
                    task: changes[key] for task, changes in hyperparameters.exceptions(method).items() if key in changes
                },
            }
            for key, default in row["defaults"].items()
        },
    }


def as_text(content: Mapping[str, Any]) -> Group:
    """Return the page as text for the terminal."""
    count = f"{content['trainable_parameters']:,} trainable parameters"
    shared = "all tasks share them" if content["shared_by_tasks"] else "for each task"
    head = Table.grid(padding=(0, 2))
    head.add_row("family", f"{content['family']}: {FAMILIES[content['family']]}")
    head.add_row("citation", content["citation"])
    if content["formula"]:
        head.add_row("formula", Text(content["formula"]))
    head.add_row("trains", f"{count}, heads not counted; {shared}")
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("hyper-parameter", "default", "may be", "meaning"):
        table.add_column(column, justify="right" if column == "default" else "left", no_wrap=column != "meaning")
    for key, one in content["hyperparameters"].items():
        table.add_row(key, _text(one["default"]), one["bounds"], f"{one['meaning']}{_exceptions(one)}")
    title = Text(f"{content['title']} ({content['method']})", style="bold")
    return Group(title, head, "", table)


def _bounds(about: Mapping[str, Any]) -> str:
    least, most = about.get("minimum"), about.get("maximum")
    kind = KINDS.get(about.get("type", ""), "")
    if most is not None:
        return f"{kind} from {least:g} to {most:g}"
    return kind if least is None else f"{kind} of at least {least:g}"


def _exceptions(one: Mapping[str, Any]) -> str:
    """Return the campaign's value, if it is not the default, and the paper's values for single tasks."""
    campaign_value = [f"; this campaign: {_text(one['value'])}"] if one["value"] != one["default"] else []
    tasks: dict[str, list[str]] = {}
    for task, value in one["paper"].items():
        tasks.setdefault(_text(value), []).append(task)
    return "".join([*campaign_value, *(f"; {value} on {', '.join(names)}" for value, names in tasks.items())])


def _text(value: bool | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else f"{value}"
