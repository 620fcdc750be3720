"""Types of fields that config models, task definitions and records share: names, paths, commits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from scalearn.errors import UserError


class Strict(BaseModel):
    """A model of config.yaml: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def matching(pattern: str, expected: str, **more: Any) -> Any:
    """Return the constraint that a text matches the pattern; `expected` says in words what does, for refusals."""
    return Field(pattern=pattern, json_schema_extra={"expected": expected}, **more)


# Names become folders and shell words: letters, digits, '-' and '_', and nothing else.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name = Annotated[
    str,
    matching(NAME_PATTERN, "a name (at most 64 letters, digits, '-' and '_')", max_length=64),
]


def is_name(value: object) -> bool:
    """Tell whether this, read from a file, may become a folder or a module."""
    return isinstance(value, str) and re.fullmatch(NAME_PATTERN, value) is not None


Commit = Annotated[
    str,
    matching(
        r"^[0-9a-f]{40}$",
        "a full commit hash of 40 digits and letters a to f "
        "(on the repository's page: 'Files and versions', then 'History')",
    ),
]
Whole = Annotated[int, Field(strict=True)]  # neither true nor "7"


def _local(path: str) -> str:
    """Refuse what is no path; the value is not quoted, for a URL may hold a token."""
    if "://" in path:
        raise ValueError("a path on this machine is expected, not a URL; download it and name the copy")
    if any(ord(sign) < 32 for sign in path):
        raise ValueError("a path must not hold a line's end or another control character; rename it")
    return path


LocalPath = Annotated[
    str, Field(min_length=1, json_schema_extra={"expected": "a path on this machine"}), AfterValidator(_local)
]


def local_path(path: str) -> Path:
    """Return a path of the config as this machine has it: a `~` at its beginning is the user's home.

    The config and every definition keep the `~`. Written out, it would differ between users and machines, and a task
    would be made anew for each of them.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"{path}: no home of that user is known here; write the folder's name out") from None
