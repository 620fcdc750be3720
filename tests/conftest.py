"""What holds for all tests: their environment, their kinds, and what is skipped where a machine lacks something."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.marking import add_kind, lacking

# Tiny models gain nothing from threads, and lose much where several processes compete for the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

# Helpers whose assertions say what they compared.
pytest.register_assert_rewrite(
    *("tests.encoders.taking", "tests.methods.conformance"),
    *("tests.slurm.campaign", "tests.workflow.clone", "tests.workflow.project"),
)


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by -m
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        add_kind(item)
        if reason := lacking(item):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped for each reason; pytest itself lists them by their places."""
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", ()))
    for reason, number in reasons.items():
        terminalreporter.write_line(f"{number} skipped: {reason.removeprefix('Skipped: ')}")
