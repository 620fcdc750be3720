"""Tasks that the package makes itself: short English sentences from templates and a lexicon, always the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from scalearn.errors import UserError, nearest
from scalearn.tasks.generated.draw import Draw, Row
from scalearn.tasks.generated.inference import inference
from scalearn.tasks.generated.news import news
from scalearn.tasks.generated.sentiment import sentiment
from scalearn.tasks.generated.similarity import similarity


class Recipe(NamedTuple):
    """How to make a row (of a number, so that labels take turns), and how many each split gets."""

    make: Callable[[Draw, int], Row]
    train: int
    validation: int
    test: int


RECIPES = {
    "demo_sentiment": Recipe(sentiment, 256, 64, 200),
    "demo_nli": Recipe(inference, 264, 66, 201),
    "demo_similarity": Recipe(similarity, 256, 64, 200),
    "demo_rte": Recipe(news, 110, 60, 200),
}


def generate(name: str) -> dict[str, list[Row]]:
    """Return the rows of each split. No first text occurs twice, so no test row is a row of train."""
    if name not in RECIPES:
        raise UserError(f"task '{name}': no generated task of this name{nearest(name, RECIPES)}")
    recipe, draw = RECIPES[name], Draw(name)
    seen: set[str] = set()
    splits: dict[str, list[Row]] = {}
    for split in ("train", "validation", "test"):
        rows: list[Row] = []
        while len(rows) < getattr(recipe, split):
            row = recipe.make(draw, len(rows))
            first = str(next(iter(row.values())))
            if first not in seen:
                seen.add(first)
                rows.append(row)
        splits[split] = rows
    return splits
