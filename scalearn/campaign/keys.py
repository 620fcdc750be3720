"""Keys: the names under which tasks, encoders and groups of tasks stand in paths, so that no two share a folder.

What is as the package ships it stands there by its name alone. What a campaign file defines itself has a digest of its
definition behind the name, and what is too long is cut and has a digest of the whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from scalearn.fields import NAME_PATTERN

MARK = "@"  # stands before a digest; no name holds it
DIGITS = 8  # of a digest
LONGEST = 32  # characters of a key. All components of a run's path, joined by the plugin for SLURM, make one file name

BEGINNING = LONGEST - DIGITS - len(MARK)  # characters of a name before a digest

KEY_PATTERN = NAME_PATTERN.removesuffix("$") + rf"({MARK}[A-Za-z0-9_=-]+)*$"
Key = Annotated[str, Field(pattern=KEY_PATTERN, max_length=LONGEST)]


def normal(content: Any) -> str:
    """Return `content` as JSON with sorted keys and no needless blanks, so that equal content is equal text."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: Any) -> str:
    """Return a few hexadecimal digits that tell this content, which must be plain data, from other content."""
    return hashlib.sha256(normal(content).encode()).hexdigest()[:DIGITS]


def shortened(component: str, longest: int = LONGEST) -> str:
    """Return a component of a path, or its beginning and a digest of the whole if it is too long."""
    if len(component) <= longest:
        return component
    return component[: longest - DIGITS - len(MARK)].rstrip(MARK) + MARK + digest(component)


def key(name: str, content: Any) -> str:
    """Return the key of something of this name and content: the name, or its beginning, and a digest."""
    return f"{name[:BEGINNING]}{MARK}{digest(content if len(name) <= BEGINNING else [name, content])}"


def task_key(name: str, content: Mapping[str, Any], shipped: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the key of a task of this content.

    shipped: the contents that the package gives tasks of this name, by what their keys say of them; fewer rows of one
    are spelt out.
    """
    whole = {part: value for part, value in content.items() if part != "train_rows"}
    rows = {} if whole == content else {"train_rows": content["train_rows"]}
    for said, known in shipped.items():
        if whole == known:
            marks = [*([said] if said else []), *(f"{part}={value}" for part, value in rows.items())]
            return shortened(MARK.join([name, *marks]))
    return key(name, content)


def name_of(key: str) -> str:
    """Return the name in a key, or its beginning if the key is shortened."""
    return key.partition(MARK)[0]


def is_of(key: str, name: str) -> bool:
    """Tell whether this may be the key of something of this name."""
    return key == name or key.startswith(f"{name[:BEGINNING]}{MARK}")
