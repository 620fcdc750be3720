"""The example of docs/statistics.md runs."""

from __future__ import annotations

import re
from typing import Any

from scalearn.statistics.interval import Interval
from tests.places import ROOT


def test_the_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/statistics.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    assert isinstance(names["difference"].interval, Interval)
