"""What a file of stacked source adapters says of itself, in its header; read without torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from scalearn.errors import UserError

ENTRY = "sources"  # the one entry of the file's metadata: safetensors writes several in an order that changes


@dataclass(frozen=True)
class StackFacts:
    """names: the sources' tasks; sha256: of each one's weights; content: of the stacked tensors.

    runs: the paths of the sources' runs; model: the checksum of their encoder's weights. Both are empty in files of
    earlier versions.
    """

    names: tuple[str, ...]
    sha256: tuple[str, ...]
    content: str
    runs: tuple[str, ...] = ()
    model: str = ""

    @classmethod
    def read(cls, path: Path) -> StackFacts:
        """Return what the file says; a UserError names it if it is missing, damaged or no such file."""
        try:
            with safe_open(path, framework="numpy") as stream:
                found = json.loads((stream.metadata() or {})[ENTRY])
            lists = {name: tuple(found.get(name, ())) for name in ("names", "sha256", "runs")}
            return cls(**lists, content=str(found["content"]), model=str(found.get("model", "")))
        except (OSError, KeyError, TypeError, AttributeError, ValueError, SafetensorError) as error:
            why = f"no readable stack of source adapters ({error})"
            raise UserError(f"{path}: {why}; delete it and run again") from None

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the file."""
        return {ENTRY: json.dumps(asdict(self))}

    @property
    def record(self) -> dict[str, Any]:
        """What a run's record says of its sources: all that makes a difference to it."""
        return {"names": list(self.names), "content": self.content}
