"""What a person sees of a campaign with a failing run, and of one that was copied."""

from __future__ import annotations

import re
import shutil

from tests.workflow.project import Project

FAILING = (
    "command, *arguments = sys.argv[1:]\n"
    "if command == 'train' and '\"method\":\"scalearn\"' in arguments[1]:\n"
    "    print('at work'); sys.exit('error: the loss is not finite')\n"
)


def test_a_failing_run_is_three_lines_and_a_job_at_most_two(fresh: Project) -> None:
    stub = fresh.path / "bin/scalearn"
    stub.write_text(stub.read_text().replace("command, *arguments = sys.argv[1:]\n", FAILING))
    fresh.configure(seeds=[0], methods=["adapter", "scalearn"])
    said = fresh.snakemake("--profile", "local", "--cores", "2", "--resources", "gpu=2", status=1)
    for task in ("one", "two"):
        run = fresh.run_path("scalearn", "pair", task, 0)
        log = f"{run.replace('results/trained', 'logs/train')}.log"
        assert f"failed: train_composition {run}\n    error: the loss is not finite\n    log: {log}\n" in said
    for noise in ("Cannot restore", "CalledProcessError", "at work", "input:", "Finished jobid", "Select jobs"):
        assert noise not in said, noise
    begun = said.partition("total ")[2].splitlines()[1:]
    jobs = re.findall(r"^\d\d:\d\d:\d\d (\w+) \S+$", said, re.MULTILINE)
    assert len(jobs) == 10 and {"fetch_model", "encode", "train_adapter", "train_composition"} <= set(jobs)
    assert "1 of 17 done (5 %)" in said
    assert len([line for line in begun if line]) <= 2 * len(jobs) + 2 * 3 + 6, said
    (log,) = fresh.path.glob(".snakemake/log/*.log")
    assert "Finished jobid" in log.read_text() and "at work" in log.read_text()


def test_a_copied_campaign_says_in_a_line_what_it_takes_as_it_is(done: Project) -> None:
    shutil.rmtree(done.path / ".snakemake")
    said = done.snakemake("--profile", "local", "-n")
    lines = [line for line in said.splitlines() if "outputs of" in line]
    assert lines and lines[0].startswith("made elsewhere or by an earlier version, used unchanged: outputs of ")
    assert "provenance" not in said
