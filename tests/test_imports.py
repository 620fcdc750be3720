"""Importing without garbage collections, and which commands import what."""

from __future__ import annotations

import pytest

from tests.processes import HEAVY, python


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["train", "--help"], ["encode", "--help"], ["methods"], ["check"], ["tasks", "--json"]],
    ids=" ".join,
)
def test_light_commands_load_no_heavy_library(arguments: list[str]) -> None:
    code = f"import sys; from scalearn.__main__ import main; assert main({arguments}) == 0; "
    assert python(code + f"print(sorted(set({HEAVY}) & set(sys.modules)))") == "[]"


def test_what_is_imported_is_left_out_of_garbage_collections() -> None:
    code = """
import gc
from scalearn.machine.heavy_imports import importing
with importing():
    print(gc.isenabled())
    import decimal
first = gc.get_freeze_count()
rows = [[] for _ in range(1000)]
with importing():
    import fractions
print(gc.isenabled(), first > 1000, gc.get_freeze_count() <= first)
"""
    assert python(code) == "True True True"


def test_a_failed_import_leaves_collections_on() -> None:
    code = """
import gc
from contextlib import suppress
from scalearn.machine.heavy_imports import importing
with suppress(ImportError), importing():
    import no_such_module
print(gc.isenabled())
"""
    assert python(code) == "True"
