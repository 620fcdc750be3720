"""Tokenizers that do not belong to their encoder are refused; older ones become tokenizer.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, BertTokenizer, PreTrainedTokenizerFast, RobertaTokenizer

from scalearn.storage.files import read_json
from tests.encoders.taking import refused, taken
from tests.json_files import change
from tests.tiny import make_model


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
    tokens = Tokens.of_model(made, 512, "longest")
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
