"""`bnbench power`."""

import math
from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo


def _finite(context: click.Context, parameter: click.Parameter, width: float) -> float:
    # Ranges of click let nan and inf pass.
    if not math.isfinite(width):
        raise click.BadParameter(f"{width} is not a width: give a number such as 0.01")
    return width


@click.command()
@options.results_folder
@click.option(
    "--within",
    type=click.FloatRange(0, min_open=True),
    default=0.01,
    show_default=True,
    callback=_finite,
    metavar="WIDTH",
    help="How far the ends of the interval may be from the difference: 0.01 is one point of accuracy.",
)
@options.as_json
def power(folder: Path, within: float, as_json: bool) -> None:
    """Say what the seeds of a sweep can show, and how many more it takes.

    It is about the difference in test score between each variant and the baseline, each at its own best rate. The
    number of seeds is an estimate from the spread of those that have finished, so it has a range.

    \b
    bnbench power results/leaf                  for an interval of one point on either side
    bnbench power results/leaf --within 0.005   for half a point
    """
    import json
    from dataclasses import asdict

    from bnbench.cli.format_power import format_power
    from bnbench.commands.power import read_power

    summary = read_power(folder, within)
    if as_json:
        echo(json.dumps(asdict(summary), indent=1, default=str))
    else:
        echo(format_power(summary))
