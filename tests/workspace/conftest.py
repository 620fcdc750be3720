from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.clone import make_clone


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the real commands, of which nothing has run, in a folder with a blank in its name."""
    return make_clone(tmp_path / "my campaign")
