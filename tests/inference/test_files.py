"""`scalearn predict`: files of every format in and out, standard input, and what is refused."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import scalearn
from scalearn.__main__ import main
from scalearn.campaign.places import MODELS
from scalearn.errors import UserError
from scalearn.inference import files
from scalearn.inference.result_files import check_labels
from tests.export.making import make_run
from tests.inference.conftest import kind_run

ROWS = [{"id": f"r{row}", "text1": f"w{row % 7} good" * (1 + row % 3), "text2": f"w{row % 5}"} for row in range(150)]


def written(path: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    """Write the rows in the format of the path's ending."""
    rows = ROWS if rows is None else rows
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a result, numbers as numbers."""
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t" if path.suffix == ".tsv" else ","))
    return [
        {**row, "row": int(row["row"])}
        | {name: float(value) for name, value in row.items() if name.startswith(("probability", "value"))}
        for row in rows
    ]


@pytest.fixture
def run(campaign: Path) -> str:
    return str(make_run(campaign, "scalearn"))


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*arguments: object) -> str:
        capsys.readouterr()
        assert main(["predict", *map(str, arguments)]) == 1
        error = capsys.readouterr().err
        assert "Traceback" not in error
        return error

    return call


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_format_in_and_out(ending: str, run: str, tmp_path: Path) -> None:
    out = tmp_path / f"out{ending}"
    assert main(["predict", run, str(written(tmp_path / f"in{ending}")), "-o", str(out), "--keep", "id"]) == 0
    expected = scalearn.load(run).predict(ROWS)
    result = read(out)
    assert list(result[0]) == ["row", "id", "label", "probability"]
    assert [row["row"] for row in result] == list(range(1, len(ROWS) + 1))
    assert [row["id"] for row in result] == [row["id"] for row in ROWS]
    assert [row["label"] for row in result] == [one.label for one in expected]
    assert [row["probability"] for row in result] == pytest.approx([one.probability for one in expected])


def test_order_is_kept_across_batches(run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.Rows.batches, "__defaults__", (16,))
    out = tmp_path / "out.jsonl"
    assert main(["predict", run, str(written(tmp_path / "in.csv")), "-o", str(out)]) == 0
    expected = [one.label for one in scalearn.load(run).predict(ROWS)]
    assert [row["label"] for row in read(out)] == expected


def test_standard_input_and_output(run: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scalearn", "predict", run, "-"]
    done = subprocess.run(command, input=written(tmp_path / "in.csv").read_bytes(), capture_output=True, check=True)
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert [row["label"] for row in rows] == [one.label for one in scalearn.load(run).predict(ROWS)]
    assert "150 rows in" in done.stderr.decode()
    bad = b'{"text1": "a", "text2": "b"}\n{"text1": "a"}\n'
    done = subprocess.run([*command, "--format", "jsonl"], input=bad, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"standard input: row 2: 'text2' is missing" in done.stderr


@pytest.mark.parametrize("kind", ["regression", "multi_label", "multiple_choice"])
def test_the_result_of_each_kind(kind: str, campaign: Path, tmp_path: Path) -> None:
    rows = [{**row, "choices": [row["text2"], "w9 w9"]} for row in ROWS[:20]]
    source, out = written(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    folder = kind_run(campaign, kind).output
    assert main(["predict", str(folder), str(source), "-o", str(out)]) == 0
    expected, result = scalearn.load(folder).predict(rows), read(out)
    if kind == "regression":
        assert [row["value"] for row in result] == pytest.approx([one.label for one in expected])
    elif kind == "multi_label":
        assert [tuple(row["label"]) for row in result] == [one.label for one in expected]
        assert [row["probability_good"] for row in result] == pytest.approx(
            [one.probabilities["good"] for one in expected]
        )
        assert main(["predict", str(folder), str(source), "-o", str(tmp_path / "out.csv")]) == 0
        joined = ["|".join(row["label"]) for row in result]
        assert [row["label"] for row in read(tmp_path / "out.csv")] == joined
    else:
        assert [row["label"] for row in result] == [one.label for one in expected]


def test_columns_of_other_names(run: str, campaign: Path, tmp_path: Path) -> None:
    renamed = [{"premise": row["text1"], "claim": row["text2"]} for row in ROWS]
    source, out = written(tmp_path / "in.csv", renamed), tmp_path / "out.csv"
    assert main(["predict", run, str(source), "-o", str(out), "--text", "premise", "--text", "claim"]) == 0
    assert [row["label"] for row in read(out)] == [one.label for one in scalearn.load(run).predict(ROWS)]
    choices = [{"text1": row["text1"], "a": row["text2"], "b": "w9 w9"} for row in ROWS[:9]]
    source, folder = written(tmp_path / "choices.csv", choices), kind_run(campaign, "multiple_choice").output
    out = tmp_path / "choices-out.csv"
    assert main(["predict", str(folder), str(source), "-o", str(out), "--choice", "a", "--choice", "b"]) == 0
    assert {row["label"] for row in read(out)} <= {"w9 w9", *(row["text2"] for row in ROWS)}


def test_an_export_predicts_with_the_encoder_that_is_named(campaign: Path, tmp_path: Path) -> None:
    source, out = written(tmp_path / "in.csv"), tmp_path / "out.csv"
    export = campaign / "exports" / "scalearn"
    assert main(["predict", str(export), str(source), "-o", str(out), "--model", str(campaign / MODELS / "bert")]) == 0
    expected = scalearn.load(make_run(campaign, "scalearn")).predict(ROWS)
    assert [row["label"] for row in read(out)] == [one.label for one in expected]


def test_an_export_is_loaded_without_a_warning(campaign: Path, caplog: pytest.LogCaptureFixture) -> None:
    scalearn.load(campaign / "exports" / "adapter", model=campaign / MODELS / "bert")
    assert caplog.records == []


def test_what_is_refused(run: str, campaign: Path, tmp_path: Path, refused: Callable[..., str]) -> None:
    source, out = written(tmp_path / "in.csv"), tmp_path / "out.csv"
    assert "no such file" in refused(run, tmp_path / "nothing.csv", "-o", out)
    assert "the file name must end in .csv, .tsv" in refused(run, source, "-o", tmp_path / "out.xlsx")
    assert "the file name must end in" in refused(run, written(tmp_path / "in.jsonl").rename(tmp_path / "in.txt"))
    one = refused(run, written(tmp_path / "one.csv", [{"text1": "a"}]), "-o", out)
    assert "no column 'text2', did you mean 'text1'? (--text names the file's columns)\n" in one
    assert "no column 'name'" in refused(run, source, "-o", out, "--keep", "name")
    assert "--text: 1 columns, but the task has 2" in refused(run, source, "-o", out, "--text", "id")
    assert "--choice: the task has no choices" in refused(run, source, "-o", out, "--choice", "id")
    labelled = written(tmp_path / "labelled.csv", [{**row, "label": "x"} for row in ROWS])
    assert "--keep label: the result has a column of this name" in refused(run, labelled, "-o", out, "--keep", "label")
    (tmp_path / "empty.csv").touch()
    assert "empty.csv: no column 'text1'" in refused(run, tmp_path / "empty.csv", "-o", out)
    (tmp_path / "header.csv").write_text("text1,text2\n")
    assert "header.csv: the split has no rows" in refused(run, tmp_path / "header.csv", "-o", out)
    assert "no such folder" in refused(tmp_path / "no run", source, "-o", out)
    shutil.copytree(run, tmp_path / "moved run")
    moved = refused(tmp_path / "moved run", source, "-o", out)
    assert "start the campaign to make it again, or predict with an export of the run" in moved
    below = refused(run, source, "-o", source / "in it" / "out.csv")
    assert f"out.csv: {source} is a file, not a folder; name another path" in below
    assert not out.exists()
    out.write_text("mine")
    assert f"{out}: it is there already" in refused(run, source, "-o", out)
    assert out.read_text() == "mine"


def test_a_bad_row_far_down_leaves_no_result(run: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    rows = [*ROWS * 120, {**ROWS[0], "text2": None}]
    source = written(tmp_path / "in.jsonl", rows)
    for out in ("out.csv", "no/such/folder/out.csv"):
        assert f"in.jsonl: row {len(rows)}: 'text2' is missing" in refused(run, source, "-o", tmp_path / out)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_killed_prediction_leaves_no_result(run: str, tmp_path: Path) -> None:
    """A named pipe gives the rows, so that the process waits for more when it is killed."""
    source, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    written(source, ROWS * 60)
    code = (
        "import sys, os, signal; from scalearn.inference import result_files as r; write = r.pq.ParquetWriter\n"
        "from scalearn.inference import files; rows = files.result_rows\n"
        "def killed(*a): os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.result_rows = lambda *a, seen=[]: rows(*a) if not seen and not seen.append(1) else killed()\n"
        "from scalearn.__main__ import main; main(sys.argv[1:])\n"
    )
    arguments = ["predict", run, str(source), "-o", str(out)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not out.exists()
    assert main(arguments) == 0 and len(read(out)) == len(ROWS) * 60
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "rows.jsonl"]


# ---------------------------------------------------------------------- standard output, and what it gets


def test_a_refusal_writes_nothing_on_standard_output(
    run: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path / "in.jsonl", [*ROWS * 60, {**ROWS[0], "text2": None}])  # more than a batch
    assert main(["predict", run, str(source)]) == 1
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("shell", "says"),
    [
        ("> /dev/full", "error: standard output: No space left on device; name an --output on another disk"),
        (">&-", "error: standard output: it is closed; name an --output"),
        ("- <&-", "error: standard input: it is closed; name a file instead of -"),
    ],
)
def test_streams_that_cannot_be_used_are_refused(shell: str, says: str, run: str, tmp_path: Path) -> None:
    source = "" if shell.startswith("-") else f"'{written(tmp_path / 'in.csv', ROWS[:2])}'"
    command = f"'{sys.executable}' -m scalearn predict '{run}' {source} {shell}"
    done = subprocess.run(command, shell=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode().strip()) == (1, says)


def test_quotation_marks_of_a_tsv_file(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], refused: Callable[..., str]
) -> None:
    source, out = tmp_path / "in.tsv", tmp_path / "out.csv"
    source.write_text('text1\ttext2\n"good\tw1\n')
    assert "or --quoting none of predict, if the marks are plain characters" in refused(run, source, "-o", out)
    assert main(["predict", run, str(source), "-o", str(out), "--quoting", "none", "--keep", "text1"]) == 0
    assert [row["text1"] for row in read(out)] == ['"good']
    source.write_text('"text1"\t"text2"\n"good"\t"w1"\n')
    capsys.readouterr()
    assert main(["predict", run, str(source), "-o", str(tmp_path / "bare.csv")]) == 0
    assert "marks around values are removed; --quoting none keeps them" in capsys.readouterr().err


def test_options_that_say_nothing_are_refused(run: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    source = written(tmp_path / "in.csv")
    assert "--format tsv: it is for standard input; the name of" in refused(run, source, "--format", "tsv")
    assert "--keep id: the column is named twice" in refused(run, source, "--keep", "id", "--keep", "id")
    assert "--text id: the column is named twice" in refused(run, source, "--text", "id", "--text", "id")


def test_copied_values_keep_their_form(run: str, tmp_path: Path) -> None:
    day, out = datetime.date(2026, 1, 31), tmp_path / "out.csv"
    source = written(tmp_path / "in.parquet", [{**ROWS[0], "day": day, "size": 1.5, "tags": ["a", None]}])
    keep = [option for name in ("day", "size", "tags") for option in ("--keep", name)]
    assert main(["predict", run, str(source), "-o", str(out), *keep]) == 0
    assert {name: read(out)[0][name] for name in ("day", "size", "tags")} == {
        "day": "2026-01-31",
        "size": "1.5",
        "tags": '["a", null]',
    }


def test_labels_that_contain_the_separator_are_not_joined() -> None:
    schema = pa.schema([("label", pa.list_(pa.string()))])
    for out in (None, Path("out.csv"), Path("out.TSV")):
        with pytest.raises(UserError, match=r"label 'a\|b': CSV and TSV join labels by '\|', .*; name a \.jsonl or"):
            check_labels(["c", "a|b"], schema, out)
    check_labels(["c", "a|b"], schema, Path("out.jsonl"))
    check_labels(["c", "a|b"], pa.schema([("label", pa.string())]), None)  # one label per row
