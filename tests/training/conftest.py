from __future__ import annotations

from pathlib import Path

import pytest

from tests.training import joint, single


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, two encoded tasks, and two stacked source adapters: the inputs of `tests.training.single`."""
    root = tmp_path_factory.mktemp("single")
    single.make_inputs(root)
    return root


@pytest.fixture(scope="module")
def joint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model and four encoded tasks: the inputs of `tests.training.joint`."""
    root = tmp_path_factory.mktemp("joint")
    joint.make_inputs(root)
    return root
