"""Checking source adapters from elsewhere before any job starts, as far as their files are on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from scalearn.campaign.config import ForeignSource
from scalearn.campaign.input_files import local_adapter
from scalearn.campaign.keys import Key
from scalearn.campaign.places import ADAPTERS
from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import foreign_key
from scalearn.errors import UserError
from scalearn.foreign.encoder import configured_encoder
from scalearn.foreign.facts import AdapterFacts, check_folder, read_facts
from scalearn.foreign.fetching import read_record
from scalearn.foreign.fit import check_encoder, check_width
from scalearn.storage.files import altered


def check_foreign_sources(campaign: Campaign, origin: str) -> None:
    """Check that local source adapters from elsewhere are there, and adapters that can be composed.

    origin: the config file, for messages. Raises: UserError about the first that is not.
    """
    if not any(method.family == "two_stage" for method in campaign.methods):
        return
    for benchmark, entry in campaign.benchmarks.items():
        for source in entry.foreign_sources:
            where = f"{origin}: benchmarks.{benchmark}.sources"
            if source.revision is None:
                try:
                    folder = local_adapter(source)
                except UserError as error:
                    raise UserError(f"{where}: {error}") from None
                check_folder(f"{where}: {folder}", folder)
                read_facts(f"{where}: {folder}", folder)


def check_fit(campaign: Campaign, origin: str) -> None:
    """Check that source adapters from elsewhere fit their encoders and the adapters that they are composed with.

    Those of the hub are checked if they are fetched; otherwise their fetching checks it.

    origin: the config file, for messages. Raises: UserError about the first that does not fit.
    """
    adapters = dict(_on_this_machine(campaign, origin))
    for key, facts in adapters.items():
        for model in campaign.adapter_models(key):
            source = campaign.models[campaign.model_names[model]]
            check_encoder(facts, configured_encoder(source, with_checksum=bool(facts.sha256)))
        check_width(facts, campaign.adapter_factors(key))
    for sources in campaign.stacks.values():
        stacked = [adapters[key] for key in map(foreign_key, sources) if key in adapters]
        for first, other in pairwise(stacked):
            if first.bottleneck != other.bottleneck:
                raise UserError(
                    f"{first.where} (width {first.bottleneck}) and {other.where} (width {other.bottleneck}) cannot be "
                    "composed; choose adapters of one width"
                )


def _on_this_machine(campaign: Campaign, origin: str) -> Iterator[tuple[Key, AdapterFacts]]:
    """Yield what the files of each adapter say that is a local folder or fetched."""
    for key, source in campaign.adapters.items():
        folder = _folder(key, source)
        if folder is not None:
            yield key, read_facts(f"{origin}: source '{source.name}' ({source.adapter})", folder)


def _folder(key: Key, source: ForeignSource) -> Path | None:
    """Return the folder with the adapter's files; None if it is not fetched, or not as it was fetched."""
    if source.revision is None:
        return local_adapter(source)
    try:
        checksums = read_record(ADAPTERS / key)["sha256"]
    except UserError:
        return None
    return None if altered(ADAPTERS / key, checksums) else ADAPTERS / key
