"""Fetching an adapter from the hub: its configuration and its safetensors file, never a pickle."""

from __future__ import annotations

import re
from pathlib import Path

from scalearn.campaign.config import IDENTIFIER
from scalearn.campaign.input_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from scalearn.errors import UserError

CONVERT = (
    "only safetensors files are loaded; if you trust the adapter, load it with load_adapter, save it with "
    "save_adapter(..., use_safetensors=True), and name that folder"
)
_REVISION = re.compile(r"[\w.-]+")


def is_identifier(text: str) -> bool:
    """Tell whether a text may be an adapter's id on the hub: owner/name, or owner/name@revision."""
    repository, at, revision = text.partition("@")
    return bool(IDENTIFIER.fullmatch(repository) and (not at or _REVISION.fullmatch(revision)))


def fetch_adapter(identifier: str) -> Path:
    """Return the folder of the hub's cache with an adapter's configuration and its weights.

    identifier: owner/name, or owner/name@revision.

    Raises: UserError if the hub has no such adapter, has it only as a pickle, or cannot be reached.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, _, revision = identifier.partition("@")
    file = ADAPTER_CONFIG
    try:
        path = Path(hf_hub_download(repository, ADAPTER_CONFIG, revision=revision or None))
        file = ADAPTER_WEIGHTS
        hf_hub_download(repository, ADAPTER_WEIGHTS, revision=revision or None)
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise UserError(f"{identifier}: no such folder, and the hub has no such repository or revision") from None
    except LocalEntryNotFoundError:  # an EntryNotFoundError, too
        raise UserError(
            f"{identifier}: no such folder; its {file} is not in the hub's cache, and the hub cannot be reached"
        ) from None
    except EntryNotFoundError:
        why = "it holds no adapter of `adapters`" if file == ADAPTER_CONFIG else CONVERT
        raise UserError(f"{identifier}: the hub has no {file} there; {why}") from None
    except (OSError, ValueError) as error:  # requests raises OSErrors, the hub's client raises both
        raise UserError(
            f"{identifier}: no such folder, and the hub did not answer ({type(error).__name__}); try again, or "
            "name a local folder"
        ) from None
    return path.parent
