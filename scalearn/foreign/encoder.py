"""What a fetched or configured encoder tells of itself. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalearn.campaign.config import FolderModel, HubModel, ModelSource
from scalearn.encoders.architectures import ARCHITECTURES
from scalearn.encoders.folder import CONFIG, WEIGHTS
from scalearn.fields import local_path
from scalearn.storage.files import read_json, sha256


@dataclass(frozen=True)
class KnownEncoder:
    """An encoder of a campaign; 0 or "" where something is not known.

    name: its folder or its id on the hub. layers, hidden: their number and width. sha256: of its weights' file.
    """

    name: str
    model_type: str = ""
    layers: int = 0
    hidden: int = 0
    sha256: str = ""

    def __str__(self) -> str:
        return f"'{self.name}'" if self.name else "the encoder"


def fetched_encoder(folder: Path) -> KnownEncoder:
    """Return what model.json in the folder of a fetched encoder says. Raises: UserError if it cannot be read."""
    content = read_json(folder / "model.json")
    source: dict[str, Any] = content.get("source", {})
    name = str(source.get("repository") or "")
    if "path" in source:
        name = _absolute(source["path"])
    sizes = int(content.get("layers", 0)), int(content.get("hidden_size", 0))
    return KnownEncoder(name, _built_as(content.get("model_type")), *sizes, str(content.get("sha256", "")))


def configured_encoder(source: ModelSource, with_checksum: bool) -> KnownEncoder:
    """Return what is known of an encoder before it is fetched.

    with_checksum: also of a local file of weights, which has to be read for it.
    """
    if isinstance(source, HubModel):
        return KnownEncoder(source.repository)
    if not isinstance(source, FolderModel):
        return KnownEncoder("", sha256=source.sha256)
    folder = local_path(source.path)
    config = read_json(folder / CONFIG)
    architecture = ARCHITECTURES[str(config["model_type"])]
    sizes = (config.get(key) for key in (architecture.layers, architecture.width))
    layers, hidden = (size if isinstance(size, int) else 0 for size in sizes)
    checksum = sha256(folder / WEIGHTS) if with_checksum else ""
    return KnownEncoder(_absolute(source.path), _built_as(config["model_type"]), layers, hidden, checksum)


def _absolute(path: str) -> str:
    return str(local_path(path).absolute())  # nobody takes it for an id of the hub


def _built_as(model_type: object) -> str:
    """Return the `model_type` of the class that an encoder is loaded with."""
    architecture = ARCHITECTURES.get(str(model_type))
    return (architecture.built_as if architecture else "") or str(model_type or "")
