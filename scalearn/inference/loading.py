"""Loads a finished run, or an export, as a classifier."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer

from scalearn.campaign.input_files import ENCODER_WEIGHTS, EXPORT_RECORD
from scalearn.campaign.places import MODELS
from scalearn.campaign.run_folder import WEIGHTS
from scalearn.errors import UserError
from scalearn.export import fresh
from scalearn.export.about import FORMAT, about
from scalearn.export.finished import FinishedRun, NotThere, Places, read_run
from scalearn.export.rebuild import rebuild
from scalearn.inference.classifier import Classifier
from scalearn.inference.inputs import InputForm, choice_columns
from scalearn.results.omega import learned_scales
from scalearn.storage.files import read_json, sha256
from scalearn.training.data.tokens import Tokens

TRUNCATE = {"longest_first": "longest", "only_first": "first"}  # the tokenizer's word -> the task's


def of_run(folder: Path, encoder: Path | None) -> Classifier:
    """Return the model of a finished run. Raises: UserError, see `load`."""
    run = _read(folder, encoder)
    model, _, head = rebuild(run)
    content = about(run, run.task, type(model).__name__)["input"]
    columns = choice_columns(run.task, run.info.built_in)
    form = InputForm.of(content | {"choice_columns": columns})
    tokens = Tokens.of_model(run.planned.model, run.info.max_length, run.info.truncate)
    device = _device()
    model.to(device)

    def forward(batch: Mapping[str, Tensor]) -> Tensor:
        logits: Tensor = model(**batch, head=head).logits
        return logits

    return Classifier(run.task, run.info.labels, form, tokens, forward, device, _scales(run))


def _read(folder: Path, encoder: Path | None) -> FinishedRun:
    try:
        return read_run(folder, Places(model=encoder))
    except NotThere as error:
        if error.option == "--model":  # which predict has, too
            raise
        raise UserError(
            f"{error.what}; start the campaign to make it again, or predict with an export of the run"
        ) from None


def _scales(run: FinishedRun) -> Any:
    if run.planned.sources is None:
        return ()
    names = run.record["inputs"]["sources"]["names"]
    return learned_scales(run.planned.output / WEIGHTS, run.planned.spec, names, run.task)


def of_export(folder: Path, encoder: Path | None) -> Classifier:
    """Return the model of an export. Raises: UserError, see `load`."""
    path = folder / EXPORT_RECORD
    content = read_json(path)
    if content.get("format") != FORMAT:
        raise UserError(f"{path}: format {content.get('format')} is of another version; export the run again")
    source = folder if content["form"] == "model" else _encoder(folder, content["base_model"], encoder)
    model = _loaded(folder, source, content)
    form = InputForm.of(content["input"])
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True, use_fast=True, trust_remote_code=False)
    tokens = Tokens(str(source), tokenizer, form.max_length, TRUNCATE[form.truncation])  # type: ignore[arg-type]
    device = _device()
    model.to(device)

    def forward(batch: Mapping[str, Tensor]) -> Tensor:
        logits: Tensor = model(**batch).logits
        return logits

    labels = None if content["labels"] is None else tuple(content["labels"])
    return Classifier(content["name"], labels, form, tokens, forward, device)


def _loaded(folder: Path, source: Path, content: Mapping[str, Any]) -> nn.Module:
    try:
        with _only_errors():
            model: nn.Module = fresh.load(folder, source, dict(content))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{folder}: the export cannot be loaded ({why}); export it again") from None
    return model


@contextmanager
def _only_errors() -> Iterator[None]:
    """Silence the libraries' warnings: while an adapter loads, `adapters` says that none is active yet."""
    loggers = [logging.getLogger(name) for name in ("adapters", "transformers")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _encoder(folder: Path, base: Mapping[str, Any], encoder: Path | None) -> Path:
    """Return the folder of the export's encoder, fetched from the hub if it is nowhere here.

    Raises: UserError if the encoder is another one or cannot be had.
    """
    if encoder is not None:
        if not (encoder / ENCODER_WEIGHTS).is_file():
            raise UserError(f"{encoder}: no {ENCODER_WEIGHTS} in it; name the folder of the encoder '{base['name']}'")
        if sha256(encoder / ENCODER_WEIGHTS) != base["sha256"]:
            raise UserError(f"{encoder}: it is another encoder than '{base['name']}', which {folder} was trained on")
        return encoder
    for place in sorted(MODELS.glob("*/model.json")):
        if read_json(place).get("sha256") == base["sha256"]:
            return place.parent
    if not base["revision"] or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", base["name"]):
        raise UserError(f"{folder}: its encoder '{base['name']}' is not on the hub; name its folder (--model)")
    return _fetched(folder, base)


def _fetched(folder: Path, base: Mapping[str, Any]) -> Path:
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.txt", "*.model", ENCODER_WEIGHTS]
    try:
        place = Path(snapshot_download(base["name"], revision=base["revision"], allow_patterns=patterns))
    except Exception as error:  # the hub's library raises many kinds
        why = str(error).splitlines()[0]
        raise UserError(
            f"{folder}: its encoder '{base['name']}' cannot be fetched ({why}); name its folder (--model)"
        ) from None
    if sha256(place / ENCODER_WEIGHTS) != base["sha256"]:
        raise UserError(f"{base['name']}: its {ENCODER_WEIGHTS} differ from those that {folder} was trained on")
    return place


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
