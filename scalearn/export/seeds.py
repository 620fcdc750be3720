"""The scores of a run's siblings: the finished runs that differ from it in the seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

from scalearn.campaign.run_folder import RECORD
from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.results.layout import Scoring
from scalearn.results.scores import score
from scalearn.storage.files import read_json


class Spread(NamedTuple):
    """A metric over seeds: mean, standard deviation, and a 95 % t-interval for the mean over new seeds."""

    seeds: tuple[int, ...]
    mean: float
    std: float
    low: float
    high: float


def scores_by_seed(folder: Path) -> dict[int, dict[str, float]]:
    """Return the test scores of a run and its siblings, by seed. A sibling that is not finished or damaged is left out.

    folder: a finished run, or a joint run's folder of one task.
    """
    part = Path("tasks", folder.name) if folder.parent.name == "tasks" else Path()
    run = folder.parent.parent if part.parts else folder
    wanted = _but_for_the_seed(run)
    scores = {}
    for sibling in sorted(run.resolve().parent.iterdir()) if wanted else ():
        try:
            if sibling.name.isdigit() and _but_for_the_seed(sibling) == wanted:
                scores[int(sibling.name)] = score(sibling / part, Scoring((), None)).scores
        except UserError:
            continue
    return scores


def _but_for_the_seed(run: Path) -> dict[str, object] | None:
    """Return the run's spec without its seed and its sources, which may be of that seed; None if there is no run."""
    path = run / RECORD
    if not path.is_file():
        return None
    spec = RunSpec.of_record(read_json(path)["spec"])
    return spec.model_dump(exclude={"seed", "sources"}) if run.name == str(spec.seed) else None


def spread(values: Sequence[float], seeds: Sequence[int]) -> Spread:
    """Return mean, deviation and interval of two values or more."""
    from scipy.stats import t

    center, deviation = mean(values), stdev(values)
    half = float(t.ppf(0.975, len(values) - 1)) * deviation / sqrt(len(values))
    return Spread(tuple(seeds), center, deviation, center - half, center + half)
