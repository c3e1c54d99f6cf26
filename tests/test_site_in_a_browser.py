"""The site in a real browser: built strictly, no link leads nowhere, and its pages can be read by everybody.

Building needs the extra `docs`; without it these tests are skipped. `BNBENCH_SITE=FOLDER` takes a site that is built.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from support.paths import ROOT

CHROMIUM = shutil.which("chromium")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SIZES = (WIDE, PHONE)
# A page of each kind: the front page, the gallery, an experiment, a how-to, the help of the commands, Python.
WALK = (
    "index.html",
    "experiments/index.html",
    "experiments/higher-rates.html",
    "how-to/own-data.html",
    "reference/commands.html",
    "reference/python.html",
)
# Each page in both sizes and both schemes, in two looks: its neighbor has the other two, and they share the theme.
LOOKS = [
    (name, size, ("light", "dark")[(number + turn) % 2])
    for number, name in enumerate(WALK)
    for turn, size in enumerate(SIZES)
]
# Violations of the theme, in parts that are not ours.
THEME = "#furo-sidebar-ad-placement, .sidebar-drawer, .mobile-header, .toc-drawer, .content-icon-container"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does."""
    if built := os.environ.get("BNBENCH_SITE"):
        return Path(built)
    pytest.importorskip("sphinx", reason="the extra `docs` is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
    places = ["-d", str(folder / "doctrees"), str(ROOT / "docs"), str(folder / "html")]
    done = subprocess.run([*command, *places], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM and not os.environ.get("CI"):
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Links(HTMLParser):
    """The anchors of a page, and what it links to or shows."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element is called and what it links to."""
        given = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := given.get(name))}
        self.targets += [value for name in ("href", "src") if (value := given.get(name))]


def test_no_link_leads_nowhere_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = {page.resolve(): Links(page) for page in site.rglob("*.html")}
    assert len(pages) > 100
    broken = []
    for page, links in pages.items():
        for target in links.targets:
            if re.match(r"[a-z]+:", target):
                continue
            path, anchor = urldefrag(unquote(target).partition("?")[0])
            file = (page.parent / path).resolve() if path else page
            if not file.is_file() or (anchor and file in pages and anchor not in pages[file].anchors):
                broken.append((page.name, target))
    assert broken == []


def test_every_page_can_be_reached(site: Path) -> None:
    tree = Links(site / "index.html").targets
    made = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    reached = {urldefrag(target)[0] for target in tree}
    assert made - reached <= {"index.html", "genindex.html", "search.html"}


def opened(browser: Browser, page: Path, size: dict[str, int], scheme: str) -> tuple[Page, list[str]]:
    """Open a page, and note what must not happen: requests to other places, errors on the console."""
    wrong: list[str] = []
    tab = browser.new_context(viewport=size, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    tab.on(
        "request", lambda one: wrong.append(one.url) if not one.url.startswith(("file:", "data:", "blob:")) else None
    )
    tab.on("console", lambda one: wrong.append(one.text) if one.type == "error" else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.goto(page.resolve().as_uri())
    return tab, wrong


@pytest.mark.parametrize(("name", "size", "scheme"), LOOKS, ids=lambda part: part["width"] if part in SIZES else part)
def test_a_page_fits_and_everybody_can_read_it(
    browser: Browser, site: Path, name: str, size: dict[str, int], scheme: str
) -> None:
    page, wrong = opened(browser, site / name, size, scheme)
    assert page.locator("article h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Without a server, axe may not read the styles again, and would say so on the console.
    options = {"preload": False, "resultTypes": ["violations"]}
    found = Axe().run(page, context={"include": [["article"]], "exclude": [[THEME]]}, options=options)
    assert found.violations_count == 0, found.generate_report()
    assert wrong == []
    if folder := os.environ.get("BNBENCH_SCREENSHOTS"):
        file = f"site-{name.replace('/', '-').removesuffix('.html')}-{size['width']}-{scheme}.png"
        page.screenshot(path=Path(folder) / file)
    page.context.close()


def test_a_reader_goes_from_the_front_page_to_a_report_and_its_file(browser: Browser, site: Path) -> None:
    page, wrong = opened(browser, site / "index.html", WIDE, "light")
    page.locator(".door").get_by_role("link", name="Experiments", exact=True).click()
    card = page.locator(".card", has_text="Does batch normalization allow higher learning rates?").first
    card.get_by_role("link").click()
    assert page.locator("article h1").inner_text().startswith("Does batch normalization allow higher learning rates?")
    assert "sweep:" in page.locator("article .highlight-yaml").last.inner_text()
    assert page.locator("article img").first.evaluate("image => image.complete && image.naturalWidth > 0")
    assert wrong == []
    page.context.close()


def test_the_search_finds_a_page(browser: Browser, site: Path) -> None:
    page, wrong = opened(browser, site / "index.html", WIDE, "light")
    page.locator(".sidebar-search").fill("early stopping")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li").count() > 3
    # A file in a browser may not read the texts of others, which the search shows below each title.
    assert [one for one in wrong if not re.search("file:|fetch|ERR_FAILED", one)] == []
    page.context.close()
