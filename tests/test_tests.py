"""How the tests themselves are kept: helpers in modules of their own, short files, and a kind for every test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.marking import KINDS, kinds, lacking
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
    modules = {file: set(imported(file)) for file in (*TESTS.rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py"))}
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


def test_every_test_is_of_one_kind(request: pytest.FixtureRequest) -> None:
    """Of those that were collected in this call of pytest."""
    collected = {item: kinds(item) for item in request.session.items}
    assert [item.nodeid for item, marks in collected.items() if len(marks) != 1] == []
    assert collected[request.node] == {"unit"}
    starting = [
        item for item in collected if "workflow" in item.path.parts or "clone" in getattr(item, "fixturenames", ())
    ]
    assert [item.nodeid for item in starting if collected[item] != {"campaign"}] == []


def test_every_kind_is_described(request: pytest.FixtureRequest) -> None:
    described = {line.split(":")[0].split("(")[0] for line in request.config.getini("markers")}
    assert described >= KINDS | {"data", "gpu"}


@pytest.mark.parametrize("gpu", [False, True])
def test_what_a_test_needs_and_is_not_there_is_said(
    gpu: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "glue").mkdir()
    monkeypatch.setattr("tests.marking.DATA", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)

    def lacks(*markers: pytest.MarkDecorator) -> str:
        item = pytest.Function.from_parent(request.node.parent, name="test_some", callobj=lambda: None)
        for marker in markers:
            item.add_marker(marker)
        return lacking(item)

    assert lacks() == lacks(pytest.mark.data("glue")) == ""
    assert lacks(pytest.mark.data("glue", "other")).startswith(f"no rows in {tmp_path.name}/other; set SCALEARN_TEST")
    assert lacks(pytest.mark.gpu) == ("" if gpu else "no CUDA device")
