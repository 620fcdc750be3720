"""Pushes an export to a repository of the Hugging Face hub."""

from __future__ import annotations

import os
import re
from pathlib import Path

from scalearn.campaign.input_files import EXPORT_RECORD
from scalearn.errors import UserError

OPTION = "--push-to-hub"
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
NAME = re.compile(r"([\w][\w.-]*/)?[\w][\w.-]{0,95}")
OURS = {".gitattributes", "README.md"}  # a new repository may have these


def check_push(name: str) -> None:
    """Refuse, before anything is written, a push that cannot succeed: a wrong name, no token, the hub switched off.

    Raises: UserError.
    """
    from huggingface_hub import get_token

    if not NAME.fullmatch(name):
        raise UserError(f"{OPTION} {name}: this is no name of a repository; write OWNER/NAME")
    if off := [variable for variable in OFFLINE if os.environ.get(variable, "0").lower() not in ("", "0", "false")]:
        raise UserError(f"{OPTION}: {off[0]} switches the hub off; unset it")
    if not get_token():
        raise UserError(f"{OPTION}: no token of the hub; type `hf auth login`, or set HF_TOKEN")


def push(folder: Path, name: str, *, private: bool = False) -> str:
    """Upload an export and return the address of its repository, which is made if it is not there.

    Raises: UserError if the repository holds other files than an export, or if the hub refuses. The export stays.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    again = f"the export is in {folder}; push it with `hf upload {name} {folder}`"
    try:
        address = api.create_repo(name, private=private, exist_ok=True)
        present = set(api.list_repo_files(address.repo_id))
    except Exception as error:  # the hub's library raises many kinds, and those of its HTTP client
        raise UserError(f"{OPTION} {name}: {_why(error)}; {again}") from None
    if present - OURS and EXPORT_RECORD not in present:
        other = min(present - OURS)
        raise UserError(f"{OPTION} {name}: the repository holds other files ({other}); name another; {again}")
    try:
        api.upload_folder(repo_id=address.repo_id, folder_path=folder, commit_message="Export of a run of scalearn")
    except Exception as error:
        raise UserError(f"{OPTION} {name}: {_why(error)}; {again}") from None
    return str(address)


def _why(error: Exception) -> str:
    """Return what went wrong, without addresses and without what was sent."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return f"the hub does not let this token write there ({status})"
    if status is not None:
        return f"the hub answered {status}"
    return f"the hub cannot be reached ({type(error).__name__})"
