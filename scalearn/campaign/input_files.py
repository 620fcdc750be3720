"""The files on this machine that a campaign starts from: local encoders, the rows of tasks, the mirror."""

from __future__ import annotations

from scalearn.campaign.config import FolderModel, ModelSource
from scalearn.fields import local_path
from scalearn.tasks.definition import DiskSource, FilesSource, HubSource, Task
from scalearn.tasks.reading.disk import disk_inputs
from scalearn.tasks.reading.mirror import mirror_files

ENCODER_FILES = ("config.json", "model.safetensors")


def encoder_inputs(source: ModelSource) -> list[str]:
    """Return the paths of an encoder's files if it comes from a local folder, else an empty list."""
    if isinstance(source, FolderModel):
        return [str(local_path(source.path) / name) for name in ENCODER_FILES]
    return []


def row_inputs(name: str, task: Task, mirror: str | None) -> list[str]:
    """Return the paths of the files that hold a task's rows if they are on this machine, else an empty list.

    mirror: the folder that stands for the hub's datasets, if the campaign has one.
    Raises: UserError if the mirror lacks the task's files, or a folder of save_to_disk is half written.
    """
    source = task.source
    if isinstance(source, HubSource) and mirror is not None:
        splits = mirror_files(local_path(mirror), name, source).values()
        return [str(path) for paths in splits for path in paths]
    if isinstance(source, DiskSource):
        return [str(path) for path in disk_inputs(source)]
    if isinstance(source, FilesSource):
        return [str(local_path(path)) for path in (source.train, source.validation, source.test) if path is not None]
    return []
