"""`bnbench plan`."""

from typing import TYPE_CHECKING, Any

import click

from bnbench.cli import options
from bnbench.cli.output import echo, echo_json
from bnbench.cli.times import parse_positive

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest
    from bnbench.commands.plan import PlanOverview


@click.command()
@options.experiment
@click.option("--check", is_flag=True, help="Let Keras try each model, as a run does before its first trial.")
@click.option(
    "--budget",
    callback=parse_positive,
    metavar="TIME",
    help="Also say what this time is enough for: seeds, or fewer rates, and which differences between variants they "
    "would show. Examples: 90s, 30m, 1h30m.",
)
@options.as_json
def plan(request: "ExperimentRequest", check: bool, budget: float | None, as_json: bool) -> None:
    """Show what a run would train, and how long it would take.

    The state of a trial is new, completed, diverged or failed. A run trains new and failed trials. This command stores
    nothing. With --check, it loads Keras, and each distinct model makes two training steps on a handful of rows.

    \b
    bnbench plan leaf.yaml                          trials, states and time
    bnbench plan leaf.yaml --also seeds=2           with two further seeds
    bnbench plan leaf.yaml --budget 30m             also what half an hour is enough for
    bnbench plan leaf.yaml --check                  also lets Keras try each model
    bnbench plan leaf.yaml --json | head            an object for each trial, for scripts
    """
    from bnbench.cli.format_design import format_design
    from bnbench.cli.format_plan import format_cohorts, format_estimate, format_matrix, format_outside
    from bnbench.commands.plan import check_plan, design_rows, make_overview, trial_rows

    overview = make_overview(request)
    checked = f"checked with Keras: {check_plan(overview.plan, request.places)} distinct model(s)" if check else ""
    outside = format_outside(overview.outside, request.results_dir / overview.plan.experiment.name)
    if overview.plan.forms:
        if budget is not None:
            raise click.UsageError(
                "--budget says what a grid can do in a time, but an adaptive design goes on from run to run: leave it "
                "out, or give it to `bnbench run`"
            )
        echo_json(design_rows(overview.plan)) if as_json else echo(format_design(overview))
        if checked:
            echo(checked, err=as_json)
        return
    further, affordable = _describe_budget(overview, budget)
    if as_json:
        for line in filter(None, (checked, outside)):
            echo(line, err=True)
        echo_json(trial_rows(overview), further)
        return
    parts = (
        format_matrix(overview.plan, overview.states),
        format_cohorts(overview.plan),
        format_estimate(overview.plan, overview.states, overview.step_seconds, overview.jobs),
        affordable,
        outside,
        checked,
    )
    echo("\n\n".join(filter(None, parts)))


def _describe_budget(overview: "PlanOverview", budget: float | None) -> tuple[dict[str, Any], str]:
    """Return what a time is enough for, as plain values and as text; both are empty without a time."""
    if budget is None:
        return {}, ""
    # It imports pandas, which a plan without a budget does not need.
    from bnbench.cli.format_budget import format_affordable
    from bnbench.commands.affordable import budget_as_dict, plan_budget

    found = plan_budget(overview, budget)
    return {"budget": budget_as_dict(found)}, format_affordable(found)
