"""Which room may import from which: docs/architecture.md says it, and names only files that are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.places import ROOT

PACKAGE = ROOT / "scalearn"
# The modules at the top are the ground on which all rooms stand; each may import those before it.
NOT_OF_CLI = {"cli", "composing", "data", "statistics"}
GROUND = ["errors", "fields", "validation"]
ARROWS = {
    "storage": set(),
    "machine": set(),
    "methods": set(),
    "tasks": {"storage"},
    "campaign": {"storage", "methods", "tasks"},
    "encoders": {"storage", "campaign"},
    "preflight": {"storage", "methods", "tasks", "campaign", "encoders", "foreign"},
    "training": {"storage", "machine", "methods", "tasks", "campaign", "encoders", "foreign"},
    "data": {"storage", "tasks"},
    "statistics": {"tasks"},
    "results": {"storage", "methods", "tasks", "campaign", "statistics"},
    "figures": {"storage", "campaign", "results", "statistics"},
    "report": {"storage", "campaign", "results", "figures"},
    "workspace": {"storage", "methods", "tasks", "campaign", "encoders", "foreign"},
    "cluster": {"storage", "machine", "methods", "campaign", "preflight", "workspace"},
    "export": {"storage", "methods", "tasks", "campaign", "training", "results"},
    "inference": {"storage", "tasks", "campaign", "training", "results", "export"},
    "foreign": {"storage", "methods", "campaign", "encoders"},
    "composing": {"storage", "methods", "campaign", "foreign", "training", "export"},
    "cli": {
        "storage", "machine", "methods", "tasks", "campaign", "encoders", "preflight", "training", "results",
        "workspace", "cluster", "foreign", "export", "inference", "figures", "report",
    },
}  # fmt: skip


def imported(file: Path) -> Iterator[tuple[str, str]]:
    """Yield every module of the package that a file imports, also within functions, and the name that it takes."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "scalearn":
            for alias in node.names:
                yield node.module, alias.name


def arrows() -> set[tuple[str, str]]:
    """Return every pair of different rooms of which the first imports from the second."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        here = file.relative_to(PACKAGE).parts
        for module, name in imported(file):
            there = [*module.split(".")[1:], name][0]
            if len(here) > 1 and there not in (here[0], *GROUND, "__version__"):
                found.add((here[0], there))
    return found


def defined(file: Path) -> set[str]:
    """Return every class, function and constant that a file defines, methods included."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    names = {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assigned = [
        node.targets[0] if isinstance(node, ast.Assign) else node.target
        for node in nodes
        if isinstance(node, ast.Assign | ast.AnnAssign)
    ]
    return names | {target.id for target in assigned if isinstance(target, ast.Name)}


def test_rooms_import_only_from_where_an_arrow_points() -> None:
    allowed = {(room, other) for room, others in ARROWS.items() for other in others}
    assert arrows() == allowed


def test_no_room_depends_on_itself_through_others() -> None:
    assert set(TopologicalSorter(ARROWS).static_order()) == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def test_the_architecture_page_shows_these_arrows() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .* \|([^|]*)\|$", text.split("## The way")[0], re.MULTILINE)
    shown = {room: set(re.findall(r"`(\w+)`", rooms)) for room, rooms in rows}
    assert shown | {"cli": ARROWS["cli"]} == ARROWS and ARROWS["cli"] == ARROWS.keys() - NOT_OF_CLI


def test_the_architecture_page_names_functions_that_are_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    named = re.findall(r"`(\w+)`(?:, | and |[^`|;.]{0,12} )(?:in|of) `([\w./]+[.]py)`", text)
    assert len(named) >= 15
    assert [(name, file) for name, file in named if name not in defined(ROOT / file)] == []


@pytest.mark.parametrize("page", ["README.md", *sorted(str(page.relative_to(ROOT)) for page in ROOT.glob("docs/*.md"))])
def test_documents_name_files_that_are_there(page: str) -> None:
    text = (ROOT / page).read_text()
    named = re.findall(r"`((?:scalearn|tests|workflow|docs|profiles|benchmarks|envs)/[\w./-]*\w[.]\w+)`", text)
    named += [str(Path(page).parent / link) for link in re.findall(r"\]\(([\w./-]+[.]md)[#)]", text)]
    examples = {"scalearn/methods/lora.py", "workflow/rules/own/reviews.smk"}  # that a reader adds
    assert [name for name in named if name not in examples and not (ROOT / name).exists()] == []


def test_the_workflow_has_one_door() -> None:
    rules = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]  # rules/own/ is the user's
    taken = {word for file in rules for word in re.findall(r"(?:from|import) scalearn[.]([a-z_.]+)", file.read_text())}
    assert taken == {"cluster.snakefile"}


def test_the_ground_stands_on_nothing() -> None:
    for index, name in enumerate(GROUND):
        taken = {module.split(".")[1] for module, _ in imported(PACKAGE / f"{name}.py")}
        assert taken <= set(GROUND[:index])
