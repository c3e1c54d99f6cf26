"""config.yaml of a results folder -> what it says, as far as this version can read it.

Results outlive versions of bnbench. If this version refuses a key or value, it still reads the title, the claims, the
published values and the figures of sources.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bnbench.analysis.labels import format_count
from bnbench.config import limits
from bnbench.config.expectations import Claim, Published
from bnbench.config.figure_settings import DEFAULT_FIGURES, FigureSettings
from bnbench.config.load import check_config
from bnbench.config.schema import NAME, Experiment
from bnbench.config.source_figures import SourceFigure
from bnbench.errors import ConfigError
from bnbench.store import results_dir

MAX_TITLE = 500
UNKNOWN = "The title, the claims and the published values are unknown."
Expectation = TypeVar("Expectation", bound=BaseModel)


@dataclass(frozen=True)
class StoredConfig:
    """What the config of a results folder says.

    Attributes:
        name: the name of the experiment, or of the folder if the experiment has no readable name.
        text: the resolved file; empty if it could not be read at all.
        question: the question that it helps to answer.
        experiment: the experiment, or None if this version cannot read the whole file.
        problem: what could not be read and what that means, in sentences; empty if everything could be read.
        unread_claims: number of claims that this version cannot read, and so cannot judge.
    """

    name: str
    title: str = ""
    variants: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    published: tuple[Published, ...] = ()
    source_figures: tuple[SourceFigure, ...] = ()
    figures: FigureSettings = DEFAULT_FIGURES
    text: str = ""
    experiment: Experiment | None = None
    problem: str = ""
    unread_claims: int = 0
    question: str = ""


def read_stored_config(folder: Path) -> StoredConfig:
    """Return what the config of a results folder says; no mistake in it raises."""
    name, path = folder.absolute().name, folder / results_dir.CONFIG
    if not path.exists():
        return StoredConfig(name, problem=f"{results_dir.CONFIG} is missing. {UNKNOWN}")
    try:
        (values, where), text = results_dir.read_settings(folder), results_dir.read_text(path)
        limits.check_limits(values, where)
    except ConfigError as error:
        # A report may be passed on: it names the file, not the folders of this machine.
        return StoredConfig(name, problem=f"{Path(error.where).name}: {error.message}. {UNKNOWN}")
    except (OSError, ValueError) as error:
        return StoredConfig(name, problem=f"{results_dir.CONFIG}: cannot be read ({error}). {UNKNOWN}")
    try:
        experiment = check_config(values, where)
    except ConfigError as error:
        return _read_parts(name, values, text, str(error))
    return StoredConfig(
        experiment.name, experiment.title, tuple(experiment.variants), tuple(experiment.claims),
        tuple(experiment.published), tuple(experiment.source_figures), experiment.figures,
        experiment.to_yaml(), experiment, question=experiment.question,
    )  # fmt: skip


def _read_parts(name: str, values: Mapping[str, object], text: str, problem: str) -> StoredConfig:
    """Return the parts of a config that this version can read, although it refuses the whole config."""
    claims, lost_claims = _read_each(Claim, values.get("claims"))
    published, lost_published = _read_each(Published, values.get("published"))
    figures, lost_figures = _read_each(SourceFigure, values.get("source_figures"))
    lost = {"claim": lost_claims, "published value": lost_published, "source figure": lost_figures}
    given_name, title = values.get("name"), values.get("title")
    return StoredConfig(
        name=given_name if isinstance(given_name, str) and NAME.fullmatch(given_name) else name,
        title=title if isinstance(title, str) and len(title) <= MAX_TITLE else "",
        variants=_names(values.get("variants")),
        claims=tuple(claims),
        published=tuple(published),
        source_figures=tuple(figures),
        figures=_read_figures(values.get("figures")),
        text=text,
        problem=_explain(problem, lost),
        unread_claims=lost_claims,
    )


def _read_each(model: type[Expectation], entries: object) -> tuple[list[Expectation], int]:
    """Return the entries of a list that this version can read, and the number of the others."""
    given: Sequence[Any] = entries if isinstance(entries, list) else []
    read = []
    for entry in given:
        try:
            read.append(model.model_validate(entry))
        except ValidationError:
            continue
    return read, len(given) - len(read)


def _read_figures(settings: object) -> FigureSettings:
    """Return how figures are drawn; the defaults if this version cannot read it."""
    try:
        return FigureSettings() if settings is None else FigureSettings.model_validate(settings)
    except ValidationError:
        return FigureSettings()


def _names(variants: object) -> tuple[str, ...]:
    names = map(str, variants) if isinstance(variants, Mapping) else ()
    return tuple(name for name in names if NAME.fullmatch(name))


def _explain(problem: str, unread: Mapping[str, int]) -> str:
    """Say what this version refuses, and how many entries of each kind it cannot read."""
    first, *others = problem.splitlines()
    more = f" (and {len(others)} more)" if others else ""
    lost = [format_count(n, noun) for noun, n in unread.items() if n]
    text = f"This version cannot read the whole config: {first}{more}. Caveats about its settings are left out."
    return f"{text} It cannot read {' and '.join(lost)} either." if lost else text
