"""`bnbench cancel`."""

from collections.abc import Sequence
from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo


@click.command()
@options.results_folder
@click.argument("words", metavar="TRIAL_OR_WORKER...", nargs=-1, required=True)
def cancel(folder: Path, words: Sequence[str]) -> None:
    """Stop a running trial, or a worker of a run that is under way.

    A trial is named by its id or the beginning of it, a worker by its name; `bnbench status` shows both. A trial that
    is cancelled is not stored, and the next run trains it. The trial of a worker that is stopped is trained by another
    one; the only worker of a run stays. The run obeys within a few seconds, and says so.

    \b
    bnbench cancel results/leaf 0a1b2c       the trial whose id begins so
    bnbench cancel results/leaf "pid 4711"   one worker; the others go on
    """
    from bnbench.commands.status import cancel as ask

    for word in ask(folder, list(words)):
        echo(f"{folder}: {word}: the run is asked to stop it")
