"""`bnbench compare`."""

from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.completion import complete_score
from bnbench.cli.output import echo
from bnbench.errors import ToleranceError


@click.command()
@click.argument("a", metavar="A", type=click.Path(path_type=Path))
@click.argument("b", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--score",
    metavar="SCORE",
    shell_complete=complete_score,
    default="validation_score",
    show_default=True,
    help="What to compare: the score or the loss of a part, for example test_score or train_loss.",
)
@click.option(
    "--tolerance", type=float, metavar="X", help="The largest difference of means that does not give exit code 3."
)
@options.as_json
def compare(a: Path, b: Path, score: str, tolerance: float | None, as_json: bool) -> None:
    """Compare two results folders.

    Settings, environments, scores and outcomes are compared. Trials are paired by variant, further axes, learning rate
    and seed, so data, settings and machine may differ. A diverged trial counts at chance level (accuracy) or at its
    initial loss.

    Without --tolerance, the exit code is 0. With it, the exit code is 3 if, for any variant and learning rate, the mean
    of B - A over the pairs is larger than X in either direction, or if a trial failed in A or B. Divergence is not a
    failure. Trials that only one folder has, and outcomes that differ, are shown but do not change the exit code.

    \b
    bnbench compare results/leaf other/leaf                     settings and paired differences
    bnbench compare results/leaf other/leaf --tolerance 0.01    exit code 3 if more differs
    """
    from bnbench.cli.format import format_comparison
    from bnbench.results.compare import beyond_tolerance, compare_results, comparison_as_json

    comparison = compare_results(a, b, score)
    problems = beyond_tolerance(comparison, tolerance) if tolerance is not None else []
    echo(comparison_as_json(comparison) if as_json else format_comparison(comparison, a, b))
    if problems:
        raise ToleranceError("\n  ".join([f"past the tolerance of {tolerance:g}:", *problems]))
