"""Fetching a source adapter into a folder: configuration, safetensors file, and adapter.json, its description."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scalearn.campaign.config import ForeignSource
from scalearn.campaign.input_files import (
    ADAPTER_CONFIG,
    ADAPTER_RECORD,
    ADAPTER_WEIGHTS,
    EXPORT_RECORD,
    adapter_checksums,
    local_adapter,
)
from scalearn.campaign.keys import MARK, key
from scalearn.errors import UserError
from scalearn.foreign.encoder import fetched_encoder
from scalearn.foreign.facts import check_folder, read_facts
from scalearn.foreign.fit import check_encoder, check_width
from scalearn.foreign.hub import fetch_adapter
from scalearn.storage.files import read_json, whole_folder, write_json

FILES = (ADAPTER_CONFIG, ADAPTER_WEIGHTS, EXPORT_RECORD)  # no other file is copied: no pickle, no code


def fetch(source: ForeignSource, output: Path, encoders: Sequence[Path] = (), factors: Sequence[int] = ()) -> None:
    """Write the adapter's files and adapter.json to the folder `output`, which appears complete or not at all.

    Args:
        encoders: the folders of the fetched encoders that it is to be composed on.
        factors: the reduction factors of the adapters that it is to be composed with.

    Raises: UserError if a file is missing, damaged or a pickle, or if the adapter does not fit.
    """
    from scalearn.foreign.tensors import adapter_layers

    _refuse_other_folder(output)
    where = f"source '{source.name}' ({source.adapter})"
    folder = local_adapter(source) if source.revision is None else fetch_adapter(f"{source.adapter}@{source.revision}")
    check_folder(where, folder)
    read_facts(where, folder)  # says what else is there, such as a pickle
    with whole_folder(output) as temporary:
        for file in FILES:
            if (folder / file).is_file():
                shutil.copyfile(folder / file, temporary / file)  # follows links, which the hub's cache has
        facts = read_facts(where, temporary)
        adapter_layers(facts, temporary)
        doubts = [check_encoder(facts, fetched_encoder(encoder)) for encoder in encoders]
        check_width(facts, factors)
        content = _description(source, adapter_checksums(where, temporary))
        _check_key(source, content["key"], output)
        write_json(temporary / ADAPTER_RECORD, content)
    print(f"fetched {source.name}: {facts.depth} layers, {facts.hidden} wide, bottlenecks of {facts.bottleneck}")
    for doubt in filter(None, doubts):
        print(f"note: {doubt}")


def _description(source: ForeignSource, checksums: dict[str, str]) -> dict[str, Any]:
    pinned = {"adapter": source.adapter, "revision": source.revision}
    identity = checksums if source.revision is None else pinned
    origin = source.model_dump(mode="json", exclude_none=True, exclude={"name"})
    return {"name": source.name, "key": key(source.name, identity), "source": origin, "sha256": checksums}


def _check_key(source: ForeignSource, found: str, output: Path) -> None:
    """Refuse files that have changed since the campaign was read."""
    wanted = output.resolve().name
    if MARK in wanted and wanted != found:
        raise UserError(
            f"{source.adapter}: these files are '{found}', and '{wanted}' is wanted; if they have just changed, type "
            "the same command again"
        )


def _refuse_other_folder(output: Path) -> None:
    """Refuse an output folder with files that belong to no fetched adapter, because they would be lost."""
    if output.exists() and not output.is_dir():
        raise UserError(f"{output}: this is a file; name a new folder, or one with a fetched adapter")
    names = {path.name for path in output.iterdir()} if output.exists() else set()
    # Snakemake removes all files but export.json before it fetches an adapter again.
    if names - {*FILES, ADAPTER_RECORD} or (ADAPTER_RECORD not in names and names - {EXPORT_RECORD}):
        raise UserError(f"{output}: the folder holds other files; name a new folder, or one with a fetched adapter")


def read_record(folder: Path) -> dict[str, Any]:
    """Return the content of adapter.json in the folder of a fetched adapter.

    Raises: UserError if it is not readable.
    """
    content = read_json(folder / ADAPTER_RECORD, ours=True)
    if not {"name", "key", "source", "sha256"} <= content.keys():
        raise UserError(f"{folder / ADAPTER_RECORD}: no description of a fetched adapter; fetch it again")
    return content
