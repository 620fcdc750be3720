"""The header of a file of stacked source adapters. Imports no torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from scalearn.errors import UserError

TENSORS = ("down.weight", "down.bias", "up.weight", "up.bias")  # of a bottleneck adapter in one layer
ENTRY = "sources"  # the only metadata entry, since safetensors writes several in no fixed order


@dataclass(frozen=True)
class StackFacts:
    """The facts in the header.

    names: the sources' tasks, in the order of the stack.
    sha256: the checksum of each source's weights.
    content: the checksum of the stacked tensors.
    runs: the paths of the sources' runs; empty in files of earlier versions.
    model: the checksum of their encoder's weights; empty in files of earlier versions.
    """

    names: tuple[str, ...]
    sha256: tuple[str, ...]
    content: str
    runs: tuple[str, ...] = ()
    model: str = ""

    @classmethod
    def read(cls, path: Path) -> StackFacts:
        """Return the header of a file. Raises: UserError if the file is missing, damaged or no stack of adapters."""
        try:
            with safe_open(path, framework="numpy") as stream:
                header = json.loads((stream.metadata() or {})[ENTRY])
            lists = {name: tuple(header.get(name, ())) for name in ("names", "sha256", "runs")}
            return cls(**lists, content=str(header["content"]), model=str(header.get("model", "")))
        except (OSError, KeyError, TypeError, AttributeError, ValueError, SafetensorError) as error:
            why = f"no readable stack of source adapters ({error})"
            raise UserError(f"{path}: {why}; delete it and run again") from None

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the file."""
        return {ENTRY: json.dumps(asdict(self))}

    @property
    def record(self) -> dict[str, Any]:
        """What run.json stores of the sources: all that changes a result."""
        return {"names": list(self.names), "content": self.content}
