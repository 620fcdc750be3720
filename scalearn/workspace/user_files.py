"""Lists the user's own files that campaigns of a work directory read: encoders, adapters, rows of tasks, the mirror."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from scalearn.campaign.config import FolderModel
from scalearn.campaign.input_files import row_inputs
from scalearn.campaign.plan import Campaign
from scalearn.encoders.fetching import FILES
from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.foreign.fetching import FILES as ADAPTER
from scalearn.workspace.made_by import campaign_files


def named_files(folder: Path) -> dict[Path, str]:
    """Return the absolute path of each existing file, links not followed, and the campaign file that names it."""
    named = {}
    for file in campaign_files(folder):
        try:
            campaign = Campaign.read(folder / file)
        except UserError:  # not a campaign file of this version
            continue
        named.update({Path(os.path.normpath(folder.absolute() / path)): file for path in _of(campaign, folder)})
    return {path: file for path, file in named.items() if path.is_file()}


def _of(campaign: Campaign, folder: Path) -> Iterator[Path]:
    mirror = campaign.config.mirror and str(folder.absolute() / local_path(campaign.config.mirror))
    for model in campaign.models.values():
        if isinstance(model, FolderModel):
            yield from (local_path(model.path) / name for name in FILES)
    for benchmark in campaign.benchmarks.values():
        for source in benchmark.foreign_sources:
            if source.revision is None:
                yield from (local_path(source.adapter) / name for name in ADAPTER)
    for name, task in campaign.tasks.items():
        with suppress(UserError):  # the mirror lacks the task
            yield from map(Path, row_inputs(name, task, mirror))
