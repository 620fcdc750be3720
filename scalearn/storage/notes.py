"""Small JSON notes that we keep in Snakemake's folder. A damaged note counts as missing, with a warning."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalearn.storage.files import whole_file


def read_note(path: Path, consequence: str) -> dict[str, Any]:
    """Return the content of a note, or {} if there is none.

    A damaged note (a power loss can leave files empty) also gives {}, with a warning on standard error, because it must
    not stop the next start of Snakemake.

    Args:
        consequence: what follows from the loss; the warning ends with it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        return _damaged(path, " ".join(str(error).split()), consequence)
    return content if isinstance(content, dict) else _damaged(path, "not a JSON object", consequence)


def _damaged(path: Path, why: str, consequence: str) -> dict[str, Any]:
    print(f"warning: {path}: not readable ({why}); {consequence}", file=sys.stderr, flush=True)
    return {}


def write_note(path: Path, content: Mapping[str, Any]) -> None:
    """Write a note atomically, so that a kill leaves the old note or the new one."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
