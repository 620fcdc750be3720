"""Where the names of marks stand in a chart, so that they overlap neither each other nor other marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 170  # pixels of a name; longer ones are cut
LETTER, LINE, GAP = 6.3, 13.0, 8.0  # pixels: width of a letter, height of a line, from a mark to its name


@dataclass(frozen=True)
class Place:
    """The pixel at which a name begins, or ends if it stands to the left of its mark."""

    x: float
    y: float
    left: bool


def placed(marks: Sequence[tuple[float, float]], names: Sequence[str], width: float) -> list[Place]:
    """Return a place for the name of each mark: of several near its mark, the one that overlaps least.

    Args:
        marks: x and y of each mark, in pixels.
        width: Width of the chart in pixels; no name to the right of its mark goes beyond it if there is another place.
    """
    boxes = [(x - 5, y - 5, x + 5, y + 5) for x, y in marks]
    places = []
    for (x, y), name in zip(marks, names, strict=True):
        length = min(len(name) * LETTER, LONGEST)
        near = [
            Place(x - GAP if left else x + GAP, y + down * LINE, left)
            for down in (-0.7, 0.7, 0, -1.4, 1.4, -2.1, 2.1)
            for left in (False, True)
        ]
        best = min(near, key=lambda place: _cost(_box(place, length), boxes, width))
        boxes.append(_box(best, length))
        places.append(best)
    return places


def _box(place: Place, length: float) -> tuple[float, float, float, float]:
    start = place.x - length if place.left else place.x
    return start, place.y - LINE / 2, start + length, place.y + LINE / 2


def _cost(box: tuple[float, ...], others: Sequence[tuple[float, ...]], width: float) -> float:
    """Return the area that a box shares with others or has outside of the chart."""
    outside = max(0.0, -box[0]) + max(0.0, box[2] - width)
    shared = sum(
        max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
        * max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
        for other in others
    )
    return shared + outside * LINE
