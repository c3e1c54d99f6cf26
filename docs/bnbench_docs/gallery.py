"""The gallery of all experiments, and the page of each, as Markdown."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from bnbench.report.markdown import escape_markdown
from bnbench.results.many_claims import count_verdicts
from bnbench_docs.experiments import GROUPS, Experiment
from bnbench_docs.links import move_links

# The anchor of the section with the experiment file.
FILE_HEADING = "the-experiment-file"
INTRODUCTION = """\
# Experiments

Every experiment that comes with bnbench, with the first figure of its report and one sentence of what was found. Both
are made from the results in the repository when this site is built. Choose an experiment to see its report and its
file.

- *Supported* and *refuted* mean that the whole 95% interval over seeds says so. *Open* means that it does not.
- The sentence is about the main claim, or the first one that was decided, in the words of the claim. Without claims, it
  has the scores.
- [All claims and published values](results.md) on one page. [Findings](../findings.md) says what was learned.
"""


def gallery_page(experiments: Sequence[Experiment], page: Path) -> str:
    """Return the gallery: a card for each experiment that was run, then the names of the others."""
    parts = [INTRODUCTION]
    for group, heading in GROUPS.items():
        cards = [_card(one, page) for one in experiments if one.group == group and one.report]
        parts += [f"## {heading}", "::::{container} gallery", *cards, "::::"]
    missing = [one for one in experiments if not one.report]
    return "\n\n".join([*parts, *_not_run(missing)]) + "\n"


def experiment_page(experiment: Experiment, page: Path) -> str:
    """Return the page of an experiment: what was found, its report, and its file."""
    return "\n\n".join([*_report(experiment, page), *_file(experiment, page)]) + "\n"


def _card(experiment: Experiment, page: Path) -> str:
    """Return a card with picture, title and finding. The style sheet makes the link of the title cover the card."""
    link = f"{experiment.name}.md"
    title = f"**[{escape_markdown(experiment.title)}]({link})**"
    text = [title, escape_markdown(experiment.finding), _counts(experiment)]
    return "\n\n".join(filter(None, [":::{container} card", *_image(experiment, page), *text, ":::"]))


def _image(experiment: Experiment, page: Path) -> list[str]:
    figure = experiment.figure
    return [f"![{escape_markdown(figure.caption)}]({_relative(figure.path, page)})"] if figure else []


def _counts(experiment: Experiment) -> str:
    """Return the name, the verdicts and the trials: `leaf` · 7 supported, 1 refuted · 750 trials."""
    if experiment.digest is None:
        return ""
    claims = count_verdicts(experiment.digest.claims)
    return f"`{experiment.name}` · " + " · ".join(filter(None, [claims, f"{experiment.digest.ended:,} trials"]))


def _not_run(missing: Iterable[Experiment]) -> list[str]:
    lines = [f"- [{escape_markdown(one.title)}]({one.name}.md)" for one in missing]
    if not lines:
        return []
    return ["## Not run yet", "The repository has no results of these. `bnbench run` trains them.", "\n".join(lines)]


def _report(experiment: Experiment, page: Path) -> list[str]:
    """Return the report, with the finding and the first figure below its title."""
    if experiment.report is None:
        return [f"# {escape_markdown(experiment.title)}", "The repository has no results of this experiment yet."]
    text = move_links(experiment.report.read_text(encoding="utf-8"), experiment.report, page)
    title, _, rest = text.strip().partition("\n")
    finding = f"{escape_markdown(experiment.finding)} [All experiments](index.md)"
    return [title, finding, *_image(experiment, page), rest.strip()]


def _file(experiment: Experiment, page: Path) -> list[str]:
    name = f"configs/{experiment.config.parts[-2]}/" if experiment.group != "configs" else "configs/"
    command = f"```sh\nbnbench run {name}{experiment.config.name}\n```"
    include = f"```{{literalinclude}} {_relative(experiment.config, page)}\n:language: yaml\n```"
    return ["## The experiment file", command, include]


def _relative(path: Path, page: Path) -> str:
    return Path(os.path.relpath(path, page.parent)).as_posix()
