"""Tokenises texts into Arrow arrays with the model's fast tokenizer, on all cores.

We call its `backend_tokenizer`. The library's own call also computes the offset of each token in its text, and copies
every row into lists of which we need one or two.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scalearn.encoders.architectures import architecture_of, most_tokens
from scalearn.errors import UserError
from scalearn.storage.files import read_json


class Tokens:
    """A model's tokenizer with a task's `max_length` and truncation.

    origin: the tokenizer's folder, for messages. max_length: in tokens; the attribute is lower if the tokenizer takes
        less. truncate: "longest" cuts the longer text of a pair, "first" the first one.
    Raises: UserError if the tokenizer is no fast one, or has no padding token.
    """

    def __init__(self, origin: str, tokenizer: Any, max_length: int, truncate: Literal["longest", "first"]) -> None:
        if not tokenizer.is_fast:
            raise UserError(f"{origin}: no fast tokenizer; save the model again with its tokenizer.json")
        if tokenizer.pad_token_id is None:
            raise UserError(f"{origin}: its tokenizer has no padding token; fetch the model again")
        self.max_length = min(max_length, tokenizer.model_max_length)
        self.types = "token_type_ids" in tokenizer.model_input_names
        self.pad_token_id: int = tokenizer.pad_token_id
        self._unknown = tokenizer.unk_token_id
        self._special = np.array([token for token in tokenizer.all_special_ids if token != self._unknown], np.int32)
        self._counts = np.zeros(2, np.int64)  # unknown tokens; all tokens but special ones
        self._strategy = {"longest": "longest_first", "first": "only_first"}[truncate]
        self._side = tokenizer.truncation_side
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_padding()
        self._backend.encode_special_tokens = (
            False  # "[SEP]" in a text becomes that token, as in the library's own call
        )

    @classmethod
    def of_model(cls, model: Path, max_length: int, truncate: Literal["longest", "first"]) -> Tokens:
        """Return the tokenizer of a fetched encoder; `max_length` is lower if the encoder takes less.

        Raises: UserError if there is no fetched encoder in the folder, or one that this package cannot train.
        """
        from transformers import AutoConfig, AutoTokenizer

        read_json(model / "model.json")  # raises where there is no fetched model; the library would search the hub
        config = AutoConfig.from_pretrained(model, local_files_only=True, trust_remote_code=False)
        architecture_of(f"{model}/config.json", config.model_type)
        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True, use_fast=True, trust_remote_code=False)
        limit = most_tokens(config.to_dict())
        return cls(str(model), tokenizer, max_length if limit is None else min(max_length, limit), truncate)

    def encode(self, first: Sequence[str], second: Sequence[str] | None) -> dict[str, pa.Array]:
        """Return `input_ids`, a list per text or pair, and, for encoders with token types, `second`.

        `second` is the position of the second text's first token, or the length of a row with one text.
        """
        rows = self._truncated(_inputs(first, second), self._strategy)
        columns = {"input_ids": pa.array([row.ids for row in rows], pa.list_(pa.int32()))}
        self._count_unknown(columns["input_ids"].flatten().to_numpy())
        if self.types:
            columns["second"] = pa.array([len(row) - sum(row.type_ids) for row in rows], pa.int32())
        return columns

    def lengths(self, first: Sequence[str], second: Sequence[str] | None) -> list[int]:
        """Return the number of tokens of each text or pair before truncation."""
        self._backend.no_truncation()
        rows = [row.ids for row in self._backend.encode_batch_fast(_inputs(first, second))]
        self._count_unknown(np.fromiter(chain.from_iterable(rows), np.int32))
        return [len(row) for row in rows]

    def unknown(self) -> float:
        """Return the share of unknown tokens since the last call. Special tokens do not count."""
        unknown, total = self._counts.tolist()
        self._counts[:] = 0
        return float(unknown / total) if total else 0.0

    def _count_unknown(self, ids: npt.NDArray[np.int32]) -> None:
        if self._unknown is not None:
            self._counts += int((ids == self._unknown).sum()), int((~np.isin(ids, self._special)).sum())

    def _truncated(self, inputs: list[Any], strategy: str) -> list[Any]:
        """Return the rows' encodings. Where the first text alone cannot be cut to max_length, both texts are cut."""
        self._backend.enable_truncation(self.max_length, strategy=strategy, direction=self._side)
        try:
            rows: list[Any] = self._backend.encode_batch_fast(inputs)
        except Exception as error:  # the tokenizer's own error class cannot be imported
            if strategy != "only_first" or "too short" not in str(error):
                raise
        else:
            return rows
        if len(inputs) == 1:
            return self._truncated(inputs, "longest_first")
        half = len(inputs) // 2
        return [row for chunk in (inputs[:half], inputs[half:]) for row in self._truncated(chunk, strategy)]


def _inputs(first: Sequence[str], second: Sequence[str] | None) -> list[Any]:
    """Return the tokenizer's inputs: a text or a pair of texts per row."""
    return list(first) if second is None else list(zip(first, second, strict=True))
