"""What Snakemake's records become on the terminal."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scalearn.cluster.terminal import SEE_LOGS, last_line, shorten_messages

Said = Callable[..., str]


@pytest.fixture
def said(request: pytest.FixtureRequest) -> Said:
    """Log one record, with what Snakemake gives along, and return what the terminal shows."""
    stream = io.StringIO()
    logger = logging.Logger("snakemake", logging.INFO)  # none of the process's own
    logger.addHandler(logging.StreamHandler(stream))
    shorten_messages(logger, all_messages=getattr(request, "param", False))

    def log(text: str, level: int = logging.INFO, **extra: Any) -> str:
        stream.truncate(0)
        stream.seek(0)
        logger.log(level, text, extra=extra)
        return stream.getvalue()

    return log


STARTED: dict[str, Any] = {
    "event": "job_info",
    "rule_msg": None,
    "rule_name": "train_composition",
    "wildcards": {"model": "tiny", "method": "scalearn", "benchmark": "pair", "task": "one", "seed": "0"},
}


def failed(log: list[str], **aux: Any) -> dict[str, Any]:
    path = "results/trained/tiny/scalearn/pair/one/full/0"
    output = [f"{path}/weights.safetensors (update)", f"{path}/run.json (update)"]
    rest = {
        "rule_name": "train_composition",
        "rule_msg": None,
        "output": output,
        "log": log,
        "aux": aux,
        "indent": False,
    }
    return {"event": "job_error", "level": logging.ERROR, **rest}


def test_a_job_is_two_lines(said: Said) -> None:
    assert said(" Rule: x", **STARTED)[8:] == " train_composition tiny/scalearn/pair/one/0\n"
    assert said("", event="progress", done=12, total=87) == "12 of 87 done (13 %)\n"
    for text in ("Select jobs to execute...", "Cannot restore results/trained/a/run.json: no backup found."):
        assert said(text) == ""
    for event in ("job_started", "job_finished", "workflow_started"):
        assert said("whatever", event=event) == ""


def test_a_failure_is_its_last_line_and_its_log(said: Said, tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_text("epoch 1/3\nerror: the loss is not finite; try a smaller rate\n\n")
    assert said("Error in rule", **failed([str(log)])) == (
        "failed: train_composition results/trained/tiny/scalearn/pair/one/full/0\n"
        f"    error: the loss is not finite; try a smaller rate\n    log: {log}\n"
    )
    message = f"SLURM status: OUT_OF_MEMORY. {SEE_LOGS}"
    text = said("Error", **{**failed([str(log)], external_jobid=7), "rule_msg": message})
    assert "    message: SLURM status: OUT_OF_MEMORY.\n    external_jobid: 7\n    error: the loss" in text


def test_a_failed_submission_of_several_jobs_is_a_line_and_their_logs(said: Said, tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_text("this run is done")
    group = {"event": "group_error", "groupid": "compositions_pair_one", "aux_logs": [], "job_error_info": [{}, {}]}
    assert said("Error in group", **group) == "failed: a submission of 2 jobs (compositions_pair_one)\n"
    shown = said("Error", **{**failed([str(log)]), "indent": True})
    assert shown.startswith("in it: train_composition results/trained/") and "    this run is done\n" in shown


def test_a_failure_without_a_log_is_told_as_snakemake_tells_it(said: Said, tmp_path: Path) -> None:
    (tmp_path / "empty.log").write_text("\n")
    for log in ([], [str(tmp_path / "none.log")], [str(tmp_path / "empty.log")]):
        assert said("Error in rule", **failed(log)) == "Error in rule\n"


COMMAND = "RuleException:\nCalledProcessError in file \"a/stage1.smk\", line 42:\nCommand 'set -e; scalearn train' "


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        ("returned non-zero exit status 1.", ""),
        ("returned non-zero exit status 75.", ""),
        (
            "returned non-zero exit status 137.",
            "a/stage1.smk, line 42: a command ended with exit status 137 (SIGKILL)\n",
        ),
        ("returned non-zero exit status 2.", "a/stage1.smk, line 42: a command ended with exit status 2\n"),
        ("died with <Signals.SIGKILL: 9>.", "a/stage1.smk, line 42: a command ended with exit status 9 (SIGKILL)\n"),
    ],
)
def test_of_a_command_that_was_killed_the_signal_is_told(end: str, shown: str, said: Said) -> None:
    assert said(COMMAND + end, logging.ERROR, event="error", exception="RuleException") == shown


def test_what_is_not_known_is_said_as_ever(said: Said) -> None:
    for text, extra in (
        ("MissingOutputException in rule x", {"event": "error", "exception": "MissingOutputException"}),
        ("Trying to restart job 31.", {}),
        ("Cannot restore results: something else.", {}),
        ("Job stats:", {"event": "run_info"}),
        ("an event of another version", {"event": "progress"}),
    ):
        assert said(text, **extra) == f"{text}\n"


def test_outputs_of_unknown_origin_are_one_line(said: Said) -> None:
    text = (
        "1 jobs have missing provenance/metadata so that it in part cannot be used to trigger re-runs.\n"
        "Rules with missing metadata: fetch_model"
    )
    shown = "made elsewhere or by an earlier version, used unchanged: outputs of fetch_model\n"
    assert said(text) == shown


@pytest.mark.parametrize("said", [True], indirect=True)
def test_a_dry_run_says_all_of_its_jobs(said: Said) -> None:
    assert said("all about it", **STARTED) == "all about it\n"


def test_snakemake_s_own_log_has_everything(tmp_path: Path) -> None:
    logger = logging.Logger("snakemake", logging.INFO)
    shorten_messages(logger, all_messages=False)
    logger.addHandler(logging.FileHandler(tmp_path / "log"))
    logger.info("Finished jobid: 1 (Rule: x)", extra={"event": "job_finished"})
    assert (tmp_path / "log").read_text() == "Finished jobid: 1 (Rule: x)\n"


def test_the_last_line_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for content, line in (
        (b"first\nlast \xff\n \n", "last �"),
        (b"begin\r50 %\r100 %\r\n", "100 %"),
        (b"x" * (1 << 17) + b"\nlast", "last"),
        (b"", ""),
    ):
        log.write_bytes(content)
        assert last_line(log) == line
    assert last_line(tmp_path / "none") == ""
