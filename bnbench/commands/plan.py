"""What a run would train, and what is needed to estimate its time."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from bnbench.commands.experiment import ExperimentRequest, chosen_part, plan_experiment
from bnbench.data.types import DataDirs
from bnbench.execution import sweep
from bnbench.execution.executors import executor_capacity
from bnbench.execution.in_process import InProcessTrainer, load_from
from bnbench.execution.protocols import ExecutorRequest
from bnbench.planning.check_key import distinct_programs
from bnbench.planning.plan import Plan
from bnbench.planning.states import NEW


@dataclass(frozen=True)
class PlanOverview:
    """The plan of an experiment, and how much of it the results folder contains."""

    plan: Plan
    # Trial id -> completed, diverged or failed. A trial that is not stored is missing here.
    states: dict[str, str]
    # Key of a program -> measured seconds per step. Programs that were never trained are missing.
    step_seconds: dict[str, float]
    # The number of worker processes that a run would start.
    jobs: int
    # The number of stored trials that are not part of the plan.
    outside: int = 0
    # The results folder, which may not exist.
    folder: Path = Path()


def make_overview(request: ExperimentRequest) -> PlanOverview:
    """Return the plan of an experiment and its state. Trains, writes and downloads nothing.

    Raises:
        ConfigError: the file or an override is wrong.
        DataError: the data are missing or wrong.
        ResultsError: the results folder cannot be read.
    """
    plan, folder = plan_experiment(request)
    states = sweep.stored_states(folder)
    # Without results no id is needed, and a million ids take a second.
    planned = set(chain.from_iterable(cohort.trials.ids() for cohort in plan.cohorts)) if states else set()
    outside = len(states.keys() - planned)
    unprobed = sweep.unprobed_trials(plan, folder)
    states = {trial: state for trial, state in states.items() if trial not in unprobed}
    plan = plan.of_part(chosen_part(request, plan, folder))
    jobs = executor_capacity(ExecutorRequest(request.places, plan.cohorts)).count
    return PlanOverview(plan, states, sweep.step_seconds(folder), jobs, outside, folder)


def check_plan(plan: Plan, data_dirs: DataDirs) -> int:
    """Train each distinct program of a plan for two steps on a handful of rows, as a run does before its first trial.

    This imports TensorFlow. Nothing is compiled, and nothing is written to the results folder.

    Returns:
        The number of distinct programs.

    Raises:
        ConfigError: Keras rejects a part of a program. The message names the key of that part.
        DataError: the data are missing or damaged.
    """
    trainer = _open_trainer(data_dirs)
    programs = distinct_programs(cohort.program for cohort in plan.cohorts)
    try:
        for program in programs:
            trainer.check_with_any_threads(program)
    finally:
        trainer.free_memory()
    return len(programs)


@cache
def _open_trainer(data_dirs: DataDirs) -> InProcessTrainer:
    """Return a trainer for checks; all checks of this process share it, and with it the data that it has loaded."""
    return InProcessTrainer(load_from(data_dirs))


def design_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield one row of plain values per stage and program of an adaptive design, for JSON."""
    # It imports pandas, and most plans are of grids.
    from bnbench.planning.adaptive.expected import count_trainings

    for one in count_trainings(plan):
        yield {
            "stage": one.stage,
            "variant": one.cohort.variant,
            "axes": dict(one.cohort.axes),
            "epochs": one.cohort.program.train.epochs,
            "at_most": one.at_most,
            "expected": one.expected,
        }


def trial_rows(overview: PlanOverview) -> Iterator[dict[str, Any]]:
    """Yield one row of plain values per planned trial, for JSON."""
    for trial in overview.plan.trials:
        yield {
            "number": trial.number,
            "trial": trial.id,
            "variant": trial.variant,
            "learning_rate": trial.learning_rate,
            "seed": trial.seed,
            "axes": dict(trial.axes),
            "state": overview.states.get(trial.id, NEW),
        }
