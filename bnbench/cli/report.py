"""`bnbench report`."""

from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo


@click.command()
@options.results_folder
@click.option("--pdf", is_flag=True, help="Also write each figure as PDF.")
def report(folder: Path, pdf: bool) -> None:
    """Write the report, tables and figures again.

    The files are report.html, report.md, trials.csv and so on. Their content comes from trials.db in RESULTS.

    \b
    bnbench report results/leaf          writes results/leaf/report.html and the other files
    bnbench report results/leaf --pdf    also writes the figures as PDF, for a paper
    """
    from bnbench.report import write

    for path in write.write_report(folder, (*write.KINDS, "pdf") if pdf else write.KINDS):
        echo(path)
