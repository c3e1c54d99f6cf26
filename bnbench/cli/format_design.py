"""What an adaptive design would train, as text for a terminal or a log."""

from dataclasses import replace
from typing import TYPE_CHECKING

from bnbench.analysis.labels import axis_name, format_count, format_setting
from bnbench.cli.format import format_columns
from bnbench.cli.format_plan import format_cohorts

if TYPE_CHECKING:
    from bnbench.commands.plan import PlanOverview
    from bnbench.planning.adaptive.expected import Trainings

PURPOSES = {"choose": "choose the best rate", "edge": "find the edge", "judge": "judge on further seeds"}


def format_design(overview: "PlanOverview") -> str:
    """Return the stages of a design with their trainings, the programs, and about how long they take."""
    from bnbench.planning.adaptive.expected import count_trainings

    counted = count_trainings(overview.plan)
    axes = map(axis_name, overview.plan.experiment.sweep.grid)
    rows = [
        [PURPOSES[one.stage], one.cohort.variant, *map(format_setting, one.cohort.axes.values()),
         one.cohort.program.train.epochs, one.at_most, one.expected]
        for one in counted
    ]  # fmt: skip
    table = format_columns(["stage", "variant", *axes, "epochs", "trainings at most", "expected"], rows)
    return "\n\n".join([table, format_cohorts(overview.plan), _estimate(overview, counted)])


def _estimate(overview: "PlanOverview", counted: "list[Trainings]") -> str:
    """Return the numbers of trainings and about how long they take."""
    from bnbench.planning.runtime import estimate_runtime

    texts = []
    for words, number in (("expected", "expected"), ("at most", "at_most")):
        todo = [replace(one.cohort, trials=one.cohort.trials.with_length(getattr(one, number))) for one in counted]
        count = format_count(sum(getattr(one, number) for one in counted), "training")
        texts.append(f"{words} {count}, {estimate_runtime(todo, overview.step_seconds, overview.jobs)}")
    sweep = overview.plan.experiment.sweep
    variants = format_count(len(overview.plan.cohorts), "cohort")
    grid = len(overview.plan.trials)
    return (
        f"{'; '.join(texts)}. The full grid ({variants} x {len(sweep.rates())} rates x {len(sweep.seed_list())} seeds) "
        f"has {format_count(grid, 'training')}. What is stored is not trained again."
    )
