"""`bnbench why`."""

from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo


@click.command()
@options.results_folder
@click.argument("trial")
@options.as_json
def why(folder: Path, trial: str, as_json: bool) -> None:
    """Say how a trial failed: step, first broken value, dead layers.

    TRIAL is the beginning of its id or of its name; `bnbench show` lists both. A trial that has diverged stores what
    its last steps did. For a trial that learned nothing, more is known with `probes: [first_steps]`.

    \b
    bnbench why results/leaf "plain lr=1 seed=0"
    bnbench why results/leaf 0a1b2c --json
    """
    import json
    from dataclasses import asdict

    from bnbench.cli.format_why import format_explanation
    from bnbench.commands.why import explain

    explanation = explain(folder, trial)
    if as_json:
        echo(json.dumps(asdict(explanation), indent=1, default=str))
    else:
        echo(format_explanation(explanation))
