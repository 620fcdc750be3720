"""A campaign: from its file to the runs that follow from it. Pure: no torch, no pandas, no network."""

from __future__ import annotations

from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import FULL, JOINT, SINGLE, STAGE1, RunSpec
from scalearn.campaign.variants import Variant

__all__ = ["FULL", "JOINT", "SINGLE", "STAGE1", "Campaign", "RunSpec", "Variant"]
