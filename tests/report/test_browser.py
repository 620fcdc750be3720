"""The report in a real browser without a network: it draws, sorts, highlights, and logs no error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from scalearn.report.page import write_report
from tests.report.campaign import campaign_of, finish

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,1000",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser that shows the report of a finished campaign."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    folder = tmp_path_factory.mktemp("browser")
    campaign = campaign_of()
    finish(campaign, folder)
    write_report(campaign, folder / "results/trained", folder / "logs/train", folder / "report.html")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        driver.set_script_timeout(120)
        driver.set_page_load_timeout(120)
        driver.get(f"file://{folder / 'report.html'}")
        yield driver
    finally:
        driver.quit()


def drawn(browser: Any) -> int:
    """Bring each figure to the screen, and return how many were drawn when the last one was."""
    return int(
        browser.execute_async_script(
            """
            const done = arguments[arguments.length - 1];
            const places = [...document.querySelectorAll(".chart")];
            const next = () => {
              const waiting = places.filter((place) => !place.dataset.drawn);
              if (waiting.length === 0) return done(places.length);
              waiting[0].scrollIntoView();
              new MutationObserver((changes, observer) => { observer.disconnect(); next(); })
                .observe(waiting[0], { attributes: true, attributeFilter: ["data-drawn"] });
            };
            next();
            """
        )
    )


def column(browser: Any, place: int) -> list[str]:
    """Return the texts of a column of the first table."""
    script = (
        "return [...document.querySelector('table').tBodies[0].rows].map(row => row.cells[arguments[0]].textContent)"
    )
    return list(browser.execute_script(script, place))


def test_figures_are_drawn_without_a_request_or_an_error(browser: Any) -> None:
    assert drawn(browser) == 4
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    of_page = [one["request"]["url"] for one in requests if one["documentURL"].endswith("/report.html")]
    assert [url.rpartition("/")[2] for url in of_page] == ["report.html"]
    assert browser.get_log("browser") == []


def test_a_click_on_the_head_of_a_column_sorts(browser: Any) -> None:
    click = """
        const done = arguments[arguments.length - 1];
        const table = document.querySelector("table");
        table.addEventListener("sort-end", () => done(), { once: true });
        table.tHead.rows[0].cells[arguments[0]].click();
    """
    place = 4  # the averages
    browser.execute_async_script(click, place)
    down = [float(text.split()[0]) for text in column(browser, place)]
    browser.execute_async_script(click, place)
    up = [float(text.split()[0]) for text in column(browser, place)]
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)
    assert down != up


def test_a_chosen_method_is_highlighted_in_tables_and_figures(browser: Any) -> None:
    drawn(browser)
    browser.execute_script(
        "const s = document.getElementById('method'); s.value = 'ScaLearn'; s.dispatchEvent(new Event('change'));"
    )
    faint = browser.execute_script("return [...document.querySelectorAll('tr.faint')].map(row => row.dataset.row)")
    assert "Adapter" in faint and "ScaLearn" not in faint
    opacities = browser.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        const marks = () => new Set([...document.querySelectorAll("#pair-parameters path[opacity]")]
          .map((mark) => mark.getAttribute("opacity")));
        const look = () => marks().size > 1 ? done([...marks()]) : requestAnimationFrame(look);
        look();
        """
    )
    assert len(opacities) > 1


def test_a_link_of_a_cell_opens_its_runs(browser: Any) -> None:
    script = """
        const done = arguments[arguments.length - 1];
        const details = document.getElementById("pair-cell-1-1").closest("details");
        details.addEventListener("toggle", () => done(details.open), { once: true });
        location.hash = "#pair-cell-1-1";
    """
    assert browser.execute_async_script(script) is True


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_screen(browser: Any, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
