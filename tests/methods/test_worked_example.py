"""The method that docs/add-a-method.md shows: the text of that file, found by the registry and held to all rules."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import scalearn.methods
from scalearn.methods import METHODS
from tests.methods import conformance
from tests.places import ROOT
from tests.tiny import ENCODERS

Rule = Callable[[str, str, Path], None]
DOCUMENT = ROOT / "docs" / "add-a-method.md"


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Save the document's code under the name that it gives, let the registry find it, and return the method's name."""
    text = DOCUMENT.read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    (module,) = set(re.findall(r"as `scalearn/methods/(\w+)\.py`", text))
    assert len(code.splitlines()) <= 40
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / f"{module}.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(scalearn.methods, "__path__", [*scalearn.methods.__path__, str(tmp_path / "more")])
    importlib.invalidate_caches()
    found = scalearn.methods._discover()
    (new,) = found.keys() - METHODS.keys()
    monkeypatch.setitem(METHODS, new, found[new])
    yield new
    del sys.modules[f"scalearn.methods.{module}"]
    delattr(scalearn.methods, module)


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize(
    "rule",
    [
        conformance.exactly_its_tensors_train_and_each_of_them_moves,
        conformance.the_count_of_the_registry_is_the_count_of_the_model,
        conformance.saved_and_loaded_weights_give_equal_outputs,
    ],
)
def test_the_example_holds_to_every_rule(rule: Rule, name: str, kind: str, tmp_path: Path) -> None:
    rule(name, kind, tmp_path)


def test_weights_of_another_method_are_refused_by_the_example(name: str, tmp_path: Path) -> None:
    conformance.weights_of_another_method_are_refused(name, tmp_path)
