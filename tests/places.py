"""Where this project and real rows lie, and where the files of a campaign lie, which its campaign file says."""

from __future__ import annotations

import os
from pathlib import Path

from scalearn.campaign.places import RUNS
from scalearn.campaign.plan import Campaign

ROOT = Path(__file__).parents[1]  # of the project
# Real rows in the hub's files, below a folder per repository; tests that need them are marked `data`.
DATA = Path(os.environ.get("SCALEARN_TEST_DATA", ROOT.parent / "shared" / "data"))


def run_path(file: Path, method: str, benchmark: str, task: str, seed: int) -> str:
    """Return the folder of a run of a campaign file's first variant of this method, below the work directory."""
    campaign = Campaign.read(file)
    variant = next(variant for variant in campaign.variants if variant.method.name == method)
    return f"{RUNS}/{campaign.run(benchmark, variant, task, seed).path}"
