"""`bnbench plan`."""

from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.output import echo, echo_json

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest


@click.command()
@options.experiment
@click.option("--check", is_flag=True, help="Let Keras try each model, as a run does before its first trial.")
@options.as_json
def plan(request: "ExperimentRequest", check: bool, as_json: bool) -> None:
    """Show what a run would train, and how long it would take.

    The state of a trial is new, completed, diverged or failed. A run trains new and failed trials. This command stores
    nothing. With --check, it loads Keras, and each distinct model makes two training steps on a handful of rows.

    \b
    bnbench plan leaf.yaml                          trials, states and time
    bnbench plan leaf.yaml --also seeds=2           with two further seeds
    bnbench plan leaf.yaml --check                  also lets Keras try each model
    bnbench plan leaf.yaml --json | head            an object for each trial, for scripts
    """
    from bnbench.cli.format_plan import format_cohorts, format_estimate, format_matrix, format_outside
    from bnbench.commands.plan import check_plan, make_overview, trial_rows

    overview = make_overview(request)
    checked = f"checked with Keras: {check_plan(overview.plan, request.places)} distinct model(s)" if check else ""
    outside = format_outside(overview.outside, request.results_dir / overview.plan.experiment.name)
    if as_json:
        for line in filter(None, (checked, outside)):
            echo(line, err=True)
        echo_json(trial_rows(overview))
        return
    parts = (
        format_matrix(overview.plan, overview.states),
        format_cohorts(overview.plan),
        format_estimate(overview.plan, overview.states, overview.step_seconds, overview.jobs),
        outside,
        checked,
    )
    echo("\n\n".join(filter(None, parts)))
