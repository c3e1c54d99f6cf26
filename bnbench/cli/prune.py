"""`bnbench prune`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.output import echo
from bnbench.errors import ResultsError

if TYPE_CHECKING:
    from bnbench.store.prune import Prunable


@click.command()
@options.results_folder
@click.option("--failed", is_flag=True, help="Also remove the failed trials of the plan.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def prune(folder: Path, failed: bool, yes: bool) -> None:
    """Remove stored trials that are outside the present plan.

    The present plan is that of config.yaml in RESULTS. Saved models, checkpoints and logs of the trials are removed,
    too, and the report is written again. The command says what it would remove, and asks. A folder that a run is using
    is refused. After an interrupt, the same command continues.

    \b
    bnbench show results/leaf --all     which trials these are
    bnbench prune results/leaf          says how many and how large they are, and asks
    bnbench prune results/leaf --yes    does not ask
    """
    from bnbench.cli.format import format_outside_reasons, format_prunable
    from bnbench.commands.prune import prune_results
    from bnbench.store.prune import find_prunable

    found = find_prunable(folder, failed)
    if not found:
        echo(f"{folder}: nothing to remove")
        return
    echo(f"{folder}: {format_prunable(found)}", err=True)
    for reason in format_outside_reasons(folder, found):
        echo(f"  {reason}", err=True)
    if not (yes or _confirms(found)):
        echo("nothing was removed")
        return
    removed = prune_results(folder, found)
    freed = f"; trials.db is {removed.database_bytes:,} bytes smaller" if removed.database_bytes > 0 else ""
    echo(f"{folder}: removed {format_prunable(removed)}{freed}")


def _confirms(found: "Prunable") -> bool:
    """Ask, and return whether the answer is yes.

    Raises:
        ResultsError: there is nobody to answer.
    """
    click.echo("Remove this for ever? [y/N] ", nl=False, err=True)
    # `click.confirm` makes no difference between Ctrl-C and the end of the input.
    answer = sys.stdin.readline()
    if not answer:
        raise ResultsError("nothing was removed, because there was no answer: give --yes to remove without a question")
    return answer.strip().lower() in {"y", "yes"}
