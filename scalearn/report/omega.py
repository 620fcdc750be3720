"""ω of a cell as a small table: a line per layer, a column per source adapter, the mean over dimensions and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from scalearn.campaign.run_folder import WEIGHTS
from scalearn.results.cells import Cell
from scalearn.results.omega import learned_scales
from scalearn.results.records import RUN, Part, RunRecord, ScoreRecord


@dataclass(frozen=True)
class OmegaView:
    """Means of ω. layers: (name of the layer, a mean per source); strongest: the greatest amount, for the shades."""

    sources: tuple[str, ...]
    layers: tuple[tuple[str, tuple[float, ...]], ...]
    strongest: float


def omega_view(cell: Cell, records: Mapping[Part, ScoreRecord], runs: Path) -> OmegaView | None:
    """Return ω of a cell's finished runs, or None for methods without ω. A file that is missing is left out."""
    values: dict[tuple[int | None, str], list[float]] = {}
    for part in cell.parts.values():
        weights = runs / part.run / WEIGHTS
        if part.joint or part not in records or not weights.is_file():
            continue
        spec = RunRecord.read(runs / part.run / RUN).run_spec
        if spec.family != "two_stage":
            return None
        names = records[part].provenance.inputs.get("sources", {}).get("names", ())
        for scales in learned_scales(weights, spec, names, cell.task):
            values.setdefault((scales.layer, scales.source), []).append(float(scales.values.mean()))
    if not values:
        return None
    sources = tuple(dict.fromkeys(source for _, source in values))
    layers = dict.fromkeys(layer for layer, _ in values)
    lines = tuple(
        ("all layers" if layer is None else f"layer {layer}", tuple(mean(values[layer, source]) for source in sources))
        for layer in layers
    )
    return OmegaView(sources, lines, max(abs(value) for _, line in lines for value in line) or 1.0)
