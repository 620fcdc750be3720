"""Rows of tokens, from which NumPy gathers a padded batch in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor


@dataclass(frozen=True)
class TokenRows:
    """Tokenised inputs. A row has `width` sequences: one, or in multiple choice one per choice.

    tokens: of all sequences, one after another. starts, lengths: of each sequence, shape (rows, width).
    second: the position of the second text's first token, for encoders with token types; else None.
    pad: the padding token.
    """

    tokens: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    second: npt.NDArray[np.int32] | None
    pad: int

    @classmethod
    def of(cls, columns: Mapping[str, pa.Array], pad: int, width: int) -> TokenRows:
        """Take the columns that `Tokens.encode` returns."""
        ids = columns["input_ids"]
        offsets = ids.offsets.to_numpy().astype(np.int64)
        second = columns["second"].to_numpy().reshape(-1, width) if "second" in columns else None
        starts, lengths = offsets[:-1].reshape(-1, width), np.diff(offsets).reshape(-1, width)
        return cls(ids.values.to_numpy(), starts, lengths, second, pad)

    @cached_property
    def longest(self) -> int:
        """The number of tokens of the longest sequence."""
        return int(self.lengths.max())

    def batch(self, rows: npt.NDArray[np.int64], choices: bool, multiple: int = 1) -> dict[str, Tensor]:
        """Return input_ids, attention_mask and, for encoders with token types, token_type_ids of these rows, padded.

        Shapes: (rows, tokens), with choices (rows, choices, tokens). `tokens` is the length of the batch's longest
        sequence, rounded up to a multiple of `multiple`, and at most that of the longest sequence of all rows.
        """
        lengths = self.lengths[rows, :, None]
        rounded = -(-int(lengths.max()) // multiple) * multiple
        positions = np.arange(min(rounded, self.longest))
        mask = positions < lengths
        ids = np.full(mask.shape, self.pad, dtype=np.int64)
        ids[mask] = self.tokens[(self.starts[rows, :, None] + positions)[mask]]
        arrays = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
        if self.second is not None:
            arrays["token_type_ids"] = (mask & (positions >= self.second[rows, :, None])).astype(np.int64)
        return {name: torch.from_numpy(array if choices else array[:, 0]) for name, array in arrays.items()}
