"""Ids of adapters on the hub."""

from __future__ import annotations

import pytest

from scalearn.foreign.hub import is_identifier


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        ("AdapterHub/roberta-base-pf-rte", True),
        ("a.b/c_d@main", True),
        ("a/b@", False),
        ("a/b@c@d", False),
        ("a/b/c", False),
        ("../b/", False),
        ("b", False),
        ("a/b\n", False),
    ],
)
def test_an_id_is_owner_name_and_perhaps_a_revision(text: str, may_be: bool) -> None:
    assert is_identifier(text) is may_be
