"""Runs: from prepared inputs to a run directory."""
