"""The experiments of the repository: their files, and what `results/` has about each."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from bnbench.commands.experiment_files import list_experiments
from bnbench.results.digest import Digest, read_digest, read_summary
from bnbench_docs.finding import describe_finding

# Folders of `configs/`, and the headings of their experiments.
GROUPS = {
    "configs": "Experiments of others, and extensions of them",
    "claims": "The advantages claimed for batch normalization",
    "why": "Why a rate trains",
    "questions": "Questions that others asked",
}
_IMAGE = re.compile(r"^!\[(?P<caption>[^\]]*)\]\((?P<file>[^)\s]+)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Figure:
    """A committed picture, with the text for those who cannot see it."""

    path: Path
    caption: str


@dataclass(frozen=True)
class Experiment:
    """An experiment of `configs/`.

    Attributes:
        config: its file.
        group: the folder of its file.
        report: its report in Markdown, or None if it has not been run.
        figure: the first figure of the report.
        finding: what was found, in a sentence; empty if it has not been run.
    """

    name: str
    title: str
    config: Path
    group: str
    report: Path | None = None
    digest: Digest | None = None
    figure: Figure | None = None
    finding: str = ""


def read_experiments(root: Path) -> list[Experiment]:
    """Return the experiments of a repository, in the order of their groups and then of their names."""
    known = list_experiments(root / "configs").items()
    return [_read(name, config, root / "results" / name) for name, config in known]


def _read(name: str, config: Path, folder: Path) -> Experiment:
    title = yaml.safe_load(config.read_text(encoding="utf-8")).get("title", name)
    report, digest = folder / "report.md", read_digest(folder)
    if digest is None or not report.exists():
        return Experiment(name, title, config, config.parent.name)
    finding = describe_finding(digest, read_summary(folder))
    return Experiment(name, title, config, config.parent.name, report, digest, _main_figure(report), finding)


def _main_figure(report: Path) -> Figure | None:
    found = _IMAGE.search(report.read_text(encoding="utf-8"))
    return Figure(report.parent / found["file"], found["caption"]) if found else None
