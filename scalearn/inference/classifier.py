"""A trained model that predicts: a finished run or an export, loaded from its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from scalearn.campaign.input_files import EXPORT_RECORD
from scalearn.errors import UserError
from scalearn.inference.answers import Logits, Prediction, answers
from scalearn.inference.batching import Forward, logits_of, one_ahead, tokenised
from scalearn.inference.inputs import InputForm, Texts, batches_of
from scalearn.results.omega import SourceScales, omega_frame
from scalearn.tasks.reading.rows import Batch
from scalearn.training.data.token_rows import TokenRows
from scalearn.training.data.tokens import Tokens

if TYPE_CHECKING:
    import pandas as pd


class Answered(NamedTuple):
    """A batch of rows and the prediction for each."""

    batch: Batch
    predictions: list[Prediction]


@dataclass(frozen=True)
class Classifier:
    """A model with its task's head, ready to predict in float32, on the GPU if there is one.

    name: the task's name. labels: the names of its classes; None if it has none. form: how inputs are built.
    scales: ω of a run of the ScaLearn family; empty for others and for exports.
    """

    name: str
    labels: tuple[str, ...] | None
    form: InputForm
    tokens: Tokens
    forward: Forward
    device: torch.device
    scales: Sequence[SourceScales] = ()

    def __repr__(self) -> str:
        labels = "" if self.labels is None else f", labels {', '.join(self.labels)}"
        return f"<Classifier of '{self.name}', a {self.form.task.kind} of {', '.join(self.form.columns)}{labels}>"

    @property
    def omega(self) -> pd.DataFrame:
        """The learned scaling coefficients ω: a row per layer and source, with statistics over the dimensions.

        Raises: UserError if the method learns no ω, or if this is an export, whose adapter has ω in its weights.
        """
        if not self.scales:
            raise UserError(f"omega: this model of '{self.name}' has none; load the folder of a ScaLearn run")
        return omega_frame(self.scales)

    def predict(self, rows: Iterable[Any]) -> list[Prediction]:
        """Return a prediction for each row, in their order.

        Args:
            rows: For each row a text, or for a task of pairs a tuple of two texts, or a mapping from the task's columns
                to values. A `datasets.Dataset` or a DataFrame with these columns is taken, too.

        Raises: UserError if a row does not fit the task, with its number from 1.
        """
        return [one for answered in self.answered(batches_of(rows, self.form)) for one in answered.predictions]

    def answered(self, batches: Iterator[Batch]) -> Iterator[Answered]:
        """Yield each batch with its predictions. The next batch is tokenised while the model computes."""
        kind, choices = self.form.task.kind, bool(self.form.choices)
        for batch, texts, rows in one_ahead(map(self._tokenised, batches)):
            logits: Logits = logits_of(rows, self.forward, self.device, choices)
            yield Answered(batch, answers(kind, self.labels, logits, texts))

    def _tokenised(self, batch: Batch) -> tuple[Batch, Texts, TokenRows]:
        texts = self.form.read(batch)
        return batch, texts, tokenised(self.tokens, texts.first, texts.second, self.form.choices)


def load(folder: Path | str, *, model: Path | str | None = None) -> Classifier:
    """Return the model in a folder, ready to predict.

    Args:
        folder: A finished run, a joint run's folder of one task, or an export.
        model: The folder of the encoder. By default that of the campaign that made the run; of an export the
            campaign's in the current folder, or else the hub's.

    Raises: UserError if the run is not finished, damaged or of another version, or if the encoder is not there or is
        another one.
    """
    from scalearn.inference.loading import of_export, of_run

    folder, encoder = Path(folder), None if model is None else Path(model)
    return of_export(folder, encoder) if (folder / EXPORT_RECORD).is_file() else of_run(folder, encoder)
