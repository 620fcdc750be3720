"""The files on this machine that a campaign starts from: local encoders, the rows of tasks, the mirror."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalearn.campaign.config import IDENTIFIER, FolderModel, ForeignSource, ModelSource
from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.storage.files import sha256
from scalearn.tasks.definition import DiskSource, FilesSource, HubSource, Task
from scalearn.tasks.reading.disk import disk_inputs
from scalearn.tasks.reading.mirror import mirror_files

ENCODER_CONFIG, ENCODER_WEIGHTS = ENCODER_FILES = ("config.json", "model.safetensors")
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter.safetensors"  # the names of `adapters`
ADAPTER_RECORD = "adapter.json"  # beside them where an adapter was fetched
EXPORT_RECORD = "export.json"  # beside them where a run was exported


def encoder_inputs(source: ModelSource) -> list[str]:
    """Return the paths of an encoder's files if it comes from a local folder, else an empty list."""
    if isinstance(source, FolderModel):
        return [str(local_path(source.path) / name) for name in ENCODER_FILES]
    return []


def adapter_inputs(source: ForeignSource) -> list[str]:
    """Return the paths of a source adapter's files if it comes from a local folder, else an empty list."""
    if source.revision is not None:
        return []
    return [str(local_path(source.adapter) / name) for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS)]


def adapter_identity(source: ForeignSource) -> dict[str, Any]:
    """Return what identifies a source adapter: its revision on the hub, or the checksums of its local files.

    Raises: UserError if a local file is missing.
    """
    if source.revision is not None:
        return {"adapter": source.adapter, "revision": source.revision}
    return adapter_checksums(f"source '{source.name}' ({source.adapter})", local_adapter(source))


def local_adapter(source: ForeignSource) -> Path:
    """Return the folder of a source adapter without a revision.

    Raises: UserError if there is none. If it may be an id of the hub, the message says how to find its revision.
    """
    folder, where = local_path(source.adapter), f"source '{source.name}': no folder {source.adapter}"
    if not folder.is_dir() and IDENTIFIER.fullmatch(source.adapter):
        command = f"from huggingface_hub import model_info; print(model_info('{source.adapter}').sha)"
        raise UserError(
            f"{where}; mend the path, or if it is an id of the hub, add `revision` with the full commit hash that "
            f'`python -c "{command}"` prints'
        )
    if not folder.is_dir():
        raise UserError(f"{where}; name the folder of a saved adapter, or an id of the hub with its `revision`")
    return folder


def adapter_checksums(where: str, folder: Path) -> dict[str, str]:
    """Return the checksum of each file of a saved adapter, by name.

    where: begins the message. Raises: UserError if a file is missing.
    """
    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(f"{where}: no {name} there; name the folder of a saved adapter")
    return {name: sha256(folder / name) for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS)}


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
