"""The paper's campaign, which config.yaml describes."""

from __future__ import annotations

from typing import Any

import yaml

from scalearn.campaign.plan import Campaign
from tests.places import ROOT

DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def campaign(**changes: Any) -> Campaign:
    """Return the campaign of config.yaml with these keys changed."""
    return Campaign.parse({**DEFAULT, **changes})
