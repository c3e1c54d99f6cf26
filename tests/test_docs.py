"""Links in the documents have targets, the README is short, and indexes are complete."""

import re
from functools import cache
from pathlib import Path

import pytest

from support.paths import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("**/*.md"))]
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
MAX_README_BYTES = 6_000


@cache
def without_code(path: Path) -> str:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`([^`]*)`", lambda code: code[1].replace("[", "").replace("(", ""), text)


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    shown = LINK.sub(lambda link: link[0][1 : link[0].index("]")], heading)
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


@cache
def anchors(path: Path) -> set[str]:
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.*?) *$", without_code(path), re.MULTILINE):
        name = anchor(heading)
        found[name] = found.get(name, 0) + 1
    return {f"{name}-{i}" if i else name for name, count in found.items() for i in range(count)}


def broken_links(path: Path) -> list[str]:
    broken = []
    for link in LINK.findall(without_code(path)):
        # A link to another site.
        if re.match(r"[a-z]+:", link):
            continue
        file, _, name = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (name and name not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    assert broken_links(path) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b`: c\n[x](#a-b-c) [y](other.md) [z](#a) `[code](no.md)`\n", encoding="utf-8")
    assert broken_links(page) == ["other.md", "#a"]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= MAX_README_BYTES


def test_every_page_is_in_the_index_of_the_docs() -> None:
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in LINK.findall(without_code(DOCS / "README.md"))}
    pages = {path for path in DOCS.glob("**/*.md") if path.parent.name != "decisions"}
    assert pages - linked == {DOCS / "README.md"}


def test_every_decision_is_in_the_index_and_numbered_by_date() -> None:
    decisions = sorted((DOCS / "decisions").glob("0*.md"))
    assert set(LINK.findall(without_code(DOCS / "decisions" / "README.md"))) >= {path.name for path in decisions}
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    dates = [path.read_text(encoding="utf-8").splitlines()[2][:10] for path in decisions]
    assert dates == sorted(dates)
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", date) for date in dates)
