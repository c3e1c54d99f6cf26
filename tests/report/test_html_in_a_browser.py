"""report.html in a real browser: Debian's Chromium, driven by Playwright. In CI it must be there."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from bnbench.report import write
from support.stored import MIXED, finished

CHROMIUM = shutil.which("chromium")
WIDE, NARROW = {"width": 1200, "height": 900}, {"width": 360, "height": 740}

pytestmark = pytest.mark.skipif(not CHROMIUM and not os.environ.get("CI"), reason="no chromium on this machine")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = finished(tmp_path_factory.mktemp("results"), MIXED)
    write.write_report(folder, ("png",))
    return folder


def opened(browser: Browser, folder: Path, **context: Any) -> tuple[Page, list[str]]:
    """The page, and a list of what must not happen: requests to anywhere, errors on the console."""
    page = browser.new_context(viewport=context.pop("viewport", WIDE), **context).new_page()
    wrong: list[str] = []
    address = (folder / "report.html").resolve().as_uri()
    page.on(
        "request",
        lambda request: wrong.append(request.url) if not request.url.startswith((address, "data:", "blob:")) else None,
    )
    page.on("console", lambda message: wrong.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    return page, wrong


@pytest.fixture(scope="module")
def opened_once(browser: Browser, folder: Path) -> tuple[Page, list[str]]:
    """What `opened` returns, for `shared`."""
    page, wrong = opened(browser, folder)
    page.wait_for_selector("#plot .scatterlayer .trace")
    return page, wrong


@pytest.fixture
def shared(opened_once: tuple[Page, list[str]]) -> tuple[Page, list[str]]:
    """A page for tests that change no setting of the figure: to open one takes seconds. It is at its top."""
    page, wrong = opened_once
    page.emulate_media(media="screen")
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    return page, wrong


@pytest.fixture(autouse=True)
def _close_pages(browser: Browser) -> Iterator[None]:
    """Close what a test opened: an open page takes time from the others."""
    before = list(browser.contexts)
    yield
    for context in browser.contexts:
        if context not in before:
            context.close()


def test_it_opens_offline_without_a_request_or_an_error(shared: tuple[Page, list[str]]) -> None:
    page, wrong = shared
    page.wait_for_selector("#plot .scatterlayer .trace")
    assert page.locator("#answer .answer.lead").count() == 1
    assert page.locator("#answer table tbody tr").count() == 2
    assert page.locator("#curves .scatterlayer .trace").count() > 0
    assert wrong == []


def test_a_diagnosis_is_one_click_from_the_answer(shared: tuple[Page, list[str]]) -> None:
    page, wrong = shared
    page.locator("#answer").get_by_role("link", name="dead units").click()
    page.wait_for_function("document.querySelector('#diagnosis-2').getBoundingClientRect().top < innerHeight / 2")
    section = page.locator("#diagnoses")
    assert section.locator("h3").all_inner_texts() == ["Divergence", "Dead units"]
    assert section.locator("li").count() == 4
    assert wrong == []


def test_the_figure_answers_to_hover_toggle_score_and_click(browser: Browser, folder: Path) -> None:
    page, wrong = opened(browser, folder)
    page.wait_for_selector("#plot .scatterlayer .trace")
    points = page.locator("#plot .scatterlayer .trace .points path")
    box = points.first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#plot .hoverlayer .hovertext")
    assert "rate" in page.locator("#plot .hoverlayer").text_content()
    before = page.locator("#plot .scatterlayer .trace").count()
    page.get_by_role("checkbox", name="batchnorm").uncheck()
    assert page.locator("#plot .scatterlayer .trace").count() == before / 2
    page.locator("#score").select_option("validation loss")
    assert page.locator("#log-score").is_checked()
    assert page.locator("#plot .ytitle").text_content() == "validation loss"
    title = page.locator("#curves-title").inner_text()
    page.locator("#trial").select_option(index=2)
    assert page.locator("#curves-title").inner_text() != title
    assert wrong == []


def test_a_click_on_a_trial_shows_its_curves(shared: tuple[Page, list[str]]) -> None:
    page, _ = shared
    page.wait_for_selector("#plot .scatterlayer .trace")
    title = page.locator("#curves-title").inner_text()
    dots = page.locator("#plot .scatterlayer .trace").nth(5).locator(".points path")
    # The answer may need the whole screen.
    page.locator("#plot").scroll_into_view_if_needed()
    box = dots.last.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#plot .hoverlayer .hovertext")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("title => document.getElementById('curves-title').textContent !== title", arg=title)
    assert "batchnorm" in page.locator("#curves-title").inner_text()


def test_tables_sort_by_number_both_ways_and_by_keyboard(shared: tuple[Page, list[str]]) -> None:
    page, _ = shared
    table = page.locator("#rates table")
    place = table.locator("th").all_inner_texts().index("validation loss")

    def losses() -> list[float]:
        return [float(text) for text in table.locator(f"tbody td:nth-child({place + 1})").all_inner_texts()]

    table.get_by_role("button", name="validation loss").focus()
    page.keyboard.press("Enter")
    rising = losses()
    assert rising == sorted(rising)
    assert rising[0] < rising[-1]
    assert table.locator("th[aria-sort=ascending]").count() == 1
    page.keyboard.press("Enter")
    assert losses() == rising[::-1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_layout_fits_and_passes_the_accessibility_check(
    browser: Browser, folder: Path, viewport: Any, scheme: Any
) -> None:
    page, wrong = opened(browser, folder, viewport=viewport, color_scheme=scheme)
    page.wait_for_selector("#plot .scatterlayer .trace")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= viewport["width"]
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in back[4:-1].split(",")) < 200) == (scheme == "dark")
    assert page.evaluate("document.querySelector('#plot .main-svg').style.background") != ""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    if wanted := os.environ.get("BNBENCH_SCREENSHOTS"):
        page.screenshot(path=Path(wanted) / f"{scheme}-{viewport['width']}.png", full_page=True)
    assert wrong == []


def test_everything_can_be_reached_by_keyboard(shared: tuple[Page, list[str]]) -> None:
    page, _ = shared
    reached = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.dataset.variant || document.activeElement.tagName"
            )
        )
    assert {"score", "0", "1", "log-rate", "log-score", "trial", "BUTTON", "SUMMARY"} <= reached


def test_on_paper_there_are_figures_and_tables_but_no_controls(shared: tuple[Page, list[str]]) -> None:
    page, _ = shared
    page.emulate_media(media="print")
    assert not page.locator("#figure").is_visible()
    assert page.locator("#figures img").first.is_visible()
    assert page.locator("#rates table").is_visible()


HOSTILE = "<script>window.hacked = 1</script>\"'&</title> 🙂 " + "x" * 200


def test_hostile_text_of_a_config_is_escaped(browser: Browser, tmp_path: Path) -> None:
    claim = {"text": HOSTILE, "metric": "test_score", "of": "batchnorm", "difference": {"at_least": 0.0}}
    published = {"source": HOSTILE, "note": "[a](javascript:x) | <b>", "variant": "plain", "metric": "test_score"}
    folder = finished(tmp_path, MIXED, title=HOSTILE, claims=[claim], published=[published | {"value": 1.0}])
    write.write_report(folder, ("png",))
    page, wrong = opened(browser, folder)
    page.wait_for_selector("#plot .scatterlayer .trace")
    assert page.evaluate("window.hacked") is None
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.title() == HOSTILE
    assert page.locator("#claims td").nth(1).inner_text() == HOSTILE
    assert page.locator("#published td").first.inner_text() == HOSTILE
    assert page.evaluate("document.scrollingElement.scrollWidth") <= WIDE["width"]
    assert wrong == []
