"""Small JSON notes of ours in Snakemake's folder; a damaged one is as good as none, and says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalearn.storage.files import whole_file


def read_note(path: Path, consequence: str) -> dict[str, Any]:
    """Return what the note `path` says; nothing if there is none.

    One that is damaged (a machine that lost its power leaves files empty) counts as none, with a warning that ends in
    the `consequence`: whoever starts Snakemake next must not be stopped by it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        return _damaged(path, " ".join(str(error).split()), consequence)
    return content if isinstance(content, dict) else _damaged(path, "no JSON object", consequence)


def _damaged(path: Path, why: str, consequence: str) -> dict[str, Any]:
    print(f"warning: {path}: not readable ({why}); {consequence}", file=sys.stderr, flush=True)
    return {}


def write_note(path: Path, content: Mapping[str, Any]) -> None:
    """Have the note say this: the file is replaced at once, so that a kill leaves the old one or the new one."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
