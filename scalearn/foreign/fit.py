"""Checking that a source adapter belongs to an encoder. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from scalearn.errors import UserError
from scalearn.foreign.facts import AdapterFacts


class Encoder(Protocol):
    """What is known of an encoder; 0 or "" where it is not known."""

    @property
    def layers(self) -> int:
        """The number of its layers."""

    @property
    def hidden(self) -> int:
        """Their width."""

    @property
    def name(self) -> str:
        """Its folder, or its id on the hub."""

    @property
    def model_type(self) -> str:
        """Its architecture, as config.json names it."""

    @property
    def sha256(self) -> str:
        """The checksum of its weights' file."""


class Source(Protocol):
    """What is known of a source adapter, as AdapterFacts describes it."""

    @property
    def where(self) -> str:
        """The folder or id that the user named."""

    @property
    def depth(self) -> int:
        """The number of layers."""

    @property
    def hidden(self) -> int:
        """The hidden size of its encoder."""

    @property
    def encoder(self) -> str:
        """The name of its encoder."""

    @property
    def model_type(self) -> str:
        """The architecture of its encoder."""

    @property
    def sha256(self) -> str:
        """The checksum of its encoder's weights."""


def check_encoder(source: Source, encoder: Encoder) -> str:
    """Refuse a source adapter that was not trained on this encoder.

    Returns: a sentence if nothing tells whether the encoder is the same, else "".
    Raises: UserError if it is another one.
    """
    check_shape(source, encoder)
    return check_identity(source, encoder)


def check_width(source: AdapterFacts, factors: Iterable[int]) -> None:
    """Refuse a source adapter of another width than adapters with these reduction factors have.

    Raises: UserError if it does not fit.
    """
    for factor in factors:
        if source.hidden // factor != source.bottleneck:
            mend = "choose another adapter"
            if source.hidden % source.bottleneck == 0:
                own = source.hidden // source.bottleneck
                mend = f"set `hyperparameters: {{adapter: {{reduction_factor: {own}}}}}`, or choose another adapter"
            raise UserError(
                f"{source.where}: its bottlenecks are {source.bottleneck} wide, and those of the adapters that it is "
                f"composed with {source.hidden // factor} (reduction_factor {factor}); {mend}"
            )


def check_shape(source: Source, encoder: Encoder) -> None:
    """Refuse a source adapter of another architecture, depth or hidden size than the encoder's.

    Raises: UserError if it does not fit.
    """
    shape, own = (source.depth, source.hidden), (encoder.layers, encoder.hidden)
    if all(own) and shape != own:
        raise UserError(
            f"{source.where}: an adapter for {shape[0]} layers of width {shape[1]}, and {encoder} has {own[0]} "
            f"layers of width {own[1]}; compose adapters of one encoder"
        )
    if "" not in (source.model_type, encoder.model_type) and source.model_type != encoder.model_type:
        raise UserError(
            f"{source.where}: an adapter for a '{source.model_type}' encoder, and {encoder} is a "
            f"'{encoder.model_type}'; compose adapters of one encoder"
        )


def check_identity(source: Source, encoder: Encoder) -> str:
    """Refuse a source adapter of another encoder of the same shape.

    Returns: a sentence if nothing tells whether the encoder is the same, else "".
    Raises: UserError if it is another one, by the checksums of their weights or by their names.
    """
    if source.sha256 and encoder.sha256:
        if source.sha256 != encoder.sha256:
            raise UserError(
                f"{source.where}: its encoder has other weights than {encoder} (sha256 {source.sha256[:12]} and "
                f"{encoder.sha256[:12]}); use the encoder of this adapter"
            )
        return ""
    names = [source.encoder, encoder.name]
    of_hub = [_may_be_of_hub(name) for name in names]
    same_name = len({name.rstrip("/").rpartition("/")[2].lower() for name in names}) == 1
    if (any(of_hub) and same_name) or (names[0] and names[0] == names[1]):
        return ""
    if all(of_hub):
        raise UserError(
            f"{source.where}: trained on '{source.encoder}', and the model is {encoder}; use the encoder of this "
            "adapter"
        )
    return (
        f"{source.where}: cannot check that its encoder ({source.encoder or 'it names none'}) is {encoder}; they have "
        "the same shape"
    )


def _may_be_of_hub(name: str) -> bool:
    """Tell whether an encoder's name may be an id of the hub, with or without its owner, and is no folder."""
    return bool(name) and not Path(name).is_dir() and not name.startswith((".", "/", "~")) and name.count("/") < 2
