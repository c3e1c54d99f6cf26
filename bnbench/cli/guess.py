"""`bnbench guess`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.output import echo

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest
    from bnbench.planning.plan import Cohort


@click.command()
@options.experiment
@click.option(
    "--predictor",
    "predictors",
    multiple=True,
    metavar="NAME",
    help="Only this predictor, for example constant or range-test. Repeatable. [default: all]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="The seed of the short trainings. [default: the first one of the sweep]",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@options.as_json
def guess(
    request: "ExperimentRequest", predictors: Sequence[str], seed: int | None, quiet: bool, as_json: bool
) -> None:
    """Predict the edge of each variant from a few short trainings.

    The edge is the highest learning rate that trains. About 1,000 steps for each variant predict it, and a line to
    paste into the experiment file proposes a sweep around the predicted edges. If no rate passes, the edge is not
    known. The results folder keeps the predictions, and its report compares them with what the sweep has found.

    \b
    bnbench guess leaf.yaml                          the edges by all predictors, and a proposal
    bnbench guess leaf.yaml --predictor range-test   200 steps for each variant
    bnbench guess leaf.yaml --json                   an object with a row for each edge, for scripts
    """
    import json

    from bnbench.cli.format_guess import format_guess
    from bnbench.commands.guess import guess_edges, guess_rows, proposal_as_dict

    summary = guess_edges(request, predictors, seed, (lambda cohort: None) if quiet else _show_variant)
    if as_json:
        found = {"guesses": guess_rows(summary), "learning_rate": proposal_as_dict(summary.proposal)}
        echo(json.dumps(found, indent=1))
    else:
        echo(format_guess(summary))


def _show_variant(cohort: "Cohort") -> None:
    from bnbench.analysis.labels import format_axes

    where = f" ({format_axes(cohort.axes, cohort.axes)})" if cohort.axes else ""
    echo(f"{cohort.variant}{where}: a few short trainings", err=True)
