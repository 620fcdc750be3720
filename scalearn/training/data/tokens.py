"""Texts to tokens: the model's own fast tokenizer, which takes all cores, and Arrow arrays at once.

It is asked through `backend_tokenizer`: the library's call around that one also computes where in its text each token
lies, and copies every row into lists of which we want one or two.
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
    """A model's tokenizer, with a task's length and way to truncate.

    `max_length` is the task's, or what the tokenizer or the encoder can take, whichever is least.
    """

    def __init__(self, model: Path, max_length: int, truncate: Literal["longest", "first"]) -> None:
        from transformers import AutoConfig, AutoTokenizer

        read_json(model / "model.json")  # refuses what is no fetched model, which the library would look for on the hub
        config = AutoConfig.from_pretrained(model, local_files_only=True, trust_remote_code=False)
        architecture_of(f"{model}/config.json", config.model_type)
        tokenizer: Any = AutoTokenizer.from_pretrained(
            model, local_files_only=True, use_fast=True, trust_remote_code=False
        )
        if not tokenizer.is_fast:
            raise UserError(f"{model}: no fast tokenizer; save the model again with its tokenizer.json")
        if tokenizer.pad_token_id is None:
            raise UserError(f"{model}: its tokenizer has no padding token; fetch the model again")
        limits = (max_length, tokenizer.model_max_length, most_tokens(config.to_dict()))
        self.max_length = min(limit for limit in limits if limit is not None)
        self.types = "token_type_ids" in tokenizer.model_input_names
        self.pad_token_id: int = tokenizer.pad_token_id
        self._unknown = tokenizer.unk_token_id
        self._special = np.array([token for token in tokenizer.all_special_ids if token != self._unknown], np.int32)
        self._seen = np.zeros(2, np.int64)  # unknown tokens, all but special ones
        self._strategy = {"longest": "longest_first", "first": "only_first"}[truncate]
        self._side = tokenizer.truncation_side
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_padding()
        self._backend.encode_special_tokens = False  # "[SEP]" in a text is that token, as in the library's own call

    def encode(self, first: Sequence[str], second: Sequence[str] | None) -> dict[str, pa.Array]:
        """Return `input_ids`, a list per text or pair, and, for encoders with token types, `second`.

        `second` says where the second text's tokens begin; it is the length of a row with one text.
        """
        rows = self._truncated(_inputs(first, second), self._strategy)
        columns = {"input_ids": pa.array([row.ids for row in rows], pa.list_(pa.int32()))}
        self._count_unknown(columns["input_ids"].flatten().to_numpy())
        if self.types:
            columns["second"] = pa.array([len(row) - sum(row.type_ids) for row in rows], pa.int32())
        return columns

    def lengths(self, first: Sequence[str], second: Sequence[str] | None) -> list[int]:
        """Return how many tokens each text or pair has before anything is cut off."""
        self._backend.no_truncation()
        rows = [row.ids for row in self._backend.encode_batch_fast(_inputs(first, second))]
        self._count_unknown(np.fromiter(chain.from_iterable(rows), np.int32))
        return [len(row) for row in rows]

    def unknown(self) -> float:
        """Return the share of unknown tokens, special ones aside, in what came since this was asked last."""
        unknown, all_of_them = self._seen.tolist()
        self._seen[:] = 0
        return float(unknown / all_of_them) if all_of_them else 0.0

    def _count_unknown(self, ids: npt.NDArray[np.int32]) -> None:
        if self._unknown is not None:
            self._seen += int((ids == self._unknown).sum()), int((~np.isin(ids, self._special)).sum())

    def _truncated(self, inputs: list[Any], strategy: str) -> list[Any]:
        """Return the rows' encodings; where only the first text may lose tokens and cannot lose enough, both do."""
        self._backend.enable_truncation(self.max_length, strategy=strategy, direction=self._side)
        try:
            rows: list[Any] = self._backend.encode_batch_fast(inputs)
        except Exception as error:  # the tokenizer's own class of errors has no name in Python
            if strategy != "only_first" or "too short" not in str(error):
                raise
        else:
            return rows
        if len(inputs) == 1:
            return self._truncated(inputs, "longest_first")
        half = len(inputs) // 2
        return [row for part in (inputs[:half], inputs[half:]) for row in self._truncated(part, strategy)]


def _inputs(first: Sequence[str], second: Sequence[str] | None) -> list[Any]:
    """Return what the tokenizer takes: a text or a pair of them per row."""
    return list(first) if second is None else list(zip(first, second, strict=True))
