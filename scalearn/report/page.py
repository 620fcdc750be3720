"""The page of a campaign: what is on it, and its HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scalearn.campaign.plan import Campaign
from scalearn.figures.script import drawing_script
from scalearn.report.section import Section, section
from scalearn.results.layout import Layout
from scalearn.results.records import Part, ScoreRecord
from scalearn.results.scored import current_scores
from scalearn.storage.files import check_replaced, whole_file

PARTS = Path(__file__).parent / "parts"  # the template, the style, and the page's scripts
MARK = b"scalearn report"


@dataclass(frozen=True)
class Page:
    """All that the page shows. facts, provenance: (what, text)."""

    title: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    provenance: tuple[tuple[str, str], ...]
    config: str


def write_report(campaign: Campaign, runs: Path, logs: Path, output: Path, threads: int | None = None) -> None:
    """Write a campaign as one HTML page that needs no other file and no network.

    Runs without a score are scored first. What is missing is shown as missing. Equal inputs make equal bytes.

    Args:
        runs: The folder of all runs.
        logs: The folder of the logs of trainings.
        threads: How many runs are scored in parallel.
    """
    check_replaced(output, MARK, "report")
    text = html(page(campaign, runs, logs, threads))
    with whole_file(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"{output}: {len(text.encode()) / 2**20:.1f} MiB")


def page(campaign: Campaign, runs: Path, logs: Path, threads: int | None = None) -> Page:
    """Return what the page of a campaign shows. Arguments: see write_report."""
    layouts = [Layout.model_validate(campaign.layout(name)) for name in campaign.benchmarks]
    records = current_scores(layouts, runs, threads)
    sections = [
        section(_anchor(layout, place), layout, records, runs, logs, _departures(campaign, layout.benchmark))
        for place, layout in enumerate(layouts)
    ]
    content = campaign.config.model_dump(mode="json", exclude_unset=True)
    config = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    title = ", ".join(campaign.benchmarks)
    return Page(title, tuple(_facts(campaign, records)), tuple(sections), tuple(_provenance(records)), config)


def _anchor(layout: Layout, place: int) -> str:
    """Return an anchor that no other benchmark has, also where two names differ only in signs."""
    name = re.sub(r"[^a-z0-9]", "-", layout.benchmark, flags=re.IGNORECASE)
    return name if name == layout.benchmark else f"{name}-{place}"


def _departures(campaign: Campaign, benchmark: str) -> Sequence[str] | None:
    return None if campaign.not_compared(benchmark) is not None else campaign.departures(benchmark)


def _facts(campaign: Campaign, records: Mapping[Part, ScoreRecord]) -> list[tuple[str, str]]:
    """Return the campaign in words."""
    config = campaign.config
    seeds = ", ".join(map(str, config.seeds))
    fewer = "; ".join(f"{task}: {', '.join(map(str, seeds))}" for task, seeds in config.task_seeds.items())
    sources = "each run's own seed" if config.source_seed == "paired" else f"seed {config.source_seed} for all runs"
    runs = {run.path for name in campaign.benchmarks for run in campaign.runs(name)}
    finished = {part.run for part in records}
    return [
        ("Encoder", ", ".join(dict.fromkeys(campaign.model(name) for name in campaign.benchmarks))),
        ("Protocol", config.protocol),
        ("Benchmarks", "; ".join(f"{name}: {', '.join(entry.tasks)}" for name, entry in campaign.benchmarks.items())),
        ("Rows", ", ".join(row.title for row in campaign.rows)),
        ("Seeds", seeds + (f" ({fewer})" if fewer else "")),
        ("Source adapters", sources),
        ("Baseline row", campaign.baseline or "none"),
        ("Runs", f"{len(finished & runs)} of {len(runs)} finished"),
    ]


def _provenance(records: Mapping[Part, ScoreRecord]) -> list[tuple[str, str]]:
    """Return the versions, the devices and the checksums of the inputs, each once."""
    versions, computed, inputs = set(), set(), set()
    for record in records.values():
        provenance = record.provenance
        versions.add(_words(provenance.versions))
        computed |= {_words(entry) for entry in provenance.computed}
        inputs |= {("Encoder", json.dumps(encoder)) for encoder in provenance.inputs.get("model") or ()}
        task = {name: sha for name, sha in provenance.sha256.items() if name.startswith("task/")}
        inputs.add((f"Task {record.identity.task}", _words(task)))
    return [
        *(("Versions", entry) for entry in sorted(versions)),
        *(("Computed", entry) for entry in sorted(computed)),
        *((name, f"SHA-256 {text.strip(chr(34))}") for name, text in sorted(inputs) if text),
    ]


def _words(content: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(content.items()))


# ---------------------------------------------------------------------- HTML


def html(content: Page) -> str:
    """Return the page as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(autoescape=True, undefined=StrictUndefined, loader=FileSystemLoader(PARTS))
    templates.trim_blocks = templates.lstrip_blocks = True
    specifications = {figure.key: figure.specification for part in content.sections for figure in part.figures}
    return templates.get_template("page.html.j2").render(
        page=content,
        style=_part("page.css"),
        sorter=_script(_part("sortable.min.js")),
        vega=_script(drawing_script()) if specifications else "",
        script=_script(_part("page.js")),
        specifications=json.dumps(specifications, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c"),
    )


def _part(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def _script(text: str) -> str:
    """Return a text that can stand in a script element: nothing in it ends the element or begins a comment."""
    return re.sub(r"<(?=/script|!--)", r"<\\", text, flags=re.IGNORECASE)
