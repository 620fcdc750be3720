"""Field types that config models, task definitions and records share: names, paths, commits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from scalearn.errors import UserError


class Strict(BaseModel):
    """Base of the config models: unknown keys are refused, and instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def matching(pattern: str, expected: str, **more: Any) -> Any:
    """Return a field constraint: the text must match `pattern`.

    Args:
        pattern: a regular expression.
        expected: what the pattern allows, in words, for messages.
        more: further arguments of pydantic's `Field`.
    """
    return Field(pattern=pattern, json_schema_extra={"expected": expected}, **more)


# Names become folder names and words of shell commands: only letters, digits, '-' and '_'.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name = Annotated[
    str,
    matching(NAME_PATTERN, "a name (at most 64 letters, digits, '-' and '_')", max_length=64),
]


def is_name(value: object) -> bool:
    """Tell whether a value that was read from a file is a name that may become a folder or a module."""
    return isinstance(value, str) and re.fullmatch(NAME_PATTERN, value) is not None


Commit = Annotated[
    str,
    matching(
        r"^[0-9a-f]{40}$",
        "a full commit hash of 40 digits and letters a to f "
        "(on the repository's page: 'Files and versions', then 'History')",
    ),
]
Whole = Annotated[int, Field(strict=True)]  # refuses true and "7"


def local_only(path: str) -> str:
    """Refuse URLs and control characters in a path. The message does not quote the value: a URL may hold a token."""
    if "://" in path:
        raise ValueError("a path on this machine is expected, not a URL; download it and name the copy")
    if any(ord(sign) < 32 for sign in path):
        raise ValueError("a path must not contain line ends or other control characters; rename it")
    return path


LocalPath = Annotated[
    str, Field(min_length=1, json_schema_extra={"expected": "a path on this machine"}), AfterValidator(local_only)
]


def local_path(path: str) -> Path:
    """Return a path of the config with `~` replaced by the user's home.

    The config and the task definitions keep the `~`. A replaced one would differ between users and machines, so that
    each of them would prepare the task again.

    Raises: UserError if the home of a `~user` is unknown.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"{path}: the home of that user is unknown; write the whole path") from None
