"""`bnbench plan`."""

from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.output import echo, echo_json

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest


@click.command()
@options.experiment
@options.as_json
def plan(request: "ExperimentRequest", as_json: bool) -> None:
    """Show what a run would train, and how long it would take.

    The state of a trial is new, completed, diverged or failed. A run trains new and failed trials. This command trains
    nothing.
    """
    from bnbench.cli.format_plan import format_cohorts, format_estimate, format_matrix
    from bnbench.commands.plan import make_overview, trial_rows

    overview = make_overview(request)
    if as_json:
        echo_json(trial_rows(overview))
        return
    parts = (
        format_matrix(overview.plan, overview.states),
        format_cohorts(overview.plan),
        format_estimate(overview.plan, overview.states, overview.step_seconds, overview.jobs),
    )
    echo("\n\n".join(parts))
