"""How often Snakemake looks at the jobs that wait."""

from __future__ import annotations

from tests.workflow.project import Project

# A rule file of the user's, which notes each time that Snakemake sets a timer to look again.
PROBE = """
from snakemake.scheduling.job_scheduler import JobScheduler

set_timer = JobScheduler._schedule_reevalutation


def noted(self, delay):
    with open("timers.txt", "a") as timers:
        timers.write(f"{delay}\\n")
    set_timer(self, delay)


open("timers.txt", "w").close()
JobScheduler._schedule_reevalutation = noted
"""


def test_waiting_jobs_are_looked_at_when_a_job_has_ended_and_not_at_intervals(fresh: Project) -> None:
    own = fresh.path / "workflow/rules/own"
    own.mkdir(exist_ok=True)
    (own / "probe.smk").write_text(PROBE)
    fresh.configure(methods=["adapter"], seeds=[0])
    fresh.run()
    assert (fresh.path / "timers.txt").read_text() == ""
