"""AdapterSoup: one adapter, the weighted mean of the most similar sources (Chronopoulou et al. 2023, section 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from scalearn.errors import UserError
from scalearn.methods.base import Given, Method, Shapes
from scalearn.methods.hyperparameters import WHOLE, Composing, OneTask

NAME = "soup"  # the adapter's name inside the model


class AdapterSoupValues(OneTask, Composing):
    """Of AdapterSoup."""

    top_k: Annotated[
        int, Field(ge=1, description="how many sources are averaged: those most similar to the target"), WHOLE
    ] = 5


class AdapterSoup(Method):
    """One adapter, the weighted mean of the sources; only the head trains."""

    formula = (
        "y = LN(U relu(D u + b) + c + h + x) with D = sum_s w_s D_s, and so b, U and c; w_s is the similarity of "
        "source s to the target, of the top_k most similar sources, made to sum to one"
    )

    def count(self, shapes: Shapes, values: AdapterSoupValues) -> int:
        return 0

    def install(self, model: Any, values: AdapterSoupValues, given: Given) -> None:
        from scalearn.methods.layers.sources import add_mean_adapter, chosen

        sources = chosen(model, given, values)
        weights = soup_weights(given.target, given.similarity, sources.names, values.top_k)
        add_mean_adapter(model, NAME, sources, weights)


def soup_weights(target: str, similarity: Mapping[str, float], names: Sequence[str], top_k: int) -> list[float]:
    """Return the weight of each source, in the order of `names`; of equally similar ones the first count as more."""
    if missing := [name for name in names if name not in similarity]:
        raise UserError(f"the similarities to '{target}' lack source '{missing[0]}'; make them from the same tasks")
    ranked = sorted(range(len(names)), key=lambda index: -similarity[names[index]])[:top_k]
    total = sum(similarity[names[index]] for index in ranked)
    if total <= 0:
        raise UserError(f"no source is similar to '{target}', so that there is no soup; leave adapter_soup out")
    return [similarity[name] / total if index in ranked else 0.0 for index, name in enumerate(names)]


METHODS = (
    AdapterSoup(
        name="adapter_soup",
        title="AdapterSoup",
        family="two_stage",
        citation="Chronopoulou et al. 2023, AdapterSoup (Findings of EACL)",
        similarity="all",
        hyperparameters=AdapterSoupValues,
    ),
)
