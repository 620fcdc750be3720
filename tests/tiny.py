"""Tiny real models and tasks: 2 layers, 32 wide, a word-piece vocabulary of a few words, random weights from a seed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedTokenizerFast

from scalearn.encoders.architectures import ARCHITECTURES
from scalearn.storage.files import sha256

WORDS = [f"w{index}" for index in range(60)] + ["good", "bad", "not"]
ENCODERS = ("bert", "roberta", "xlm-roberta")
OTHERS = tuple(kind for kind in ARCHITECTURES if kind not in ENCODERS)
_TOKEN_TYPES = ("albert", "bert", "electra")
_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 80,
}


_OF_KIND: dict[str, dict[str, object]] = {
    "albert": {"embedding_size": 16},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    # As DeBERTa v3 has it.
    "deberta-v2": {
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_buckets": 16,
        "share_att_key": True,
        "position_biased_input": False,
        "norm_rel_ebd": "layer_norm",
    },
    "electra": {"embedding_size": 16},
}


def tiny_config(kind: str = "bert", **changes: object) -> PretrainedConfig:
    """Return the configuration of a tiny encoder, of any kind that the library has."""
    sizes = {} if kind == "distilbert" else _SIZES
    values = {"vocab_size": len(WORDS) + 5, "max_position_embeddings": 80, "pad_token_id": 0, **sizes}
    return AutoConfig.for_model(kind, **{**values, **_OF_KIND.get(kind, {}), **changes})


def make_model(folder: Path, kind: str = "bert", **changes: object) -> Path:
    """Write a tiny encoder with its tokenizer and model.json, as `scalearn fetch-model` would; return the folder.

    changes: of its configuration. With `initializer_range` 0.2 its first token sees the others, so that it can learn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: index for index, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    types = ["token_type_ids"] if kind in _TOKEN_TYPES else []
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
        model_input_names=["input_ids", *types, "attention_mask"],
    ).save_pretrained(folder)
    torch.manual_seed(1)
    AutoModel.from_config(tiny_config(kind, **changes)).save_pretrained(folder, safe_serialization=True)
    content = {
        "name": folder.name,
        "source": {"kind": "folder"},
        "sha256": sha256(folder / "model.safetensors"),
        "hidden_size": 32,
        "layers": 2,
        "model_type": kind,
    }
    (folder / "model.json").write_text(json.dumps(content))
    return folder


METRIC = {
    "classification": "accuracy",
    "regression": "pearson",
    "multi_label": "macro_f1",
    "multiple_choice": "accuracy",
    "candidates": "token_f1",
}


def make_task(
    folder: Path,
    kind: str = "classification",
    rows: int = 96,
    seed: int = 0,
    noise: tuple[int, int] = (60, 10),
    built_in: bool = False,
) -> Path:
    """Write a prepared task, 'good' or 'bad' in each text; return the folder.

    noise: how many other words there are, and the most of them in a text. With (4, 2) a tiny encoder can learn it.
    built_in: let it pass for the built-in task of the folder's name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(seed)

    def draw(high: int) -> int:
        return int(torch.randint(high, (1,), generator=generator))

    for split, size in (("train", rows), ("validation", rows // 3), ("test", rows // 3 + 8)):
        texts, labels = [], []
        for _ in range(size):
            label = draw(2)
            words = [WORDS[draw(noise[0])] for _ in range(2 + draw(noise[1] - 1))]
            words.insert(draw(len(words)), ("bad", "good")[label])
            texts.append(" ".join(words))
            labels.append(label)
        second = [f"w{draw(noise[0])} w{draw(noise[0])}" for _ in range(size)]
        columns = {"text1": pa.array(texts), **_COLUMNS[kind](labels, second)}
        if split == "test":
            columns["part"] = pa.array(["" if row % 4 else "mm" for row in range(size)])
        pq.write_table(pa.table(columns), folder / f"{split}.parquet")
    content = {
        "name": folder.name,
        "kind": kind,
        "labels": ["bad", "good"] if kind in ("classification", "multi_label") else None,
        "choices": 2 if kind == "multiple_choice" else None,
        "grouped": kind == "candidates",
        "metrics": [METRIC[kind]],
        "max_length": 32,
        "version": 1,
        "texts": ["text1"] if kind == "multiple_choice" else ["text1", "text2"],
        "label": "label",
        "source": {"kind": "rule"},
        "sizes": {"train": rows, "validation": rows // 3, "test": rows // 3 + 8},
        "sha256": {split: sha256(folder / f"{split}.parquet") for split in ("train", "validation", "test")},
        "parts": ["", "mm"],
        "notes": [],
        "built_in": built_in,
    }
    (folder / "task.json").write_text(json.dumps(content))
    return folder


def _pairs(labels: list[int], second: list[str], label_type: pa.DataType) -> dict[str, pa.Array]:
    return {"text2": pa.array(second), "label": pa.array(labels).cast(label_type)}


def _label_lists(labels: list[int], second: list[str]) -> dict[str, pa.Array]:
    lists = [[label] if place % 5 else [] for place, label in enumerate(labels)]  # some rows carry no label
    return {"text2": pa.array(second), "label": pa.array(lists, pa.list_(pa.int64()))}


def _choices(labels: list[int], second: list[str]) -> dict[str, pa.Array]:
    words = {0: ("good", "bad"), 1: ("bad", "good")}
    choices = [[f"{word} {text}" for word in words[label]] for label, text in zip(labels, second, strict=True)]
    return {"choices": pa.array(choices), "label": pa.array(labels)}


def _candidates(labels: list[int], second: list[str]) -> dict[str, pa.Array]:
    groups = [place // 4 for place in range(len(labels))]
    names = [f"n{place}" for place in range(len(labels))]
    right = {
        group: [names[place] for place in range(len(labels)) if labels[place] and groups[place] == group]
        for group in groups
    }
    return {
        **_pairs(labels, second, pa.int64()),
        "group": pa.array(groups),
        "candidate": pa.array(names),
        "answers": pa.array([right[group] for group in groups], pa.list_(pa.string())),
    }


_COLUMNS = {
    "classification": lambda labels, second: _pairs(labels, second, pa.int64()),
    "regression": lambda labels, second: _pairs(labels, second, pa.float64()),
    "multi_label": _label_lists,
    "multiple_choice": _choices,
    "candidates": _candidates,
}
