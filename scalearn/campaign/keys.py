"""Keys: the names of tasks, encoders and groups of tasks in paths. Two different definitions have different keys.

The key of a definition that the package ships is its name. The key of a campaign file's own definition is its name and
a digest of the definition. A key that would be too long is cut and ends in a digest of the full text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from scalearn.fields import NAME_PATTERN

MARK = "@"  # precedes a digest; no name contains it
DIGITS = 8  # of a digest
LONGEST = 32  # characters of a key; short, since the SLURM plugin joins all components of a run's path to one file name

BEGINNING = LONGEST - DIGITS - len(MARK)  # characters of a name before a digest

KEY_PATTERN = NAME_PATTERN.removesuffix("$") + rf"({MARK}[A-Za-z0-9_=-]+)*$"
Key = Annotated[str, Field(pattern=KEY_PATTERN, max_length=LONGEST)]


def normal(content: Any) -> str:
    """Return plain data as JSON with sorted keys and without blanks, so that equal data gives equal text."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: Any) -> str:
    """Return the first DIGITS hexadecimal digits of the SHA-256 of plain data."""
    return hashlib.sha256(normal(content).encode()).hexdigest()[:DIGITS]


def shortened(component: str, longest: int = LONGEST) -> str:
    """Return a component of a path; if it is too long, its beginning and a digest of the full component.

    longest: in characters.
    """
    if len(component) <= longest:
        return component
    return component[: longest - DIGITS - len(MARK)].rstrip(MARK) + MARK + digest(component)


def key(name: str, content: Any) -> str:
    """Return the key of a definition: its name, or the beginning of a long name, and a digest.

    content: the definition, as plain data.
    """
    return f"{name[:BEGINNING]}{MARK}{digest(content if len(name) <= BEGINNING else [name, content])}"


def task_key(name: str, content: Mapping[str, Any], shipped: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the key of a task.

    A shipped definition with fewer training rows has no digest: its key spells out `train_rows`.

    content: the task's definition, as plain data.
    shipped: the package's definitions of this name, by what the key adds to the name.
    """
    with_all_rows = {part: value for part, value in content.items() if part != "train_rows"}
    rows = {} if with_all_rows == content else {"train_rows": content["train_rows"]}
    for addition, definition in shipped.items():
        if with_all_rows == definition:
            marks = [*([addition] if addition else []), *(f"{part}={value}" for part, value in rows.items())]
            return shortened(MARK.join([name, *marks]))
    return key(name, content)


def name_of(key: str) -> str:
    """Return the name in a key, or its beginning if the key is shortened."""
    return key.partition(MARK)[0]


def is_of(key: str, name: str) -> bool:
    """Return whether a definition of this name may have this key."""
    return key == name or key.startswith(f"{name[:BEGINNING]}{MARK}")
