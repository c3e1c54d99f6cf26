"""Links in the documents have targets, the README is short, indexes are complete, and generated pages are current."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from click import Context

from bnbench.analysis.metric_docs import render_metrics
from bnbench.cli.main import main
from bnbench.config.key_docs import render_keys
from bnbench_docs.pages import DOCUMENTS, EXPERIMENTS
from support.coverage import CASES, NUMBERS, share_coverage, t_coverage
from support.paths import CONFIGS, ROOT

DOCS = ROOT / "docs"
# `make docs` makes these from other files. The site is in _build.
MADE = {DOCS / page for page in DOCUMENTS.values()}
DOCUMENTATION = [
    path
    for path in sorted(DOCS.glob("**/*.md"))
    if path not in MADE and not {"_build", EXPERIMENTS} & {*path.relative_to(DOCS).parts}
]
# The front page of the site links to pages that only the site has; tests/test_site.py checks it.
FRONT = DOCS / "index.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(path for path in DOCUMENTATION if path != FRONT)]
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
    pages = {path for path in DOCUMENTATION if path.parent.name != "decisions"}
    assert pages - linked == {DOCS / "README.md", FRONT}


def test_every_command_is_in_the_table_of_commands() -> None:
    page = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| \[`(\w+)`\]\(#\1\) \|", page, re.MULTILINE))
    assert rows == set(main.list_commands(Context(main)))
    (with_json,) = re.findall(r"^\| `--json` \| (.*?) \|", page, re.MULTILINE)
    taking = [name for name in sorted(rows) if _takes_json(name)]
    assert set(taking) == set(re.findall(r"`(\w+)`", with_json))


def _takes_json(name: str) -> bool:
    command = main.get_command(Context(main), name)
    assert command is not None
    return any("--json" in parameter.opts for parameter in command.params)


def test_every_decision_is_in_the_index_and_numbered_by_date() -> None:
    decisions = sorted((DOCS / "decisions").glob("0*.md"))
    assert set(LINK.findall(without_code(DOCS / "decisions" / "README.md"))) >= {path.name for path in decisions}
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    dates = [path.read_text(encoding="utf-8").splitlines()[2][:10] for path in decisions]
    assert dates == sorted(dates)
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", date) for date in dates)


def test_the_page_of_metrics_is_current() -> None:
    assert (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8") == render_metrics()


def test_the_page_of_keys_is_current() -> None:
    schema = json.loads((CONFIGS / "experiment.schema.json").read_text(encoding="utf-8"))
    assert (DOCS / "reference" / "keys.md").read_text(encoding="utf-8") == render_keys(schema)


def test_the_page_of_keys_says_values_defaults_and_limits() -> None:
    page = render_keys(
        {
            "properties": {"size": {"$ref": "#/$defs/Size", "default": {"rows": 1}}},
            "required": [],
            "$defs": {
                "Size": {
                    "additionalProperties": False,
                    "description": "A size.",
                    "properties": {
                        "rows": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 5000}, {"const": "all"}]},
                        "mode": {"enum": ["a", "b"], "default": "a", "description": "One | other."},
                    },
                    "required": ["rows"],
                },
                "layers": {"properties": {"dense": {}}},
            },
        }
    )
    assert "| `size` | [Size](#size) |  |  |" in page
    assert "| `rows` | integer from 1 to 5,000, `all` | required |  |" in page
    assert "| `mode` | `a`, `b` | `a` | One \\| other. |" in page
    assert "dense" not in page


def rows_of(page: str, first: str) -> list[str]:
    """Return the percentages in the row of a table that begins with a text."""
    (row,) = re.findall(rf"^\| {re.escape(first)} \| (.*) \|$", page, re.MULTILINE)
    return [str(cell) for cell in row.split(" | ")]


def test_the_coverage_of_the_intervals_is_as_documented() -> None:
    page = (DOCS / "explanation" / "intervals.md").read_text(encoding="utf-8")
    for case in CASES:
        assert rows_of(page, case) == [f"{t_coverage(case, n)[0]:.0%}" for n in NUMBERS], case
    for share in (0.5, 0.8, 0.95):
        assert rows_of(page, f"{share:.0%}") == [f"{share_coverage(share, n):.0%}" for n in NUMBERS], share
