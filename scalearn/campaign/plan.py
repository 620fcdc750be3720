"""A campaign: the checked content of its file, the runs that follow from it, and what its tables show.

Pure: no torch, no pandas, no network. The workflow builds its graph from a campaign; a campaign knows no workflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scalearn.campaign.campaign_file import read_campaign_file
from scalearn.campaign.config import Config
from scalearn.campaign.config_errors import check_names, explain
from scalearn.campaign.keys import digest
from scalearn.campaign.paper import departures, not_compared
from scalearn.campaign.runs import Runs
from scalearn.campaign.table_layout import table_layout
from scalearn.campaign.variants import renamed
from scalearn.errors import UserError


class Campaign(Runs):
    """One campaign file, checked, with its runs and its tables."""

    @classmethod
    def parse(cls, content: Mapping[str, Any], origin: str = "config.yaml") -> Campaign:
        """Return the campaign that `content` describes.

        origin: the name of the campaign file, with which error messages begin.
        Raises: UserError if a key or a value is wrong.
        """
        try:
            config = Config.model_validate(dict(content))
        except ValidationError as error:
            raise UserError(f"{origin}: {explain(error, content)}") from None
        campaign = cls(config, origin)
        check_names(config, campaign.known_tasks, origin)
        return campaign

    @classmethod
    def read(cls, path: Path) -> Campaign:
        """Return the campaign of the file `path`.

        Raises: UserError if the file cannot be read, or a key or a value in it is wrong.
        """
        return cls.parse(read_campaign_file(path), str(path))

    @property
    def notes(self) -> list[str]:
        """Sentences about outdated entries in the campaign file, for its user."""
        return renamed(self.config.methods)

    def size(self) -> str:
        """Return how many runs, rows and tasks the campaign has, in words."""
        return f"{len(self.trainings)} runs for {len(self.rows)} rows and {len(self.tasks)} tasks"

    def layout(self, benchmark: str) -> dict[str, Any]:
        """Return what the benchmark's table shows, as scalearn.results.layout reads it."""
        return table_layout(self, benchmark)

    @property
    def compared(self) -> list[str]:
        """The benchmarks that are compared with the paper's published scores."""
        return [benchmark for benchmark in self.benchmarks if self.not_compared(benchmark) is None]

    def not_compared(self, benchmark: str) -> str | None:
        """Return why a benchmark is not compared with the published scores, or None if it is."""
        return not_compared(self, benchmark)

    def departures(self, benchmark: str) -> tuple[str, ...]:
        """Return what differs from the paper's conditions in a compared benchmark, a sentence for each."""
        return departures(self, benchmark)

    def shown(self, *benchmarks: str) -> str:
        """Return a digest that changes with what the tables of these benchmarks show; by default those of all."""
        return digest([self.layout(benchmark) for benchmark in benchmarks or self.benchmarks])
