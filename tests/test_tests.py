"""How the tests themselves are kept: helpers in modules of their own, and test modules that are read in one go."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.places import ROOT

TESTS = ROOT / "tests"
MOST_LINES = 350


def imported(file: Path) -> Iterator[str]:
    """Yield all that a file imports, within functions too, as dotted names with those that are taken from a module."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def test_nothing_is_imported_from_a_test_module() -> None:
    """Fixtures that modules share stand in the folder's conftest.py, and functions in a helper module."""
    modules = {file: set(imported(file)) for file in TESTS.rglob("*.py")}
    assert "tests.places.ROOT" in modules[TESTS / "test_tests.py"]
    names = {file.stem for file in TESTS.rglob("test_*.py")}
    assert [
        f"{file.relative_to(ROOT)} imports {name}"
        for file, taken in modules.items()
        for name in taken
        if names & set(name.split("."))
    ] == []


def test_no_file_of_tests_is_long() -> None:
    """A longer one is split by theme."""
    lines = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in TESTS.rglob("*.py")}
    assert {file: number for file, number in lines.items() if number > MOST_LINES} == {}
