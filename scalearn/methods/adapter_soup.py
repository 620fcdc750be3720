"""AdapterSoup: one adapter, the weighted mean of the most similar sources (Chronopoulou et al. 2023, section 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from scalearn.errors import UserError
from scalearn.methods.base import Given, Method, Shapes
from scalearn.methods.hyperparameters import INTEGER, Composing, OneTask

NAME = "soup"  # the adapter's name inside the model


class AdapterSoupValues(OneTask, Composing):
    """The hyper-parameters of AdapterSoup."""

    top_k: Annotated[
        int,
        Field(ge=1, description="number of averaged sources: those most similar to the target"),
        INTEGER,
    ] = 5


class AdapterSoup(Method):
    """One adapter, the weighted mean of the sources; only the head trains."""

    formula = (
        "y = LN(U relu(D u + b) + c + h + x) with D = sum_s w_s D_s, and likewise b, U and c; w_s is the similarity of "
        "source s to the target, divided by the sum over the top_k most similar sources"
    )

    def count(self, shapes: Shapes, values: AdapterSoupValues) -> int:
        return 0

    def install(self, model: Any, values: AdapterSoupValues, given: Given) -> None:
        from scalearn.methods.layers.sources import add_mean_adapter, selected_sources

        sources = selected_sources(model, given, values)
        weights = soup_weights(given.target, given.similarity, sources.names, values.top_k)
        add_mean_adapter(model, NAME, sources, weights)


def soup_weights(target: str, similarity: Mapping[str, float], names: Sequence[str], top_k: int) -> list[float]:
    """Return the weight of each source, in the order of `names`. Of equally similar sources, the first rank higher.

    similarity: of each source to the target, by name.
    Raises: UserError if a similarity is missing, or no source is similar.
    """
    if missing := [name for name in names if name not in similarity]:
        raise UserError(f"the similarities to '{target}' lack source '{missing[0]}'; make them from the same tasks")
    ranked = sorted(range(len(names)), key=lambda index: -similarity[names[index]])[:top_k]
    total = sum(similarity[names[index]] for index in ranked)
    if total <= 0:
        raise UserError(f"no source is similar to '{target}', so no weights can be formed; leave adapter_soup out")
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
