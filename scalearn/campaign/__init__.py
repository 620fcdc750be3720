"""Campaigns: from a campaign file to its runs. Pure: no torch, no pandas, no network."""
