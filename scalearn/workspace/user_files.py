"""The files that the campaigns of a work directory start from, by the names that their campaign files give them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from scalearn.campaign.config import FolderModel
from scalearn.campaign.plan import Campaign
from scalearn.encoders.fetching import FILES
from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.tasks.definition import FilesSource, HubSource
from scalearn.tasks.reading.mirror import mirror_files
from scalearn.workspace.made_by import campaign_files


def named_files(folder: Path) -> dict[Path, str]:
    """Return each file, absolute, links not followed, and the campaign file that names it; only what is there."""
    found = {}
    for file in campaign_files(folder):
        try:
            campaign = Campaign.read(folder / file)
        except UserError:  # no campaign file of this version
            continue
        found.update({Path(os.path.normpath(folder.absolute() / path)): file for path in _of(campaign, folder)})
    return {path: file for path, file in found.items() if path.is_file()}


def _of(campaign: Campaign, folder: Path) -> Iterator[Path]:
    for model in campaign.models.values():
        if isinstance(model, FolderModel):
            yield from (local_path(model.path) / name for name in FILES)
    for name, task in campaign.tasks.items():
        source = task.source
        if isinstance(source, FilesSource):
            yield from (local_path(path) for path in (source.train, source.validation, source.test) if path is not None)
        elif isinstance(source, HubSource) and campaign.config.mirror is not None:
            try:
                splits = mirror_files(folder.absolute() / local_path(campaign.config.mirror), name, source)
            except UserError:  # not there
                continue
            yield from (path for paths in splits.values() for path in paths)
