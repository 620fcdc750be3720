from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny import make_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BERT with its tokenizer, as save_pretrained writes them."""
    path = make_model(tmp_path / "saved")
    (path / "model.json").unlink()
    return path
