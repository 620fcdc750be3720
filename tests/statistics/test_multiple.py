"""Corrections for many tests, against statsmodels and by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from scalearn.statistics.multiple import better_on_at_least, holm, one_sided


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_that_of_statsmodels(ps: list[float]) -> None:
    assert holm(ps) == pytest.approx(multipletests(ps, method="holm")[1])


def test_what_has_no_p_is_no_test() -> None:
    assert holm([0.02, None, 0.03]) == [0.04, None, 0.04]
    assert holm([None]) == [None]


def test_one_sided_p_depends_on_the_sign() -> None:
    assert one_sided(0.04, 0.1) == pytest.approx(0.02)
    assert one_sided(0.04, -0.1) == pytest.approx(0.98)
    assert one_sided(None, 0.1) is None


@pytest.mark.parametrize(
    ("ps", "tasks"),
    [
        ([0.001, 0.001, 0.001, 0.9], 3),  # 4 x .001, 3 x .001, 2 x .001, 1 x .9
        ([0.02, 0.001, 0.02, 0.02], 1),  # .004, .06: the second is not below .05, so that the third is not either
        ([0.04, 0.5], 0),  # 2 x .04
        ([None, 0.001], 1),
        ([], 0),
    ],
)
def test_better_on_at_least(ps: list[float | None], tasks: int) -> None:
    assert better_on_at_least(ps) == tasks
