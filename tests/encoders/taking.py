"""A model folder that is fetched, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalearn.campaign.config import FolderModel
from scalearn.encoders.fetching import fetch
from scalearn.errors import UserError


def taken(folder: Path, trained: bool = True) -> Path:
    """Fetch the model of a folder; return the folder that it is fetched to."""
    output = folder.parent / "out"
    fetch("mine", FolderModel(path=str(folder)), output, trained)
    return output


def refused(folder: Path, trained: bool = True) -> str:
    """Return the sentence that refuses the model of a folder, having asserted that nothing is written."""
    with pytest.raises(UserError) as caught:
        taken(folder, trained)
    assert not (folder.parent / "out").exists() and "\n" not in str(caught.value)
    return str(caught.value)
