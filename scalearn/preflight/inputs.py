"""Checking a campaign before any work starts: local files, encoders, loggers, and the rows of local tasks."""

from __future__ import annotations

from pathlib import Path

from scalearn.campaign.config import FolderModel
from scalearn.campaign.input_files import ENCODER_FILES
from scalearn.campaign.loggers import check_installed
from scalearn.campaign.plan import Campaign
from scalearn.encoders.fetching import CONVERT, check_tokenizer_files
from scalearn.encoders.folder import check_model_folder
from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.preflight.compatibility import check_compatible
from scalearn.preflight.foreign_sources import check_fit, check_foreign_sources
from scalearn.tasks.definition import FilesSource


def check_campaign(path: Path) -> Campaign:
    """Return the campaign of the config file `path`, after all checks that need no download.

    Raises: UserError about the first problem.
    """
    campaign = Campaign.read(path)
    check_files(campaign, str(path))
    check_rows(campaign)
    return campaign


def check_files(campaign: Campaign, origin: str = "config.yaml") -> None:
    """Check that model folders, mirror, task files and loggers exist and suit the campaign. Reads no rows.

    Args:
        origin: the config file, for messages.

    Raises: UserError about the first problem.
    """
    check_installed(campaign.config.loggers, f"{origin}: loggers")
    for name, model in campaign.models.items():
        _refuse_braces(f"{origin}: models.{name}.path", campaign.model_inputs(name))
        if isinstance(model, FolderModel):
            _check_model(f"{origin}: models.{name}.path", local_path(model.path), campaign.trains(name))
    check_foreign_sources(campaign, origin)
    for adapter in campaign.adapters:
        _refuse_braces(f"{origin}: source '{campaign.adapters[adapter].name}'", campaign.adapter_inputs(adapter))
    check_compatible(campaign, origin)
    check_fit(campaign, origin)
    for name, task in campaign.tasks.items():
        key = "mirror" if campaign.origin(name) == "mirror" else f"tasks.{name}.source"
        _refuse_braces(f"{origin}: {key}", campaign.task_inputs(name))
        if isinstance(task.source, FilesSource):
            for split in ("train", "validation", "test"):
                path = getattr(task.source, split)
                if path is not None and not local_path(path).is_file():
                    raise UserError(f"{origin}: {key}.{split}: no file {path}; mend the path")


def _refuse_braces(key: str, paths: list[str]) -> None:
    """Refuse input paths with a brace, which Snakemake would read as a wildcard and cannot escape."""
    for path in paths:
        if "{" in path:
            raise UserError(f"{key}: Snakemake would read the brace in {path} as a wildcard; rename the file or folder")


def _check_model(key: str, folder: Path, trained: bool) -> None:
    if folder.is_file():
        raise UserError(f"{key}: {folder} is not a folder, and only safetensors weights are ever loaded; {CONVERT}")
    if not folder.is_dir():
        raise UserError(f"{key}: no folder {folder}; name a folder with a model")
    for needed in ENCODER_FILES:
        if not (folder / needed).is_file():
            raise UserError(f"{key}: {folder} holds no {needed}; {CONVERT}")
    check_tokenizer_files(f"{key}: {folder}", folder)
    check_model_folder(f"{key}: {folder}", folder, trained)


def check_rows(campaign: Campaign) -> None:
    """Check all rows of the tasks with local files against their definitions.

    Raises: UserError if columns, labels or texts of a task do not fit its definition.
    """
    local = [name for name in campaign.tasks if campaign.origin(name) in ("mirror", "files")]
    if local:
        from scalearn.tasks.preparing.prepare import check_source_rows

        mirror = campaign.config.mirror
        for name in local:
            check_source_rows(name, campaign.tasks[name], local_path(mirror) if mirror else None)
