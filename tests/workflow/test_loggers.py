"""Loggers in a campaign: they reach the jobs through the environment, and no run is due for them."""

from __future__ import annotations

import pytest

from tests.workflow.project import Project

# Stands before the stub's work: what the command is told beside its arguments.
NOTE = 'import os\nopen("told.txt", "a").write(os.environ.get("SCALEARN_LOGGERS", "none") + "\\n")\n'


def test_nothing_runs_again_for_a_logger_and_a_new_run_reports_to_it(fresh: Project) -> None:
    fresh.configure(methods=["adapter"], seeds=[0])
    stub = fresh.path / "bin" / "scalearn"
    first, rest = stub.read_text().split("\n", 1)
    stub.write_text(f"{first}\n{NOTE}{rest}")
    fresh.run()
    told = fresh.path / "told.txt"
    assert set(told.read_text().split()) == {"none"}
    fresh.configure(methods=["adapter"], seeds=[0], loggers=["csv"])
    assert "Nothing to be done" in fresh.snakemake("--profile", "local", "-n")
    told.unlink()
    fresh.configure(methods=["adapter"], seeds=[0, 1], loggers=["csv"])
    fresh.run()
    assert set(told.read_text().split()) == {"csv"}


def test_a_logger_that_cannot_be_had_is_refused_before_the_first_job(
    fresh: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DISABLED", "true")  # where W&B is installed, that is refused
    fresh.configure(loggers=["wandb"])
    said = fresh.snakemake("--profile", "local", "--cores", "1", status=1)
    assert "error: config.yaml: loggers: " in said
    assert "leave" in said
    assert "Traceback" not in said
    assert not (fresh.path / "calls.txt").exists()
