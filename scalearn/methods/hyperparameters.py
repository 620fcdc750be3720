"""The hyper-parameters that methods share, with type, default, bounds and description. Imports no torch.

A method defines its own in a subclass, in its module. An integer may be written 30.0, but not 30.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

LARGEST = 2**31 - 1  # integer, since some libraries count in 32 bits


def _integer(value: Any) -> Any:
    """Return 30 for 30.0. Raises: ValueError if an integer is larger than LARGEST."""
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(value, int) and value > LARGEST:
        raise ValueError(f"a whole number of at most {LARGEST} is expected, found a larger one")
    return value


def _boolean(value: Any) -> Any:
    """Return 0 and 1, which earlier configs and runs have, as False and True."""
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


INTEGER, BOOLEAN = BeforeValidator(_integer), BeforeValidator(_boolean)
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

# Hyper-parameters whose defaults differ between methods.
LearningRate = Annotated[
    float, Field(ge=0, description="AdamW's learning rate after the warm-up, before `schedule` lowers it")
]
Epochs = Annotated[
    int,
    Field(ge=1, description="passes over the train split at most; for joint methods, over those of all tasks"),
    INTEGER,
]
Patience = Annotated[
    int,
    Field(
        ge=1,
        description="training stops after this many evaluations in a row that do not improve on the best one",
    ),
    INTEGER,
]
WarmupRatio = Annotated[
    float, Field(ge=0, le=1, description="the share of all steps in which the learning rate rises from 0")
]
WeightDecay = Annotated[float, Field(ge=0, description="AdamW's weight decay; biases and layer norms do not decay")]
ReductionFactor = Annotated[
    int, Field(ge=1, description="the adapter's inner width is the hidden size divided by this"), INTEGER
]


class HyperParameters(BaseModel):
    """The hyper-parameters of every method. The defaults are those of the paper's released scripts."""

    model_config = ConfigDict(**STRICT, frozen=True, defer_build=True)

    if TYPE_CHECKING:  # the keys depend on the method

        def __init__(self, **values: Any) -> None: ...

    batch_size: Annotated[int, Field(ge=1, description="rows per optimizer step"), INTEGER] = 32
    epochs: Epochs = 30
    learning_rate: LearningRate = 3e-4
    max_grad_norm: Annotated[
        float, Field(ge=0, description="the norm to which a longer gradient is clipped before each step; 0 never clips")
    ] = 1.0
    patience: Patience = 5
    schedule: Annotated[
        Literal["linear", "cosine", "constant_with_warmup"],
        Field(description="how the learning rate falls after the warm-up: to 0 by the last epoch, or not at all"),
    ] = "linear"
    warmup_ratio: WarmupRatio = 0.0
    weight_decay: WeightDecay = 0.0

    def but(self, **changes: Any) -> Self:
        """Return a validated copy with some values changed."""
        return type(self)(**{**dict(self), **changes})

    def beyond(self, other: HyperParameters) -> dict[str, bool | int | float]:
        """Return the values that differ from the other's, by key."""
        return {key: value for key, value in self if value != getattr(other, key)}

    @classmethod
    def annotation(cls, key: str, **more: Any) -> Any:
        """Return a hyper-parameter's type, bounds and description, without default. more: arguments of its Field."""
        field = cls.model_fields[key]
        return Annotated[field.annotation, *field.metadata, Field(description=field.description, **more)]

    @classmethod
    def with_defaults(cls, **defaults: Any) -> type[Self]:
        """Return a subclass with other defaults, for a variant of a method."""
        fields: dict[str, Any] = {key: (cls.annotation(key), default) for key, default in defaults.items()}
        return create_model(cls.__name__, __base__=cls, __module__=cls.__module__, **fields)


class OneTask(HyperParameters):
    """The hyper-parameters of single-task and two-stage methods."""

    length_buckets: Annotated[
        bool,
        Field(description="draw each batch from rows of similar length: faster, but another order of the rows"),
        BOOLEAN,
    ] = False


class ManyTasks(HyperParameters):
    """The hyper-parameters of joint methods, with the defaults of the paper's scripts.

    Training ends after `epochs` passes or `max_steps` batches, whichever is less.
    """

    epochs: Epochs = 100
    eval_steps: Annotated[
        int, Field(ge=1, description="batches between evaluations; in a short training, at most one pass"), INTEGER
    ] = 7500
    max_steps: Annotated[
        int, Field(ge=1, description="batches at most, unless `epochs` passes have fewer"), INTEGER
    ] = 375_000
    patience: Patience = 10
    record_rows: Annotated[
        int,
        Field(
            ge=1,
            description="rows of the built-in ReCoRD that train; the default is the number of its questions",
        ),
        INTEGER,
    ] = 100_730
    temperature: Annotated[
        float,  # below 0.1, only the largest task would be drawn
        Field(ge=0.1, description="a batch's task is drawn in proportion to its rows to the power 1 / temperature"),
    ] = 1.0
    warmup_ratio: WarmupRatio = 0.1


class Bottleneck(HyperParameters):
    """The hyper-parameters of methods that train bottleneck adapters."""

    reduction_factor: ReductionFactor = 16


class Composing(HyperParameters):
    """The hyper-parameters of methods that compose source adapters."""

    include_target: Annotated[
        bool,
        Field(description="also compose the target's own adapter, not only those of the other tasks"),
        BOOLEAN,
    ] = True
