"""The report: what is on the page, that it stands alone, and that odd campaigns have a sensible one."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from scalearn.errors import UserError
from scalearn.report.page import write_report
from scalearn.report.tables import order
from tests.report.campaign import campaign_of, finish


class Elements(HTMLParser):
    """Collects the elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def values(self, name: str) -> list[str]:
        """Return all values of an attribute."""
        return [value for _, attributes in self.found if (value := attributes.get(name)) is not None]


def report(folder: Path, left_out: tuple[str, ...] = (), **changes: Any) -> str:
    """Return the page of a campaign whose runs are made, but for those of the methods `left_out`."""
    campaign = campaign_of(**changes)
    finish(campaign, folder, left_out)
    write_report(campaign, folder / "results/trained", folder / "logs/train", folder / "report.html")
    return (folder / "report.html").read_text()


def without_scripts(text: str) -> str:
    return re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return report(tmp_path_factory.mktemp("report"))


def test_ids_are_unique_and_every_link_leads_to_one(page: str) -> None:
    elements = Elements(without_scripts(page))
    ids = elements.values("id")
    assert len(ids) == len(set(ids))
    links = [link for link in elements.values("href") if link.startswith("#")]
    assert len(links) > 6
    assert {link[1:] for link in links} <= set(ids)


def test_the_page_asks_no_host(page: str) -> None:
    elements = Elements(without_scripts(page))
    assert not elements.values("src")
    assert [link for link in elements.values("href") if not link.startswith("#")] == []
    assert "default-src 'none'" in page
    assert re.findall(r"url\((?!#)", without_scripts(page)) == []


def test_every_table_has_a_caption_and_heads_with_a_scope(page: str) -> None:
    text = without_scripts(page)
    elements = Elements(text)
    tables = [tag for tag, _ in elements.found].count("table")
    assert tables >= 4
    assert [tag for tag, _ in elements.found].count("caption") == tables
    assert all("scope" in attributes for tag, attributes in elements.found if tag == "th")


def test_every_figure_has_a_drawing_without_scripts_and_words(page: str) -> None:
    text = without_scripts(page)
    places = [attributes for _, attributes in Elements(text).found if "data-figure" in attributes]
    assert [place["data-figure"] for place in places] == [
        f"pair-{name}" for name in ("scores", "forest", "curves", "parameters")
    ]
    assert all(len(place["aria-label"] or "") > 40 for place in places)
    assert text.count("<svg") == len(places)


def test_lines_that_are_no_methods_have_no_family_and_are_not_highlighted(page: str) -> None:
    for title in ("Majority baseline", "Detectable"):
        (line,) = re.findall(rf'<tr([^>]*)><th[^>]*>{title}</th><td class="text">([^<]*)</td>', page)
        assert line == ("", "")
    assert '<tr data-row="ScaLearn">' in page


def test_a_cell_opens_into_its_runs(page: str) -> None:
    (details,) = re.findall(r'<div id="pair-cell-2-0".*?</details>\s*</div>', page, re.DOTALL)
    assert "ScaLearn on one, benchmark pair" in details
    for seed in (0, 1, 2):
        assert f"seed {seed}: " in details
    assert "Difference from Adapter" in details
    assert "epoch 2/2 &lt;b&gt;done&lt;/b&gt;" in details  # the end of a log, as text


def test_the_campaign_its_file_and_its_provenance_are_told(page: str) -> None:
    for text in ("15 of 15 finished", "seed 0 for all runs", "scalearn 0.1.0", "SHA-256 4567", "task/test 0123"):
        assert text in page
    assert "revision: &#39;0000" in page or "revision: 0000" in page or "revision: '0000" in page


def test_the_same_inputs_make_the_same_bytes(tmp_path: Path) -> None:
    first = report(tmp_path, methods=["adapter", "scalearn"])
    assert report(tmp_path, methods=["adapter", "scalearn"]) == first


def test_hostile_names_are_text(tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script> & \"q\" 'x' <b>"
    page = report(tmp_path, methods=["adapter", {"method": "scalearn", "name": name, "epochs": 3}])
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    ("changes", "left_out", "texts"),
    [
        ({"seeds": [0]}, (), ["a test needs two seeds"]),
        ({"benchmarks": {"pair": ["one"]}, "methods": ["adapter"]}, (), ["3 of 3 finished"]),
        ({"methods": ["adapter_m"]}, (), ["the campaign has no row to compare with"]),
        ({}, ("adapter", "adapter_m", "scalearn"), ["0 of 15 finished", "Missing (6)", "no run is finished"]),
        ({}, ("scalearn",), ["9 of 15 finished", "ScaLearn, one: seeds 0, 1, 2"]),
        (
            {"methods": [{"method": "adapter", "learning_rate": [0.001, 0.002], "select": "validation"}]},
            ("adapter",),
            ["No setting can be chosen yet"],
        ),
        ({"benchmarks": {"pair": ["one", "two"], "alone": ["two"]}}, (), ['href="#alone"', 'id="alone-scores"']),
    ],
    ids=["one seed", "one task", "only joint", "nothing", "a method missing", "sweep", "two benchmarks"],
)
def test_odd_campaigns(changes: dict[str, Any], left_out: tuple[str, ...], texts: list[str], tmp_path: Path) -> None:
    page = report(tmp_path, left_out, **changes)
    for text in texts:
        assert text in page
    ids = Elements(without_scripts(page)).values("id")
    assert len(ids) == len(set(ids))


def test_a_file_that_is_no_report_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<html>mine</html>")
    with pytest.raises(UserError, match=r"report\.html: it exists already and is no report"):
        report(tmp_path)
    assert (tmp_path / "report.html").read_text() == "<html>mine</html>"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("86.67 ± 0.58", "86.67"),
        ("+2.82 [-4.06, 9.70]", "+2.82"),
        ("113,040", "113040"),
        ("missing", ""),
        ("-0.5", "-0.5"),
    ],
)
def test_cells_sort_by_their_first_number(text: str, number: str) -> None:
    assert order(text) == number
