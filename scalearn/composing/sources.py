"""Reading source adapters: runs of stage 1, exports, folders that `adapters` saved, ids of the hub."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor

from scalearn.campaign.input_files import ADAPTER_CONFIG
from scalearn.campaign.run_folder import RECORD
from scalearn.campaign.run_folder import WEIGHTS as RUN_WEIGHTS
from scalearn.errors import UserError
from scalearn.foreign.facts import FUSION, read_facts
from scalearn.foreign.hub import fetch_adapter, is_identifier
from scalearn.foreign.tensors import adapter_layers
from scalearn.methods.layers.sources import TENSORS, Sources
from scalearn.storage.files import altered, read_json
from scalearn.training.runs.stacking import adapter_tensors


@dataclass(frozen=True)
class SourceAdapter:
    """A source adapter and what is known of the encoder that it was trained on.

    where: the folder or id that the user named. name: its own.
    layers: per layer the tensors `down.weight` (b, d), `down.bias` (b), `up.weight` (d, b) and `up.bias` (d).
    encoder, model_type, sha256: the encoder's name, its architecture and the checksum of its weights' file; "" where
    the source does not say it.
    """

    where: str
    name: str
    layers: list[dict[str, Tensor]]
    encoder: str = ""
    model_type: str = ""
    sha256: str = ""

    @property
    def depth(self) -> int:
        """The number of layers."""
        return len(self.layers)

    @property
    def bottleneck(self) -> int:
        """The inner width b."""
        return self.layers[0]["down.bias"].numel()

    @property
    def hidden(self) -> int:
        """The hidden size d of the encoder."""
        return self.layers[0]["up.bias"].numel()


def read_sources(places: Iterable[str | PathLike[str]]) -> list[SourceAdapter]:
    """Return the adapters at these places, in this order, with different names.

    Raises: UserError if there is none, or if one cannot be read or composed.
    """
    if isinstance(places, str | PathLike):
        raise UserError(f"sources: a list of folders or ids is expected, for example [{str(places)!r}]")
    if isinstance(places, set | frozenset) or not isinstance(places, Iterable):  # the order of omega's rows
        raise UserError(f"sources: a list of folders or ids is expected, found a {type(places).__name__}")
    found: list[SourceAdapter] = []
    for place in places:
        source, names = read_source(place), {other.name for other in found}
        number = next(number for number in range(1, len(found) + 2) if _numbered(source.name, number) not in names)
        found.append(replace(source, name=_numbered(source.name, number)))
    if not found:
        raise UserError("sources: the list is empty; name at least one adapter")
    return found


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


def read_source(place: str | PathLike[str]) -> SourceAdapter:
    """Return the adapter in a folder, or of an id of the hub.

    Raises: UserError if it is missing, damaged, a pickle, or no bottleneck adapter after each layer's FFN.
    """
    if not isinstance(place, str | PathLike):
        raise UserError(f"sources: a folder or an id of the hub is expected, found {place!r}")
    where, folder = str(place), Path(place).expanduser()
    if not folder.exists() and isinstance(place, str) and is_identifier(place):
        folder = fetch_adapter(place)
    if not folder.is_dir():
        raise UserError(f"{where}: no such folder; name the folder of a run or of a saved adapter, or an id of the hub")
    if (folder / RECORD).is_file():
        return _of_run(where, folder)
    if (folder / ADAPTER_CONFIG).is_file():
        return _of_library(where, folder)
    if (folder / FUSION).is_file():
        raise UserError(f"{where}: an AdapterFusion is no single adapter; name one of the folders of its adapters")
    raise UserError(f"{where}: neither {RECORD} of a finished run nor {ADAPTER_CONFIG} of a saved adapter is there")


def stacked(sources: Sequence[SourceAdapter]) -> Sources:
    """Return the sources as methods take them."""
    depth = range(len(sources[0].layers))
    layers = tuple(
        {key: torch.stack([source.layers[layer][key] for source in sources]) for key in TENSORS} for layer in depth
    )
    return Sources(tuple(source.name for source in sources), layers)


# ---------------------------------------------------------------------- runs


def _of_run(where: str, folder: Path) -> SourceAdapter:
    record = read_json(folder / RECORD)
    try:
        (task,), (encoder,) = record["tasks"], record["inputs"]["model"]
        spec, checksum = record["spec"], record["sha256"][RUN_WEIGHTS]
        name, method = str(task["name"]), str(spec["method"])
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{where}: its {RECORD} is no record of a run on one task; name a run of stage 1") from None
    if method != "adapter":
        raise UserError(
            f"{where}: a run of '{method}', and sources are runs of 'adapter'; export the run and name that"
        )
    if altered(folder, {RUN_WEIGHTS: checksum}):
        raise UserError(f"{where}: {RUN_WEIGHTS} is not as it was written; train the run again")
    layers = adapter_tensors(folder / RUN_WEIGHTS)
    return SourceAdapter(where, _plain(name), layers, sha256=str(encoder))


# ---------------------------------------------------------------------- adapters that the library saved


def _of_library(where: str, folder: Path) -> SourceAdapter:
    facts = read_facts(where, folder)
    layers = adapter_layers(facts, folder)
    return SourceAdapter(where, _plain(facts.name), layers, facts.encoder, facts.model_type, facts.sha256)


def _plain(name: str) -> str:
    """Return the name with nothing in it that the name of a module cannot have."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
