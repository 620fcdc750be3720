"""The names that `import scalearn` offers: lazy, typed, and hidden by no module."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adapters import AutoAdapterModel, SeqBnConfig
from transformers import AutoTokenizer, Trainer, TrainingArguments

import scalearn
from tests.places import ROOT
from tests.processes import HEAVY, python
from tests.tiny import make_model

PACKAGE = ROOT / "scalearn"


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = {*HEAVY, "pydantic", "safetensors", "huggingface_hub", "yaml", "typer", "rich"}
    assert python(f"import sys, scalearn; print(sorted({heavy} & set(sys.modules)))") == "[]"
    assert python(f"import sys, scalearn; dir(scalearn); print(sorted({heavy} & set(sys.modules)))") == "[]"


@pytest.mark.parametrize("name", scalearn.__all__)
def test_a_public_name_is_there_and_has_types(name: str) -> None:
    function = getattr(scalearn, name)
    assert callable(function) and function.__doc__ and name in dir(scalearn)
    assert function.__annotations__.keys() >= {"return"}
    # For type checkers the module imports the same name from the same place.
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in imports if name in {alias.name for alias in node.names}] == [function.__module__]


def test_no_public_name_is_a_module_of_the_package() -> None:
    """Importing the module would put it in the place of the function."""
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert not modules & set(scalearn.__all__)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'scalearn' has no attribute 'composed'"):
        getattr(scalearn, "composed")  # noqa: B009


def test_types_are_announced() -> None:
    assert (PACKAGE / "py.typed").exists()


# ---------------------------------------------------------------------- the examples of the documents


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder of a reader who has the files that the examples name, with a tiny encoder."""
    make_model(tmp_path / "roberta-base", "roberta")
    monkeypatch.chdir(tmp_path)
    model = AutoAdapterModel.from_pretrained("roberta-base")
    for name in ("rte", "mnli"):
        model.add_adapter(name, config=SeqBnConfig(reduction_factor=16))
        model.save_adapter(f"{name}-adapter", name, use_safetensors=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*cannot check")
        yield tmp_path


def examples(page: str) -> str:
    """Return the Python examples of a page, one after another."""
    found = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    assert found
    return "\n".join(found)


def test_the_examples_of_the_page_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(compile(examples("docs/python.md"), "docs/python.md", "exec"), names)
    says = re.findall(r"# (omega_dropout: .*)$", examples("docs/python.md"), flags=re.MULTILINE)
    assert capsys.readouterr().out.splitlines()[-1:] == says
    assert names["composition"].sources == ("rte", "mnli")
    assert names["composition"].hyperparameters.learning_rate == 0.006
    assert names["model"].active_head == "scalearn"


def test_the_example_of_the_readme_runs(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained("roberta-base")
    rows = [{**tokenizer("w1 good"), "label": 1}, {**tokenizer("bad w2"), "label": 0}]
    arguments = TrainingArguments("checkpoints", max_steps=1, label_names=["labels"], report_to="none")
    reader = {"AutoAdapterModel": AutoAdapterModel, "Trainer": Trainer, "arguments": arguments, "rows": rows}
    exec(compile(examples("README.md").partition("results = ")[0], "README.md", "exec"), reader)
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "adapter.safetensors", "adapter_config.json", "head_config.json", "model_head.safetensors",
    ]  # fmt: skip
