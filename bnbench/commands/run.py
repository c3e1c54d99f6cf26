"""Train an experiment and return its results."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from bnbench.commands.experiment import (
    BY_DEFAULT,
    ExperimentRequest,
    TrainingOptions,
    chosen_part,
    plan_experiment,
    results_folder,
)
from bnbench.errors import ConfigError
from bnbench.execution.worker_ahead import worker_ahead
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.planning.devices import AUTO, CPU, cards_of, find_cards

if TYPE_CHECKING:
    from bnbench.execution.adaptive import DesignJudge
    from bnbench.execution.progress import ProgressWatcher
    from bnbench.planning.plan import Plan
    from bnbench.results.results import Results
    from bnbench.store.store import Store


def run_experiment(
    request: ExperimentRequest,
    watcher: "ProgressWatcher | None" = None,
    training: TrainingOptions = BY_DEFAULT,
) -> "Results":
    """Train the trials that the results folder does not contain, write the report, and return the results.

    `bnbench.run` describes the arguments and the errors.
    """
    with start_ahead(request, training) as starter:
        # What plans and trains takes as long to import as a worker takes to start.
        from bnbench.commands.write_report import RunReport, import_report
        from bnbench.execution import sweep
        from bnbench.execution.budget import Budget
        from bnbench.execution.progress import SilentProgress
        from bnbench.planning.portable import check_portable

        plan, folder = plan_experiment(request, download=True)
        if plan.device and training.executor:
            raise ConfigError("--device", "a cluster trains on processors: leave out --executor, or --device")
        # With `auto`, there may be no card.
        if training.jobs_per_card > 1 and not plan.device and request.device != AUTO:
            raise ConfigError("--jobs-per-gpu", "no graphics card trains this experiment: give --device gpu, too")
        portable = sweep.recorded_portable(folder) if training.portable is None else training.portable
        if portable:
            check_portable(plan)
        report = RunReport()
        options = sweep.SweepOptions(
            folder,
            request.places,
            report.write,
            watcher or SilentProgress(),
            training.jobs,
            training.trial_timeout,
            # The few steps of a smoke run say nothing about times.
            time_steps=not request.smoke,
            # SciPy and Matplotlib are not imported before the training, so that the training starts earlier.
            while_training=import_report,
            while_compiling=report.draw_more,
            starter=starter,
            part=chosen_part(request, plan, folder),
            mixed=training.mixed,
            executor=training.executor,
            address=training.address,
            cards=cards_of(plan.device, find_cards()) if plan.device else (),
            jobs_per_card=training.jobs_per_card,
            portable=portable,
            budget=training.budget or Budget(),
            make_judge=make_judge,
        )
        sweep.run_sweep(plan, options)
    if report.results is None:
        raise AssertionError("a sweep that ends without an error has written its report")
    return report.results


def make_judge(plan: "Plan", opened: "Store") -> "DesignJudge":
    """Return what judges the claims of an adaptive design in a results folder."""
    # It imports pandas, which takes as long as the first trials.
    from bnbench.commands.design_judge import ResultsJudge

    return ResultsJudge(plan, opened)


def start_ahead(request: ExperimentRequest, training: TrainingOptions) -> AbstractContextManager[WorkerStarter | None]:
    """Start a worker, which loads TensorFlow while the trials are planned, if it is certain that there are trials.

    Raises:
        ConfigError: the experiment or an override is wrong.
    """
    # In a folder that exists, all trials may have ended.
    elsewhere = training.executor or request.device not in (None, CPU)
    if training.jobs == 0 or elsewhere or results_folder(request).exists():
        return nullcontext()
    return worker_ahead(request.places, bool(training.portable))
