"""Weights, config and tokenizer that do not belong together are refused; what only looks so is taken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertTokenizer,
    PreTrainedTokenizerFast,
    RobertaTokenizer,
)

from scalearn.campaign.config import FolderModel
from scalearn.encoders.architectures import ARCHITECTURES
from scalearn.encoders.fetching import fetch
from scalearn.encoders.folder import check_model_folder
from scalearn.errors import UserError
from scalearn.storage.files import read_json
from tests.json_files import change
from tests.places import ROOT
from tests.tiny import make_model, make_task, tiny_config

Spoil = Callable[[Path], object]
Tensors = dict[str, Tensor]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BERT with its tokenizer, as save_pretrained writes them."""
    path = make_model(tmp_path / "saved")
    (path / "model.json").unlink()
    return path


def taken(folder: Path, trained: bool = True) -> Path:
    """Fetch the folder; return where to."""
    output = folder.parent / "out"
    fetch("mine", FolderModel(path=str(folder)), output, trained)
    return output


def refused(folder: Path, trained: bool = True) -> str:
    with pytest.raises(UserError) as caught:
        taken(folder, trained)
    assert not (folder.parent / "out").exists() and "\n" not in str(caught.value)
    return str(caught.value)


def config(**changes: Any) -> Spoil:
    return lambda folder: change(folder / "config.json", **changes)


def tensors(changed: Callable[[Tensors], Tensors]) -> Spoil:
    """Return what rewrites a folder's tensors."""

    def spoil(folder: Path) -> None:
        save_file(changed(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})

    return spoil


def renamed(old: str, new: str) -> Spoil:
    """Return what changes the tensors' names by a pattern."""
    return tensors(lambda found: {re.sub(old, new, name): tensor for name, tensor in found.items()})


def without(pattern: str) -> Spoil:
    return tensors(lambda found: {name: tensor for name, tensor in found.items() if not re.search(pattern, name)})


def added(**new: Tensor) -> Spoil:
    return tensors(lambda found: {**found, **{name.replace("__", "."): tensor for name, tensor in new.items()}})


# What is done to a good folder, what is said, and whether `scalearn check` says it before the first job.
WORDS = r"no tensor 'embeddings\.word_embeddings\.weight', but '{}embeddings\.LayerNorm\.bias'"
NORM = "encoder.layer.0.output.LayerNorm.bias"
MISFITS: dict[str, tuple[Spoil, str, bool]] = {
    "a prefix of data parallelism": (renamed("^", "module."), WORDS.format(r"module\."), True),
    "a prefix of a larger model": (renamed("^", "model.bert."), WORDS.format(r"model\.bert\."), True),
    "the config of another kind": (
        lambda folder: (folder / "config.json").write_text(tiny_config("distilbert").to_json_string()),
        "0 layers, but n_layers is 2",
        True,
    ),
    "fewer layers than the config": (without(r"layer\.1\."), "1 layers, but num_hidden_layers is 2", True),
    "more layers than the config": (config(num_hidden_layers=1), "2 layers, but num_hidden_layers is 1", True),
    "other words": (config(vocab_size=100), "68 token embeddings, but vocab_size is 100", True),
    "quantised weights": (config(quantization_config={"bits": 4}), "its weights are quantised", True),
    "a decoder": (config(is_decoder=True), "config.json sets is_decoder; heads read the first token, which", True),
    "pruned heads": (config(pruned_heads={"0": [1]}), "config.json has pruned_heads, which are not supported", True),
    "cross attention": (config(add_cross_attention=True), "config.json sets add_cross_attention; heads read", True),
    "a number as a text": (
        config(layer_norm_eps="1e-12"),
        'config.json: layer_norm_eps must be a number, not "1e-12"; mend it',
        True,
    ),
    "an epsilon of 0": (config(layer_norm_eps=0), "config.json: layer_norm_eps is 0, but must be above 0", True),
    "a dropout of all": (
        config(hidden_dropout_prob=1.0),
        "hidden_dropout_prob is 1.0, but must be at least 0 and below 1",
        True,
    ),
    "classes of another kind": (
        config(architectures=["RobertaForMaskedLM"]),
        r"config\.json has architectures 'RobertaForMaskedLM', which belongs to 'roberta', but model_type 'bert'",
        True,
    ),
    **{
        f"weights as {dtype}": (
            tensors(lambda found, dtype=dtype: {name: tensor.to(dtype) for name, tensor in found.items()}),
            rf"model\.safetensors holds tensor '\S+' as {kind}, but weights are read as one of F64, F32, F16, BF16",
            True,
        )
        for kind, dtype in (
            ("F8_E4M3", torch.float8_e4m3fn),
            ("I8", torch.int8),
            ("I64", torch.int64),
            ("BOOL", torch.bool),
        )
    },
    "NaN": (
        tensors(lambda found: {**found, NORM: torch.full((32,), torch.nan)}),
        rf"model\.safetensors: tensor '{NORM}' holds values that are not finite",
        False,
    ),
    "more than float32 holds": (
        tensors(lambda found: {**found, NORM: torch.full((32,), 1e300, dtype=torch.float64)}),
        rf"model\.safetensors: tensor '{NORM}' holds values that are not finite",
        False,
    ),
    "words that are all the same": (
        tensors(lambda found: {**found, "embeddings.word_embeddings.weight": torch.zeros(68, 32)}),
        r"tensor 'embeddings\.word_embeddings\.weight' is 0 everywhere, so all words look the same",
        False,
    ),
    "an activation that nobody knows": (
        config(hidden_act="foo"),
        r"config\.json does not describe an encoder \(the library knows no 'foo'\)",
        False,
    ),
    "half a layer": (
        without(r"layer\.1\.output"),
        r"no tensor 'bert\.encoder\.layer\.1\.output\.LayerNorm\.bias' \(and 3 more\); if you trust the model, load",
        False,
    ),
    "a part under another name": (
        renamed(r"layer\.1\.output", "layer.1.out"),
        r"no tensor 'bert\.encoder\.layer\.1\.output\.LayerNorm\.bias' \(and 3 more\), "
        r"but tensor 'encoder\.layer\.1\.out\.LayerNorm\.bias' \(and 3 more\), which the config has no place for",
        False,
    ),
    "a wider FFN": (
        config(intermediate_size=128),
        r"tensor 'bert\.encoder\.layer\.0\.intermediate\.dense\.bias' \(and 5 more\) with another shape",
        False,
    ),
    "more positions": (
        config(max_position_embeddings=90),
        r"tensor 'bert\.embeddings\.position_embeddings\.weight' with another shape",
        False,
    ),
    "an adapter in it": (
        added(encoder__layer__0__output__adapters__x__adapter_up__weight=torch.zeros(2)),
        r"tensor 'encoder\.layer\.0\.output\.adapters\.x\.adapter_up\.weight', which the config has no place for",
        False,
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_weights_that_are_not_the_config_s_are_refused(folder: Path, case: str) -> None:
    spoil, says, at_once = MISFITS[case]
    spoil(folder)
    said = refused(folder)
    assert re.search(says, said), said
    assert said.startswith(f"model 'mine' ({folder}): ")
    if at_once:
        with pytest.raises(UserError, match=says):
            check_model_folder("config.yaml: models.mine.path", folder, trained=True)
    else:
        check_model_folder("config.yaml: models.mine.path", folder, trained=True)


FITTING: dict[str, Spoil] = {
    "the encoder's prefix": renamed("^", "bert."),
    "an old name": renamed(r"LayerNorm\.weight", "LayerNorm.gamma"),
    "another old name": renamed(r"LayerNorm\.bias", "LayerNorm.beta"),
    "no pooler": without("pooler"),
    "stored positions": added(embeddings__position_ids=torch.arange(80)[None]),
    "a head": added(classifier__weight=torch.zeros(2, 32)),
    "no architectures": config(architectures=None),
    "architectures of no kind here": config(architectures=["BertweetModel", "MyEncoder"]),
    "half precision": tensors(lambda found: {name: tensor.half() for name, tensor in found.items()}),
}


@pytest.mark.parametrize("case", FITTING)
def test_what_the_library_loads_as_it_stands_is_taken(folder: Path, case: str) -> None:
    FITTING[case](folder)
    check_model_folder("", folder, trained=True)
    taken(folder)


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("made", [AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification])
def test_checkpoints_with_and_without_a_head_are_taken(kind: str, made: Any, tmp_path: Path) -> None:
    saved = make_model(tmp_path / "saved", kind)
    made.from_config(tiny_config(kind)).save_pretrained(saved)
    (saved / "model.json").unlink()
    check_model_folder("", saved, trained=True)
    assert read_json(taken(saved) / "model.json")["model_type"] == kind


REFUSED = ("bart", "deberta", "gpt2", "modernbert", "mpnet", "t5", "xlm", "xmod")


@pytest.mark.parametrize("kind", REFUSED)
def test_other_kinds_are_refused_from_their_config_alone(folder: Path, kind: str) -> None:
    change(folder / "config.json", model_type=kind)
    says = f"config.json has model_type '{kind}', which cannot be trained here; choose a model of one of: albert, bert"
    assert says in refused(folder)


@pytest.mark.parametrize("named", ["XLMRobertaForMaskedLM", "CamembertModel", "RobertaModel"])
def test_kinds_of_one_function_may_bear_each_other_s_name(named: str, tmp_path: Path) -> None:
    saved = make_model(tmp_path / "saved", "roberta")
    (saved / "model.json").unlink()
    change(saved / "config.json", architectures=[named])
    taken(saved)


def test_the_readme_names_exactly_the_kinds_that_can_be_trained() -> None:
    section = (ROOT / "docs/encoders.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)[1:]
    assert sorted(re.findall(r"`(.*?)`", " ".join(rows))) == [*ARCHITECTURES]


# ---------------------------------------------------------------------- encoders that only compare texts


@pytest.mark.parametrize("kind", ["mpnet", "bert"])
def test_a_sentence_encoder_may_be_of_any_kind(folder: Path, kind: str) -> None:
    from scalearn.training.data.similarity import embed

    AutoModel.from_config(tiny_config(kind)).save_pretrained(folder)
    embed(make_task(folder.parent / "task", rows=8), taken(folder, trained=False), folder.parent / "embedded")


@pytest.mark.parametrize("kind", ["mpnet", "bert"])
def test_a_long_text_is_cut_to_what_a_sentence_encoder_takes(folder: Path, kind: str) -> None:
    from scalearn.training.data.similarity import embed

    AutoModel.from_config(tiny_config(kind)).save_pretrained(folder)
    change(folder / "tokenizer_config.json", model_max_length=None)
    embed(make_task(folder.parent / "task", rows=8, noise=(60, 300)), taken(folder, trained=False), folder / "embedded")


def test_a_sentence_encoder_s_weights_must_be_its_config_s_too(folder: Path) -> None:
    AutoModel.from_config(tiny_config("mpnet")).save_pretrained(folder)
    renamed("^", "module.")(folder)
    assert "no tensor 'embeddings.LayerNorm.bias' (and " in refused(folder, trained=False)


# ---------------------------------------------------------------------- tokenizers


def tokenizer(folder: Path, **changes: Any) -> None:
    """Write the folder's tokenizer anew with these of its settings changed."""
    made = PreTrainedTokenizerFast.from_pretrained(folder)
    for key, value in changes.items():
        made.add_tokens(value) if key == "added" else setattr(made, key, value)
    made.save_pretrained(folder)


def test_a_token_without_an_embedding_is_refused(folder: Path) -> None:
    tokenizer(folder, added=["new", "newer"])
    says = "its tokenizer has token 'newer' with id 69, but the encoder has only 68 embeddings"
    assert says in refused(folder) and says in refused(folder, trained=False)


def test_a_tokenizer_without_a_padding_token_is_refused(folder: Path) -> None:
    change(folder / "tokenizer_config.json", pad_token=None)
    change(folder / "special_tokens_map.json", pad_token=None)
    assert "its tokenizer has no padding token; add it with save_pretrained" in refused(folder)


def test_a_tokenizer_that_begins_with_the_text_is_refused(folder: Path) -> None:
    change(folder / "tokenizer.json", post_processor={"type": "ByteLevel"} | dict.fromkeys(
        ("add_prefix_space", "trim_offsets", "use_regex"), True))  # fmt: skip
    assert "puts no special token such as [CLS] before a text, but heads read that token" in refused(folder)
    taken(folder, trained=False)


def test_another_padding_token_is_refused_where_positions_are_counted_by_it(tmp_path: Path) -> None:
    saved = make_model(tmp_path / "saved", "roberta", pad_token_id=1)
    (saved / "model.json").unlink()
    says = "its tokenizer pads with token '[PAD]' (id 0), but pad_token_id in config.json is 1, from which the enc"
    assert says in refused(saved)
    taken(make_model(tmp_path / "other", "bert", pad_token_id=1))


def test_a_tokenizer_of_special_tokens_alone_is_refused(folder: Path) -> None:
    content = read_json(folder / "tokenizer.json")
    content["model"]["vocab"] = {token: i for token, i in content["model"]["vocab"].items() if token.startswith("[")}
    (folder / "tokenizer.json").write_text(json.dumps(content))
    assert "its tokenizer knows only special tokens, no words; take the one that belongs" in refused(folder)


def test_a_tokenizer_that_is_damaged_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    assert "its tokenizer cannot be read (" in refused(folder)


PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "a", "##b", ",", "cafe"]


def with_pieces(folder: Path, *more: str, **settings: Any) -> Path:
    """Leave the folder vocab.txt alone, as older checkpoints have it, and these settings, if any."""
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink()
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in [*PIECES, *more]))
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


TEXTS = ["The cats, ab Café the", "", "a [SEP] CAT"]


@pytest.mark.parametrize(
    ("more", "settings", "expected"),
    [
        ((), {}, [2, 5, 6, 7, 10, 8, 9, 11, 5, 3]),
        (("The", "Caf", "##é"), {"do_lower_case": False}, [2, 12, 6, 7, 10, 8, 9, 13, 14, 5, 3]),
        (("The",), {"do_lower_case": True, "model_max_length": 40}, [2, 5, 6, 7, 10, 8, 9, 11, 5, 3]),
    ],
)
def test_vocab_txt_becomes_tokenizer_json_with_the_same_tokens(
    folder: Path, more: tuple[str, ...], settings: dict[str, Any], expected: list[int]
) -> None:
    from scalearn.training.data.tokens import Tokens

    made = taken(with_pieces(folder, *more, **settings))
    (made / "vocab.txt").unlink()  # what is left is what was written
    slow, fast = BertTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(made)
    assert fast(TEXTS)["input_ids"] == slow(TEXTS)["input_ids"]
    tokens = Tokens(made, 512, "longest")
    assert tokens.encode(TEXTS[:1], None)["input_ids"].to_pylist() == [expected]
    assert tokens.max_length == settings.get("model_max_length", 80)
    if settings:
        assert (made / "tokenizer_config.json").read_bytes() == (folder / "tokenizer_config.json").read_bytes()


def test_a_cased_vocabulary_that_nothing_calls_cased_is_refused(folder: Path) -> None:
    said = refused(with_pieces(folder, "The", "Caf", "##é"))
    assert "its vocabulary has upper-case letters ('Caf'), but texts would be lower-cased" in said
    assert '{"do_lower_case": false} into its tokenizer_config.json' in said


def test_vocab_json_and_merges_become_tokenizer_json_with_the_same_tokens(tmp_path: Path) -> None:
    saved = make_model(tmp_path / "saved", "roberta", pad_token_id=1)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "model.json"):
        (saved / name).unlink()
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "Ġ", "ab", "Ġab"]
    (saved / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}))
    (saved / "merges.txt").write_text("#version: 0.2\na b\nĠ ab\n")
    made = taken(saved)
    for name in ("vocab.json", "merges.txt"):
        (made / name).unlink()
    texts = ["ab ab b", "", "b a"]
    expected = RobertaTokenizer.from_pretrained(saved)(texts)["input_ids"]
    assert expected[0] == [0, 8, 9, 7, 6, 2]
    assert AutoTokenizer.from_pretrained(made)(texts)["input_ids"] == expected
