"""The hyper-parameters that methods share: type, default, bounds and meaning of each, in one place. Imports no torch.

A method's own stand beside it, in a subclass. Numbers keep their type: 30.0 epochs are 30, 30.5 are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

LARGEST = 2**31 - 1  # of whole numbers; the libraries count in 32 bits here and there


def _whole(value: Any) -> Any:
    """Return a whole number that was written with a fraction of zero as what it is; refuse what no loop can count."""
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(value, int) and value > LARGEST:
        raise ValueError(f"a whole number of at most {LARGEST} is expected, found a larger one")
    return value


def _truth(value: Any) -> Any:
    """Return 0 and 1, as earlier configs and runs have them, as what they mean."""
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


WHOLE, SWITCH = BeforeValidator(_whole), BeforeValidator(_truth)
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

# Those whose defaults differ between methods.
LearningRate = Annotated[
    float, Field(ge=0, description="step size of AdamW after the warm-up, before `schedule` lowers it")
]
Epochs = Annotated[
    int,
    Field(ge=1, description="passes over the train split at most, for joint methods over those of all tasks"),
    WHOLE,
]
Patience = Annotated[
    int,
    Field(
        ge=1,
        description="training stops after so many evaluations in a row that do no better than the best before them",
    ),
    WHOLE,
]
WarmupRatio = Annotated[
    float, Field(ge=0, le=1, description="the first part of all steps, in which the learning rate rises from 0")
]
WeightDecay = Annotated[float, Field(ge=0, description="AdamW's pull of every trained weight towards 0")]
ReductionFactor = Annotated[
    int, Field(ge=1, description="the adapter's inner width is the hidden size divided by this"), WHOLE
]


class HyperParameters(BaseModel):
    """What every method has. The defaults are those of the paper's released scripts."""

    model_config = ConfigDict(**STRICT, frozen=True, defer_build=True)

    if TYPE_CHECKING:  # which keys there are depends on the method

        def __init__(self, **values: Any) -> None: ...

    batch_size: Annotated[int, Field(ge=1, description="rows whose mean gradient makes one step"), WHOLE] = 32
    epochs: Epochs = 30
    learning_rate: LearningRate = 3e-4
    max_grad_norm: Annotated[
        float, Field(ge=0, description="a longer gradient is cut to this length before a step; 0 never cuts")
    ] = 1.0
    patience: Patience = 5
    schedule: Annotated[
        Literal["linear", "cosine", "constant_with_warmup"],
        Field(description="how the learning rate goes on after the warm-up: to 0 by the last epoch, or not at all"),
    ] = "linear"
    warmup_ratio: WarmupRatio = 0.0
    weight_decay: WeightDecay = 0.0

    def but(self, **changes: Any) -> Self:
        """Return these values with some of them changed, checked as all are."""
        return type(self)(**{**dict(self), **changes})

    def beyond(self, other: HyperParameters) -> dict[str, bool | int | float]:
        """Return which of these values are not the other's."""
        return {key: value for key, value in self if value != getattr(other, key)}

    @classmethod
    def annotation(cls, key: str, **more: Any) -> Any:
        """Return type, bounds and description of a hyper-parameter, without its default; `more` is for its Field."""
        field = cls.model_fields[key]
        return Annotated[field.annotation, *field.metadata, Field(description=field.description, **more)]

    @classmethod
    def with_defaults(cls, **defaults: Any) -> type[Self]:
        """Return the same hyper-parameters with other defaults, for a variant of a method."""
        fields: dict[str, Any] = {key: (cls.annotation(key), default) for key, default in defaults.items()}
        return create_model(cls.__name__, __base__=cls, __module__=cls.__module__, **fields)


class OneTask(HyperParameters):
    """What single-task and two-stage methods have."""

    length_buckets: Annotated[
        bool,
        Field(description="draw each batch from rows of like length: faster, and another order of the rows"),
        SWITCH,
    ] = False


class ManyTasks(HyperParameters):
    """What joint methods have, or have otherwise (the paper's scripts).

    Training ends after `epochs` passes or `max_steps` batches, whichever is less.
    """

    epochs: Epochs = 100
    eval_steps: Annotated[
        int, Field(ge=1, description="batches between evaluations; in a short training at most a pass"), WHOLE
    ] = 7500
    max_steps: Annotated[int, Field(ge=1, description="batches at most, unless `epochs` are fewer"), WHOLE] = 375_000
    patience: Patience = 10
    record_rows: Annotated[
        int,
        Field(
            ge=1,
            description="rows of the built-in ReCoRD that take part: twelve share a passage, so as many as questions",
        ),
        WHOLE,
    ] = 100_730
    temperature: Annotated[
        float,  # below 0.1 only the largest task would be drawn
        Field(ge=0.1, description="a batch's task is drawn in proportion to its rows to the power 1 / temperature"),
    ] = 1.0
    warmup_ratio: WarmupRatio = 0.1


class Bottleneck(HyperParameters):
    """What methods with adapters of their own have."""

    reduction_factor: ReductionFactor = 16


class Composing(HyperParameters):
    """What methods that compose source adapters have."""

    include_target: Annotated[
        bool, Field(description="compose the target's own adapter, too, not only those of the other tasks"), SWITCH
    ] = True
