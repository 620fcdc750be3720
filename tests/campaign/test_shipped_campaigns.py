"""The campaign files that the project ships are good."""

from __future__ import annotations

import pytest

from scalearn.campaign.plan import Campaign
from tests.places import ROOT

FILES = sorted(
    path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("docs/*.yaml"), *ROOT.glob("profiles/*/campaign.yaml"))
)


@pytest.mark.parametrize("name", ["config.yaml", *FILES])
def test_it_is_read_and_has_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert len(FILES) >= 6
    assert Campaign.read(ROOT / name).trainings
