"""`bnbench report`."""

from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo


@click.command()
@options.results_folder
@click.option("--pdf", is_flag=True, help="Also write each figure as PDF.")
@click.option(
    "-o",
    "--override",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Draw the figures in another way, only this time: figures.width=3.25, figures.font=serif, "
    "figures.format=[pdf, png], figures.band=ci, figures.labels.batchnorm=BN. Repeatable.",
)
def report(folder: Path, pdf: bool, overrides: tuple[str, ...]) -> None:
    """Write the report, tables and figures again.

    The files are report.html, report.md, trials.csv and so on. Their content comes from trials.db in RESULTS.

    \b
    bnbench report results/leaf          writes results/leaf/report.html and the other files
    bnbench report results/leaf --pdf    also writes the figures as PDF, for a paper
    bnbench report results/leaf -o figures.width=3.25 -o figures.font=serif -o "figures.format=[pdf]"
    """
    from bnbench.commands.write_report import write_report
    from bnbench.config.overrides import parse_overrides

    for path in write_report(folder, overrides=parse_overrides(overrides), pdf=pdf):
        echo(path)
