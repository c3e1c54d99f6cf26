"""The pages that are made from files of the repository: experiments, and documents outside of `docs/`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bnbench.commands.experiment_files import list_experiments
from bnbench_docs.experiments import read_experiments
from bnbench_docs.gallery import FILE_HEADING, experiment_page, gallery_page
from bnbench_docs.links import move_links

# Documents outside of `docs/`, and their pages in it. README.md is the front page, and has no page of its own.
DOCUMENTS = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "results/README.md": "experiments/results.md",
    "benchmarks/results/README.md": "benchmarks.md",
}
FRONT = {"README.md": "index.md", "docs/README.md": "index.md"}
EXPERIMENTS = "experiments"


@cache
def site_pages(root: Path) -> Mapping[Path, str]:
    """Return the page of each file of the repository that has one on the site, both as absolute paths."""
    docs = root / "docs"
    pages = {root / file: str(docs / page) for file, page in {**DOCUMENTS, **FRONT}.items()}
    for name, config in list_experiments(root / "configs").items():
        page = docs / EXPERIMENTS / f"{name}.md"
        pages[config] = f"{page}#{FILE_HEADING}"
        pages[root / "results" / name / "report.md"] = str(page)
    return pages


def write_pages(root: Path) -> None:
    """Write the pages of a repository into its `docs/`, and remove those of experiments that are gone."""
    texts = rendered_pages(root)
    for old in {*(root / "docs" / EXPERIMENTS).glob("*.md")} - {*texts}:
        old.unlink()
    for page, text in texts.items():
        # Sphinx reads a page again if its file is new.
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.parent.mkdir(exist_ok=True)
            page.write_text(text, encoding="utf-8")


def rendered_pages(root: Path) -> dict[Path, str]:
    """Return the text of each page by its absolute path."""
    docs, experiments = root / "docs", read_experiments(root)
    pages = {docs / page: _document(root / file, docs / page) for file, page in DOCUMENTS.items()}
    folder = docs / EXPERIMENTS
    pages |= {folder / f"{one.name}.md": experiment_page(one, folder / f"{one.name}.md") for one in experiments}
    return {**pages, folder / "index.md": gallery_page(experiments, folder / "index.md")}


def _document(file: Path, page: Path) -> str:
    return move_links(file.read_text(encoding="utf-8"), file, page)
