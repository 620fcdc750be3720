"""load and predict: what a run has stored, from its folder and from its export, in the form of each kind of task."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

import scalearn
from scalearn.campaign.places import MODELS, TASKS
from scalearn.errors import UserError
from scalearn.inference.answers import Prediction, answers
from scalearn.inference.batching import logits_of, one_ahead
from scalearn.inference.inputs import InputForm, Texts, batches_of
from scalearn.storage.files import read_json, write_json
from scalearn.training.data.token_rows import TokenRows
from tests.export.making import make_run
from tests.inference.conftest import KINDS, kind_run
from tests.places import ROOT
from tests.tiny import make_model


def rows_of(root: Path, task: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(root / TASKS / task / "test.parquet").to_pylist()
    return rows


def stored(folder: Path) -> np.ndarray[Any, Any]:
    return np.array(pq.read_table(folder / "predictions.parquet")["logits"].to_pylist(), dtype=np.float64)


def softmax(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("method", ["adapter", "scalearn", "adapter_fusion", "adapter_m", "full_finetuning"])
def test_a_run_predicts_what_it_has_stored(method: str, campaign: Path) -> None:
    folder = make_run(campaign, method)
    pairs = [(row["text1"], row["text2"]) for row in rows_of(campaign, "first")]
    predictions = scalearn.load(folder).predict(pairs)
    expected = softmax(stored(folder))
    given = [[one.probabilities["bad"], one.probabilities["good"]] for one in predictions]
    np.testing.assert_allclose(given, expected, atol=1e-5)
    assert [one.label for one in predictions] == [("bad", "good")[best] for best in expected.argmax(axis=1)]
    np.testing.assert_allclose([one.probability for one in predictions], expected.max(axis=1), atol=1e-5)


@pytest.mark.parametrize("name", ["adapter", "scalearn", "adapter_fusion", "full_finetuning"])
def test_an_export_predicts_the_same(name: str, campaign: Path) -> None:
    pairs = [(row["text1"], row["text2"]) for row in rows_of(campaign, "first")]
    ours = scalearn.load(make_run(campaign, name)).predict(pairs)
    exported = scalearn.load(campaign / "exports" / name, model=campaign / MODELS / "bert").predict(pairs)
    assert [one.label for one in ours] == [one.label for one in exported]
    np.testing.assert_allclose([one.probability for one in ours], [one.probability for one in exported], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_own_answers(kind: str, campaign: Path) -> None:
    folder, rows = kind_run(campaign, kind).output, rows_of(campaign, kind)
    predictions, logits = scalearn.load(folder).predict(rows), stored(folder)
    if kind == "regression":
        np.testing.assert_allclose([one.label for one in predictions], logits[:, 0], atol=1e-5)
        assert {one.probability for one in predictions} == {None}
    elif kind == "multi_label":
        given = [list(one.probabilities.values()) for one in predictions]
        np.testing.assert_allclose(given, 1 / (1 + np.exp(-logits)), atol=1e-5)
        for one, row in zip(predictions, logits, strict=True):
            assert one.label == tuple(name for name, value in zip(("bad", "good"), row, strict=True) if value > 0)
    else:
        best = logits.argmax(axis=1)
        assert [one.label for one in predictions] == [row["choices"][b] for row, b in zip(rows, best, strict=True)]
        np.testing.assert_allclose([one.probability for one in predictions], softmax(logits).max(axis=1), atol=1e-5)


def test_an_exported_multiple_choice_predicts_the_same(campaign: Path) -> None:
    rows = rows_of(campaign, "multiple_choice")
    ours = scalearn.load(kind_run(campaign, "multiple_choice").output).predict(rows)
    exported = scalearn.load(campaign / "exports/multiple_choice", model=campaign / MODELS / "bert").predict(rows)
    assert [one.label for one in ours] == [one.label for one in exported]


@pytest.mark.parametrize("form", ["dataset", "formatted", "transformed", "iterable", "frame", "generator", "dicts"])
def test_rows_may_come_in_many_forms(form: str, campaign: Path) -> None:
    classifier, rows = scalearn.load(make_run(campaign, "adapter")), rows_of(campaign, "first")
    forms: dict[str, Any] = {
        "dataset": lambda: datasets.Dataset.from_list(rows),
        "formatted": lambda: datasets.Dataset.from_list(rows).with_format("pandas"),
        "transformed": lambda: (
            datasets.Dataset.from_list(rows)
            .rename_columns({"text1": "a", "text2": "b"})
            .with_transform(lambda batch: {"text1": batch["a"], "text2": batch["b"]})
        ),
        "iterable": lambda: datasets.Dataset.from_list(rows).to_iterable_dataset(),
        "frame": lambda: pd.DataFrame(rows),
        "generator": lambda: ((row["text1"], row["text2"]) for row in rows),
        "dicts": lambda: rows,
    }
    expected = classifier.predict([(row["text1"], row["text2"]) for row in rows])
    assert classifier.predict(forms[form]()) == expected
    assert classifier.predict([]) == []


def test_order_and_values_do_not_depend_on_the_company(campaign: Path) -> None:
    classifier = scalearn.load(make_run(campaign, "scalearn"))
    pairs = [(row["text1"] * (1 + index % 5), row["text2"]) for index, row in enumerate(rows_of(campaign, "first"))]
    together = classifier.predict(pairs)
    alone = [classifier.predict([pair])[0] for pair in pairs]
    assert [one.label for one in together] == [one.label for one in alone]
    np.testing.assert_allclose([one.probability for one in together], [one.probability for one in alone], atol=1e-5)


def test_omega_is_that_of_the_results(campaign: Path) -> None:
    folder = make_run(campaign, "scalearn")
    mine = scalearn.load(folder).omega
    theirs = scalearn.read_results(campaign / "results", method="scalearn").omega
    pd.testing.assert_frame_equal(mine, theirs[list(mine.columns)])
    with pytest.raises(UserError, match="omega: this model of 'first' has none; load the folder of a ScaLearn run"):
        _ = scalearn.load(make_run(campaign, "adapter")).omega


def test_the_example_of_the_page_runs(campaign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/predict.md").read_text(), re.MULTILINE | re.DOTALL)
    code = snippet.replace('"my-run"', repr(str(make_run(campaign, "scalearn"))))
    values: dict[str, Any] = {}
    exec(compile(code, "docs/predict.md", "exec"), values)
    assert {values["first"].label, values["second"].label} <= {"good", "bad"}


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["one text"], r"row 1: the task reads a pair of texts \(text1, text2\), but this is a text"),
        ([("a", "b"), ("a", "b", "c")], "row 2: the task reads a pair of texts .*, but this is 3 values"),
        ([("a", "b"), ("a", None)], "row 2: the task reads a pair"),
        ([("a", "b"), 7], "row 2: the task reads a pair of texts .*, but this is a int"),
        ([{"text1": "a"}], "row 1: no 'text2'; the task reads text1, text2"),
        ([{"text1": "a", "text2": "b"}, {"text1": "a", "text2": None}], "row 2: 'text2' is missing"),
        (
            [{"text1": "a", "text2": "b"}, {"text1": "a", "text2": 7}],
            "row 2: 'text2': Expected bytes, got a 'int' obj.*;",
        ),
        ([("a", "b"), ("a", "\ud800")], "row 2: 'text2': 'utf-8' codec can't encode .*; mend the row"),
        (pd.DataFrame({"text1": ["a", "b"], "text2": ["c", float("nan")]}), "row 2: 'text2' is missing"),
        (pd.DataFrame([["a", "b", "c"]], columns=["text1", "text2", "text2"]), "'text2' occurs more than once; rename"),
        ("a text", "one row is given; give a list of rows"),
        ({"text1": "a", "text2": "b"}, "one row is given; give a list of rows"),
        ({"text1": ["a"], "text2": ["b"]}, r"splits or columns are given \(text1, text2\); give a list of rows"),
        (datasets.DatasetDict(dev=datasets.Dataset.from_dict({"text1": ["a"]})), r"splits or columns .* \(dev\); give"),
        ({("a", "b"), ("c", "d")}, "a set has no order; give a list of rows"),
        (7, "int holds no rows; give a list of rows"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_number(rows: Any, says: str, campaign: Path) -> None:
    with pytest.raises(UserError, match=says):
        scalearn.load(make_run(campaign, "adapter")).predict(rows)


def test_a_multiple_choice_needs_its_columns(campaign: Path) -> None:
    classifier = scalearn.load(kind_run(campaign, "multiple_choice").output)
    with pytest.raises(UserError, match="row 1: the task reads several columns; give a mapping with text1, choices"):
        classifier.predict([("a", "b")])
    with pytest.raises(UserError, match="row 2: 'choices' holds 3 choices, but other rows have 2"):
        classifier.predict([{"text1": "a", "choices": ["b", "c"]}, {"text1": "a", "choices": ["b", "c", "d"]}])


def test_a_folder_that_is_no_finished_run_is_refused(campaign: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        scalearn.load(tmp_path / "nothing")
    shutil.copytree(make_run(campaign, "adapter"), tmp_path / "run")
    (tmp_path / "run" / "run.json").unlink()
    with pytest.raises(UserError, match=r"this run is not finished \(run.json is missing\)"):
        scalearn.load(tmp_path / "run")


def test_an_export_needs_its_own_encoder(campaign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = campaign / "exports" / "adapter"
    other = make_model(tmp_path / "other", initializer_range=0.1)
    with pytest.raises(UserError, match=r"other: it is another encoder than 'bert', which \S+adapter was trained on"):
        scalearn.load(out, model=other)
    with pytest.raises(UserError, match=r"no model\.safetensors in it; name the folder of the encoder 'bert'"):
        scalearn.load(out, model=tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"its encoder 'bert' is not on the hub; name its folder \(--model\)"):
        scalearn.load(out)
    monkeypatch.chdir(campaign)  # where resources/models has it
    assert scalearn.load(out).name == "first"


def test_an_export_of_another_version_or_with_damage_is_refused(campaign: Path, tmp_path: Path) -> None:
    shutil.copytree(campaign / "exports" / "adapter", tmp_path / "out")
    (tmp_path / "out" / "adapter.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"the export cannot be loaded .*; export it again"):
        scalearn.load(tmp_path / "out", model=campaign / MODELS / "bert")
    content = read_json(tmp_path / "out" / "export.json")
    write_json(tmp_path / "out" / "export.json", content | {"format": 99})
    with pytest.raises(UserError, match="format 99 is of another version; export the run again"):
        scalearn.load(tmp_path / "out")


# ---------------------------------------------------------------------- parts


RECORD = {"kind": "candidates", "texts": 2, "columns": ["passage", "query"], "construction": "record"}
LENGTHS = {"truncation": "longest_first", "max_length": 32, "choices": None}


def test_candidates_give_the_best_answer_of_each_question() -> None:
    form = InputForm.of(RECORD | LENGTHS)
    rows = [
        {"passage": "p", "query": "@placeholder runs", "entities": ["Ann", "Bob"]},
        {"passage": "q", "query": "@placeholder sits", "entities": ["Cy"]},
    ]
    assert form.columns == ["passage", "query", "entities"]
    (batch,) = batches_of(rows, form)
    texts = form.read(batch)
    assert (texts.first, texts.second) == (["p", "p", "q"], ["Ann runs", "Bob runs", "Cy sits"])
    logits = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]], dtype=np.float32)
    first, second = answers("candidates", None, logits, texts)
    assert (first.label, second.label) == ("Bob", "Cy")
    assert first.probability == pytest.approx(1 / (1 + np.exp(-1))) and first.probabilities == {}


def test_a_question_without_candidates_is_refused() -> None:
    form = InputForm.of(RECORD | LENGTHS)
    rows = [
        {"passage": "p", "query": "x", "entities": ["Ann"]},
        {"passage": "p", "query": "x", "entities": []},
    ]
    (batch,) = batches_of(rows, form)
    with pytest.raises(UserError, match="row 2: it has no entity that could be the answer"):
        form.read(batch)


def test_candidates_of_a_rule_are_refused() -> None:
    with pytest.raises(UserError, match="a rule of your own made the candidates of this task"):
        InputForm.of(RECORD | LENGTHS | {"construction": None})


def test_a_construction_reads_its_columns() -> None:
    form = InputForm.of(
        {"kind": "classification", "texts": 2, "columns": ["sentence1", "sentence2"], "construction": "wic"} | LENGTHS
    )
    (batch,) = batches_of([{"word": "bank", "sentence1": "a", "sentence2": "b"}], form)
    assert form.read(batch) == Texts(["bank: a"], ["bank: b"], [0])
    with pytest.raises(UserError, match="give a mapping with sentence1, sentence2, word"):
        list(batches_of([("a", "b")], form))


def test_a_run_that_read_the_first_text_alone_reads_it_alone() -> None:
    form = InputForm.of({"kind": "classification", "texts": 1, "columns": ["a", "b"], "construction": None} | LENGTHS)
    (batch,) = batches_of([("one", "two")], form)
    assert form.read(batch).second is None


def test_large_logits_have_finite_probabilities() -> None:
    texts = Texts(["a"], None, [0])
    (prediction,) = answers("classification", ["no", "yes"], np.array([[900.0, -900.0]], dtype=np.float32), texts)
    assert prediction == Prediction("no", 1.0, {"no": 1.0, "yes": 0.0})
    (labels,) = answers("multi_label", ["no", "yes"], np.array([[900.0, -900.0]], dtype=np.float32), texts)
    assert labels.label == ("no",) and labels.probabilities == {"no": 1.0, "yes": 0.0}


def test_batches_hold_rows_of_similar_length_and_logits_stay_in_order() -> None:
    lengths = np.array([[3], [200], [5], [199], *[[4]] * 200])
    starts = np.concatenate([[0], np.cumsum(lengths[:, 0])[:-1]]).reshape(-1, 1)
    tokens = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths[:, 0])  # each row's tokens are its number
    seen: list[tuple[int, ...]] = []

    def forward(batch: Any) -> torch.Tensor:
        seen.append(tuple(batch["input_ids"].shape))
        return batch["input_ids"][:, :1].float()

    logits = logits_of(TokenRows(tokens, starts, lengths, None, 0), forward, torch.device("cpu"), choices=False)
    assert logits[:, 0].tolist() == list(range(len(lengths)))
    assert [shape[1] for shape in seen] == [200, 4, 4, 4]


def test_the_next_item_is_made_while_the_last_is_used() -> None:
    assert list(one_ahead(iter(range(5)))) == list(range(5))

    def failing() -> Any:
        yield 1
        raise UserError("row 2: no")

    items = one_ahead(failing())
    assert next(items) == 1
    with pytest.raises(UserError, match="row 2"):
        next(items)
