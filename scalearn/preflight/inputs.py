"""Refuse a campaign before any work starts, for what only a look at its local rows can tell."""

from __future__ import annotations

from pathlib import Path

from scalearn.campaign.config import FolderModel
from scalearn.campaign.loggers import check_installed
from scalearn.campaign.plan import Campaign
from scalearn.encoders.fetching import CONVERT, check_tokenizer_files
from scalearn.encoders.folder import check_model_folder
from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.preflight.compatibility import check_compatible
from scalearn.tasks.definition import FilesSource


def check_campaign(path: Path) -> Campaign:
    """Return the campaign of the file `path`, checked as far as this machine can tell."""
    campaign = Campaign.read(path)
    check_files(campaign, str(path))
    check_rows(campaign)
    return campaign


def check_files(campaign: Campaign, origin: str = "config.yaml") -> None:
    """Refuse a campaign whose local files or loggers are not here: model folders, mirror, tasks. Reads no rows."""
    check_installed(campaign.config.loggers, f"{origin}: loggers")
    for name, model in campaign.models.items():
        _refuse_braces(f"{origin}: models.{name}.path", campaign.model_inputs(name))
        if isinstance(model, FolderModel):
            _check_model(f"{origin}: models.{name}.path", local_path(model.path), campaign.trains(name))
    check_compatible(campaign, origin)
    for name, task in campaign.tasks.items():
        key = "mirror" if campaign.origin(name) == "mirror" else f"tasks.{name}.source"
        _refuse_braces(f"{origin}: {key}", campaign.task_inputs(name))
        if isinstance(task.source, FilesSource):
            for split in ("train", "validation", "test"):
                path = getattr(task.source, split)
                if path is not None and not local_path(path).is_file():
                    raise UserError(f"{origin}: {key}.{split}: no file {path}; mend the path")


def _refuse_braces(key: str, paths: list[str]) -> None:
    """Refuse the path of an input file that Snakemake would take for a pattern: it has no way to write a brace."""
    for path in paths:
        if "{" in path:
            raise UserError(f"{key}: the brace in {path} would begin a wildcard of Snakemake's; rename it")


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
        from scalearn.tasks.preparing.prepare import check_source_rows

        mirror = campaign.config.mirror
        for name in local:
            check_source_rows(name, campaign.tasks[name], local_path(mirror) if mirror else None)
