"""Train an experiment and return its results."""

from typing import TYPE_CHECKING

from bnbench.commands.experiment import ExperimentRequest, plan_experiment
from bnbench.commands.write_report import write_report
from bnbench.execution import sweep
from bnbench.execution.progress import ProgressWatcher, SilentProgress

if TYPE_CHECKING:
    from bnbench.results.results import Results


def run_experiment(
    request: ExperimentRequest,
    watcher: ProgressWatcher | None = None,
    jobs: int | None = None,
    trial_timeout: float | None = None,
) -> "Results":
    """Train the trials that the results folder does not contain, write the report, and return the results.

    `bnbench.run` describes the arguments and the errors.
    """
    plan, folder = plan_experiment(request, download=True)
    options = sweep.SweepOptions(
        folder,
        request.places,
        write_report,
        watcher or SilentProgress(),
        jobs,
        trial_timeout,
        # The few steps of a smoke run say nothing about times.
        time_steps=not request.smoke,
    )
    sweep.run_sweep(plan, options)
    # SciPy and Matplotlib are imported after the training, so that the training starts earlier.
    from bnbench.commands.open import open_results

    return open_results(folder)
