"""Names of marks overlap neither each other nor other marks while there is room."""

from __future__ import annotations

from itertools import pairwise

from scalearn.figures.placing import LINE, LONGEST, placed


def test_a_lone_name_stands_beside_its_mark() -> None:
    (place,) = placed([(100.0, 50.0)], ["Adapter"], 560)
    assert abs(place.y - 50) < LINE and place.x > 100 and not place.left


def test_a_name_at_the_right_edge_stands_to_the_left() -> None:
    (place,) = placed([(550.0, 50.0)], ["x" * 60], 560)
    assert place.left and place.x < 550 and place.x - LONGEST > 0


def test_names_of_marks_at_one_place_do_not_overlap() -> None:
    places = placed([(300.0, 100.0)] * 6, ["HyperFormer"] * 6, 560)
    sides = [sorted(place.y for place in places if place.left is left) for left in (False, True)]
    assert all(len(heights) > 1 for heights in sides)
    for heights in sides:
        assert all(after - before >= LINE for before, after in pairwise(heights))


def test_a_name_does_not_cover_the_mark_of_a_neighbour() -> None:
    first, _ = placed([(100.0, 100.0), (130.0, 100.0)], ["Adapter", "ScaLearn"], 560)
    assert first.left or abs(first.y - 100.0) > LINE / 2
