"""`bnbench status`."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo

# Seconds between two looks.
INTERVAL = 2.0


@click.command()
@options.results_folder
@click.option("--watch", is_flag=True, help="Look again every two seconds until the run ends.")
@options.as_json
def status(folder: Path, watch: bool, as_json: bool) -> None:
    """Show what a run does, from another terminal or another machine.

    It shows how many trials have ended and how much time is left, which trial runs on which worker, and why trials
    failed. A copy of the folder will do. Nothing is changed.

    \b
    bnbench status results/leaf              once
    bnbench status results/leaf --watch      again and again until the run ends
    bnbench cancel results/leaf 0a1b2c       stops a running trial, whose id begins so
    """
    from bnbench.cli.format_status import format_status
    from bnbench.commands.status import read_status

    while True:
        found = read_status(folder)
        shown = json.dumps(asdict(found), default=str) if as_json else format_status(found)
        if watch:
            # It does nothing off a terminal.
            click.clear()
        echo(shown)
        if not (watch and found.running):
            return
        time.sleep(INTERVAL)
