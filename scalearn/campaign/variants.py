"""A variant: a method with settings of its own; each is a row of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scalearn.methods import METHODS
from scalearn.methods.base import Method


@dataclass(frozen=True, eq=False)
class Variant:
    """A row of a table: its name in the campaign, its title, its method and what differs from the method's values."""

    name: str
    title: str
    method: Method
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def plain(cls, method: str) -> Variant:
        """Return the row of a method as it is."""
        return cls(method, METHODS[method].title, METHODS[method])

    @property
    def learned(self) -> tuple[Any, ...]:
        """All of it that makes a difference to what its runs learn."""
        return self.method.name, *sorted(self.settings.items())
