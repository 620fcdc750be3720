"""`scalearn.compose`: source adapters composed in a model that the user has, for any trainer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Integral
from os import PathLike
from typing import Any

import torch

from scalearn.composing.added_loss import AddedLoss
from scalearn.composing.arguments import similarities_of, two_stage_method, values_of
from scalearn.composing.encoder import check_fit, check_model
from scalearn.composing.sources import read_sources, stacked
from scalearn.errors import UserError, as_argument_error
from scalearn.methods.base import Given
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.training.engine.model import add_head

ATTRIBUTE = "scalearn_composition"  # where a composed model keeps its Composition


@dataclass(frozen=True)
class Composition:
    """What `compose` put into a model.

    method: its name. hyperparameters: all of the method's, also those that a trainer decides, with the paper's values.
    sources: the names of the source adapters, in their order; the rows of omega have this order.
    head: the name of the prediction head. adapters: the names of the adapters inside the model.
    """

    method: str
    hyperparameters: HyperParameters
    sources: tuple[str, ...]
    head: str
    adapters: tuple[str, ...]
    given: Given = field(repr=False, compare=False)


@as_argument_error()
def compose(
    model: Any,
    sources: Iterable[str | PathLike[str]],
    method: str = "scalearn",
    num_labels: int = 2,
    *,
    multilabel: bool = False,
    similarities: Iterable[float] | None = None,
    seed: int | None = None,
    **hyperparameters: bool | int | float | str,
) -> Composition:
    """Compose source adapters in `model`, add a classification head, and leave only what the method learns trainable.

    The model is changed in place, and only after all checks. Any trainer then trains it. Its forward pass returns
    logits of shape (rows, num_labels). The method's own term of the loss, if it has one, is in the loss that the model
    returns while it trains.

    Args:
        model: An AutoAdapterModel of `adapters` without adapters, in float32.
        sources: For each source adapter the folder of a run of stage 1, a folder that `scalearn export` or
            `save_adapter` wrote, or an id of the hub: owner/name, or owner/name@revision.
        method: The name of a two-stage method (`scalearn methods` lists them).
        num_labels: The number of classes; 1 for regression.
        multilabel: Whether a row may have several labels. They are then floats of shape (rows, num_labels).
        similarities: Of each source to the task, for methods that weight their sources by it (adapter_soup).
        seed: Seeds what is drawn for new weights; without it, torch's generator draws as it stands.
        **hyperparameters: The method's own, such as omega_dropout=0.1. A trainer decides on learning rate, epochs and
            the like.

    Returns:
        The composition: names of sources and head, and all hyper-parameters.

    Raises:
        ValueError: If an argument is wrong, if a source cannot be read, or if it does not fit the model: another
            encoder, another width than the other sources, or another place than after each layer's FFN.
    """
    learner = two_stage_method(method)
    check_model(model, head=method)
    values = values_of(learner, hyperparameters, int(model.config.hidden_size))
    num_labels = _whole_number("num_labels", num_labels, 1)
    seed = None if seed is None else _whole_number("seed", seed, 0)
    adapters = read_sources(sources)
    check_fit(model, adapters)
    names = tuple(source.name for source in adapters)
    given = Given(stacked(adapters), similarity=similarities_of(learner, names, similarities))
    with _seeded(seed):
        learner.install(model, values, given)
        model.heads.requires_grad_(False)
        add_head(model, method, num_labels, "multi_label" if multilabel else "classification")
    model.to(model.device)
    if learner.regularises(values):
        model.register_forward_hook(AddedLoss(learner, values))
    # The head's loss is a mean over the rows. Trainer would otherwise take it for a sum and not average it over the
    # batches that it accumulates.
    model.accepts_loss_kwargs = False
    composition = Composition(method, values, names, method, tuple(model.adapters_config.adapters), given)
    setattr(model, ATTRIBUTE, composition)
    return composition


def _whole_number(argument: str, value: Any, least: int) -> int:
    """Return a whole number, also one of NumPy, as an int. Raises: UserError if it is no such number."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) < 2**63:
        raise UserError(f"{argument}: a whole number of at least {least} is expected, found {value!r}")
    return int(value)


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Let torch's generator draw from this seed inside the context, and go on afterwards as if it had not drawn."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):  # new weights are drawn on the CPU
        torch.default_generator.manual_seed(seed)
        yield
