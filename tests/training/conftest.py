from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

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


@pytest.fixture
def strict() -> Iterator[None]:
    """Allow deterministic kernels only, as on a GPU, while a test lasts."""
    torch.use_deterministic_algorithms(True)
    with warnings.catch_warnings():
        yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
    torch.backends.cuda.enable_flash_sdp(True)
    torch.backends.cuda.enable_mem_efficient_sdp(True)
    torch.backends.cuda.enable_cudnn_sdp(True)
