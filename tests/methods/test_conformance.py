"""What every method must hold to, on every encoder. A method joins by being registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalearn.methods import METHODS
from tests.methods import conformance
from tests.methods.cases import JOINT, SORTS
from tests.tiny import ENCODERS, OTHERS

COUNTED = [(name, kind) for name in METHODS for kind in ENCODERS]
# CamemBERT is built as RoBERTa. training/engine/test_architectures.py takes all kinds from a checkpoint to stage 2.
CASES = [*COUNTED, *((name, kind) for name in (*SORTS, *JOINT) for kind in OTHERS if kind != "camembert")]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_exactly_its_tensors_train_and_each_of_them_moves(name: str, kind: str, tmp_path: Path) -> None:
    conformance.exactly_its_tensors_train_and_each_of_them_moves(name, kind, tmp_path)


@pytest.mark.parametrize(("name", "kind"), COUNTED)
def test_the_count_of_the_registry_is_the_count_of_the_model(name: str, kind: str, tmp_path: Path) -> None:
    conformance.the_count_of_the_registry_is_the_count_of_the_model(name, kind, tmp_path)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_saved_and_loaded_weights_give_equal_outputs(name: str, kind: str, tmp_path: Path) -> None:
    conformance.saved_and_loaded_weights_give_equal_outputs(name, kind, tmp_path)


@pytest.mark.parametrize("name", METHODS)
def test_weights_of_another_method_are_refused(name: str, tmp_path: Path) -> None:
    conformance.weights_of_another_method_are_refused(name, tmp_path)
