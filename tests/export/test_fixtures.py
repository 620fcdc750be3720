"""Exports that earlier versions wrote still load, and give the same logits."""

from __future__ import annotations

import json

import pytest
import torch

from scalearn.methods import METHODS
from tests.export.fixtures import DATA, logits_of

LOGITS = json.loads((DATA / "logits.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", LOGITS)
def test_a_kept_export_gives_what_it_gave(name: str) -> None:
    torch.testing.assert_close(torch.tensor(logits_of(DATA / name)), torch.tensor(LOGITS[name]), rtol=0, atol=1e-5)


def test_every_method_is_kept() -> None:
    assert set(METHODS) <= LOGITS.keys(), "write the fixtures of the new method with python -m tests.export.fixtures"
    assert len({json.dumps(rows) for rows in LOGITS.values()}) == len(LOGITS)
