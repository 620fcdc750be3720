"""Texts to tokens: the model's own fast tokenizer, which takes all cores, and Arrow arrays at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from scalearn.errors import UserError
from scalearn.files import read_json


class Tokens:
    """A model's tokenizer, with a task's length and way to truncate."""

    def __init__(self, model: Path, max_length: int, truncate: Literal["longest", "first"]) -> None:
        from transformers import AutoTokenizer

        read_json(model / "model.json")  # refuses what is no fetched model, which the library would look for on the hub
        self._tokenizer: Any = AutoTokenizer.from_pretrained(
            model, local_files_only=True, use_fast=True, trust_remote_code=False
        )
        if not self._tokenizer.is_fast:
            raise UserError(f"{model}: no fast tokenizer; save the model again with its tokenizer.json")
        self.max_length = min(max_length, self._tokenizer.model_max_length)
        self.types = "token_type_ids" in self._tokenizer.model_input_names
        self.pad_token_id: int = self._tokenizer.pad_token_id
        self._truncation = {"longest": "longest_first", "first": "only_first"}[truncate]

    def encode(self, first: Sequence[str], second: Sequence[str] | None) -> dict[str, pa.Array]:
        """Return `input_ids`, a list per text or pair, and, for encoders with token types, `second`.

        `second` says where the second text's tokens begin; it is the length of a row with one text.
        """
        encoded = self._call(first, second)
        columns = {"input_ids": pa.array(encoded["input_ids"], pa.list_(pa.int32()))}
        if self.types:
            starts = [len(types) - sum(types) for types in encoded["token_type_ids"]]
            columns["second"] = pa.array(starts, pa.int32())
        return columns

    def lengths(self, first: Sequence[str], second: Sequence[str] | None) -> list[int]:
        """Return how many tokens each text or pair has before anything is cut off."""
        encoded = self._tokenizer(
            list(first), None if second is None else list(second), return_attention_mask=False, verbose=False
        )
        return [len(ids) for ids in encoded["input_ids"]]

    def _call(self, first: Sequence[str], second: Sequence[str] | None) -> dict[str, list[list[int]]]:
        if self._truncation == "only_first":
            return self._keep_second(first, second)
        return self._tokenize(first, second, "longest_first")

    def _tokenize(
        self, first: Sequence[str], second: Sequence[str] | None, truncation: str
    ) -> dict[str, list[list[int]]]:
        encoded: dict[str, list[list[int]]] = self._tokenizer(
            list(first),
            None if second is None else list(second),
            truncation=truncation,
            max_length=self.max_length,
            return_attention_mask=False,
            return_token_type_ids=self.types,
            verbose=False,
        )
        return encoded

    def _keep_second(self, first: Sequence[str], second: Sequence[str] | None) -> dict[str, list[list[int]]]:
        """Truncate the first text only; a row whose second one alone is too long loses of both what it must."""
        try:
            return self._tokenize(first, second, "only_first")
        except Exception as error:  # the tokenizer's own class of errors has no name in Python
            if "too short" not in str(error):
                raise
        if len(first) == 1:
            return self._tokenize(first, second, "longest_first")
        half = len(first) // 2
        parts = [
            self._keep_second(first[part], None if second is None else second[part])
            for part in (slice(half), slice(half, None))
        ]
        return {key: [*parts[0][key], *parts[1][key]] for key in parts[0]}
