"""Refuse a campaign before any work starts, for what only a look at its local rows can tell."""

from __future__ import annotations

from pathlib import Path

from scalearn.campaign import Campaign
from scalearn.compatible import check_compatible
from scalearn.config import FolderModel
from scalearn.encoders import CONVERT, check_tokenizer_files
from scalearn.errors import UserError
from scalearn.model_folder import check_model_folder
from scalearn.tasks.definition import FilesSource, HubSource
from scalearn.tasks.mirror import mirror_files


def check_campaign(path: Path) -> Campaign:
    """Return the campaign of the file `path`, checked as far as this machine can tell."""
    campaign = Campaign.read(path)
    check_files(campaign, str(path))
    check_rows(campaign)
    return campaign


def check_files(campaign: Campaign, origin: str = "config.yaml") -> None:
    """Refuse a campaign whose local files are not there: model folders, mirror, task files. Reads no rows."""
    for name, model in campaign.models.items():
        if isinstance(model, FolderModel):
            _check_model(f"{origin}: models.{name}.path", Path(model.path), campaign.trains(name))
    check_compatible(campaign, origin)
    for name, task in campaign.tasks.items():
        source = task.source
        if isinstance(source, HubSource) and campaign.config.mirror is not None:
            mirror_files(Path(campaign.config.mirror), name, source)
        elif isinstance(source, FilesSource):
            for split in ("train", "validation", "test"):
                path = getattr(source, split)
                if path is not None and not Path(path).is_file():
                    raise UserError(f"{origin}: tasks.{name}.source.{split}: no file {path}; mend the path")


def _check_model(key: str, folder: Path, trained: bool) -> None:
    if folder.is_file():
        raise UserError(f"{key}: {folder} is no folder, and no weights but safetensors are ever loaded; {CONVERT}")
    if not folder.is_dir():
        raise UserError(f"{key}: no folder {folder}; name one with a model in it")
    for needed in ("config.json", "model.safetensors"):
        if not (folder / needed).is_file():
            raise UserError(f"{key}: {folder} holds no {needed}; {CONVERT}")
    check_tokenizer_files(f"{key}: {folder}", folder)
    check_model_folder(f"{key}: {folder}", folder, trained)


def check_rows(campaign: Campaign) -> None:
    """Refuse local tasks whose columns or labels are not as their definition says."""
    local = [name for name in campaign.tasks if campaign.origin(name) in ("mirror", "files")]
    if local:
        from scalearn.tasks.prepare import check

        mirror = campaign.config.mirror
        for name in local:
            check(name, campaign.tasks[name], Path(mirror) if mirror else None)
