"""What tests of exports share."""

from __future__ import annotations

import pytest

from scalearn.export import proof


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the proof's process find what is claimed, where the process is not what is tested."""
    monkeypatch.setattr(proof, "_in_a_fresh_process", lambda claims: [claim.logits for claim in claims])
