"""The verdicts of docs/sources.md are those of the results, and no statement of a source is missing there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from bnbench.config.load import load_config
from bnbench.config.schema import Experiment
from bnbench.results.digest import read_digest
from bnbench.results.many_claims import are_lost
from support.paths import ROOT

PAGE = ROOT / "docs" / "sources.md"
CONFIGS = {path.stem: path for path in (ROOT / "configs").glob("**/*.yaml")}
LINK = re.compile(r"\[([\w-]+)\]\(([^)]+)\) ?([\d, ]*)$")
LOST = "†"
WITHOUT_CLAIMS = {"shown", "tested", "explained", "not tested", "cannot be had"}


@dataclass(frozen=True)
class Cited:
    name: str
    link: str
    claims: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    line: int
    statement: str
    basis: str
    cited: tuple[Cited, ...]
    verdict: str
    answer: str


def parse_cited(text: str) -> Cited:
    found = LINK.match(text.strip())
    assert found, f"no link to an experiment, with numbers of claims: {text!r}"
    return Cited(found[1], found[2], tuple(int(number) for number in re.findall(r"\d+", found[3])))


def parse_rows(text: str) -> Iterator[Row]:
    # The first table explains the verdicts.
    for line, row in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if row.startswith("| ") and len(cells) == 5 and cells[0] != "statement or question":
            cited = tuple(map(parse_cited, cells[2].split(";"))) if cells[2] else ()
            yield Row(line, cells[0], cells[1], cited, cells[3], cells[4])


ROWS = list(parse_rows(PAGE.read_text(encoding="utf-8")))
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"line-{row.line}")


@cache
def experiment(name: str) -> Experiment:
    return load_config(CONFIGS[name])


@cache
def judged(name: str) -> list[dict[str, str]]:
    """Return the text and the verdict of each claim; a verdict that a correction does not leave has a mark."""
    found = read_digest(ROOT / "results" / name)
    if found is None or found.claims.empty:
        return []
    marks = are_lost(found.claims).map({True: LOST, False: ""})
    # An open verdict may say how many seeds it takes.
    verdicts = found.claims["verdict_text"].str.partition(" (")[0] + marks
    return [{"text": text, "verdict": verdict} for text, verdict in zip(found.claims["text"], verdicts, strict=True)]


def has_results(name: str) -> bool:
    """Return True if there is a report, and its claims are those of the experiment file."""
    folder = ROOT / "results" / name
    claims = [claim.text for claim in experiment(name).claims]
    return (folder / "report.md").exists() and (not claims or [row["text"] for row in judged(name)] == claims)


def verdict_of(cited: Cited) -> str:
    """Return the cell for one experiment: one verdict, or the numbers of the claims with each."""
    if not has_results(cited.name):
        return "waits"
    if not cited.claims:
        return "shown"
    by_verdict: dict[str, list[int]] = {}
    for number in cited.claims:
        by_verdict.setdefault(judged(cited.name)[number - 1]["verdict"], []).append(number)
    if len(by_verdict) == 1:
        return next(iter(by_verdict))
    return ", ".join(f"{', '.join(map(str, numbers))} {verdict}" for verdict, numbers in by_verdict.items())


def verdict_cell(row: Row) -> str:
    verdicts = [verdict_of(cited) for cited in row.cited]
    return verdicts[0] if len(set(verdicts)) == 1 else "; ".join(verdicts)


def test_the_page_has_a_section_for_each_part_of_the_sources() -> None:
    sections = re.findall(r"^## Source (\d{3})(?:, (?:part|question) (\w))?", PAGE.read_text(encoding="utf-8"), re.M)
    assert sections == [
        ("000", ""),
        ("001", ""),
        *(("002", part) for part in "ABC"),
        ("003", ""),
        *(("004", question) for question in "123456"),
    ]


@each_row
def test_a_row_has_a_basis_and_a_verdict_that_the_page_explains(row: Row) -> None:
    assert row.basis in {"said", "read", "ours"}
    assert row.verdict
    assert row.answer or row.verdict.startswith(("waits", "not tested"))
    if not any(cited.claims for cited in row.cited):
        assert row.verdict in WITHOUT_CLAIMS
    assert row.cited or row.verdict != "shown"


@each_row
def test_a_verdict_is_that_of_the_results(row: Row) -> None:
    if any(cited.claims for cited in row.cited):
        assert re.sub(r" \([\d hmin]+\)", "", row.verdict) == verdict_cell(row)
    elif row.verdict == "shown":
        assert verdict_cell(row) == "shown"


@each_row
def test_a_row_links_to_the_report_where_there_is_one(row: Row) -> None:
    for cited in row.cited:
        assert cited.name in CONFIGS
        report, config = f"results/{cited.name}/report.md", CONFIGS[cited.name].relative_to(ROOT).as_posix()
        assert cited.link == f"../{report if has_results(cited.name) else config}"


def statements() -> list[tuple[str, int]]:
    """Return each claim of the five sources, by name and number; of an experiment with a short form, those of that.

    An adaptive form judges the statements of its grid again.
    """
    return [
        (name, number)
        for name in sorted(CONFIGS)
        if not name.endswith("-adaptive")
        if f"{name}-short" not in CONFIGS or not experiment(f"{name}-short").claims
        for number, claim in enumerate(experiment(name).claims, 1)
        if claim.basis in {"said", "read"} and (claim.source or "").startswith("source 00")
    ]


def test_each_statement_of_a_source_that_is_judged_has_a_row() -> None:
    cited = {(re.sub("-short$", "", c.name), number) for row in ROWS for c in row.cited for number in c.claims}
    assert [(n, k) for n, k in statements() if (re.sub("-short$", "", n), k) not in cited] == []
