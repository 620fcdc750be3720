"""The arguments of `scalearn.compose` that name a method, its hyper-parameters and the similarities of its sources."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from scalearn.errors import UserError, nearest, shown
from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import Composing, HyperParameters, OneTask
from scalearn.validation import complaint

# A trainer has these; the call itself says which sources are composed.
TRAINING = OneTask.model_fields.keys()
SELECTING = Composing.model_fields.keys() - HyperParameters.model_fields.keys()


def two_stage_method(name: str) -> Method:
    """Return the two-stage method of this name. Raises: UserError if there is none."""
    known = {method.name: method for method in METHODS.values() if method.family == "two_stage"}
    if name in known:
        return known[name]
    if name in METHODS:
        raise UserError(f"method: '{name}' composes no source adapters; choose one of: {shown(known)}")
    raise UserError(f"method: unknown name {name!r}{nearest(str(name), known)}")


def values_of(method: Method, hyperparameters: Mapping[str, Any], hidden: int) -> Any:
    """Return all hyper-parameters of the method: its defaults, changed by `hyperparameters`.

    hidden: the encoder's hidden size.

    Raises: UserError if one is unknown, out of its bounds or not for this call, or if they do not fit together.
    """
    kind = method.hyperparameters
    own = [key for key in kind.model_fields if key not in TRAINING and key not in SELECTING]
    for key in hyperparameters:
        if key in TRAINING:
            raise UserError(f"{key}: the trainer decides this; set it in TrainingArguments or in your own loop")
        if key in SELECTING:
            raise UserError(f"{key}: list in `sources` exactly the adapters that you want to compose")
        if key not in own:
            raise UserError(f"{key}: '{method.name}' has no such hyper-parameter{nearest(key, own)}")
    try:
        values = TypeAdapter(kind).validate_python(dict(hyperparameters))
    except ValidationError as error:
        raise UserError(complaint(error, kind, hyperparameters)) from None
    method.check(values, hidden)
    return values


def similarities_of(method: Method, names: Sequence[str], similarities: Iterable[float] | None) -> Mapping[str, float]:
    """Return the similarity of each source, by its name; empty if the method uses none.

    Raises: UserError if the method needs similarities that are not given, or uses none that are given.
    """
    if not method.similarity:
        if similarities is not None:
            raise UserError(f"similarities: '{method.name}' uses none; leave them out")
        return {}
    if similarities is None:
        raise UserError(
            f"similarities: '{method.name}' weights its sources by their similarity to your task; give a number for "
            "each source, in their order; equal numbers weight them equally"
        )
    try:
        if isinstance(similarities, set | frozenset):  # it has no order
            raise TypeError
        numbers = [float(number) for number in similarities]
    except (TypeError, ValueError):
        raise UserError(f"similarities: a list of numbers is expected, found {similarities!r}") from None
    if len(numbers) != len(names):
        raise UserError(f"similarities: {len(numbers)} numbers for {len(names)} sources; give one for each source")
    if not all(0 <= number < math.inf for number in numbers) or not any(numbers):
        raise UserError("similarities: numbers of at least 0 are expected, and at least one above 0")
    return dict(zip(names, numbers, strict=True))
