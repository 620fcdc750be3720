"""What a message shows of many or long names."""

from __future__ import annotations

from scalearn.errors import nearest, shown


def test_many_names_are_counted_and_long_ones_cut() -> None:
    names = [f"label {number}" for number in range(300)]
    assert shown(names[:3]) == "label 0, label 1, label 2"
    assert shown(names).startswith("label 0, label 1, ") and shown(names).endswith("label 19, ... (300 in all)")
    assert shown(["x" * 61, "y"]) == "x" * 60 + "..., y"


def test_the_nearest_name_or_some_of_those_that_there_are() -> None:
    assert nearest("lables", ["labels", "texts"]) == ", did you mean 'labels'?"
    assert nearest("zzz", ["b", "a"]) == "; known: a, b"
    assert nearest("zzz", []) == "; known: none"
    assert nearest("zzz", [f"{number}" for number in range(300)]).endswith("(300 in all)")
