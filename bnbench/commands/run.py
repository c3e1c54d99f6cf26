"""Train an experiment and return its results."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from bnbench.commands.experiment import ExperimentRequest, plan_experiment, results_folder
from bnbench.execution.worker_ahead import worker_ahead
from bnbench.execution.worker_starter import WorkerStarter

if TYPE_CHECKING:
    from bnbench.execution.progress import ProgressWatcher
    from bnbench.results.results import Results


def run_experiment(
    request: ExperimentRequest,
    watcher: "ProgressWatcher | None" = None,
    jobs: int | None = None,
    trial_timeout: float | None = None,
) -> "Results":
    """Train the trials that the results folder does not contain, write the report, and return the results.

    `bnbench.run` describes the arguments and the errors.
    """
    with start_ahead(request, jobs) as starter:
        # What plans and trains takes as long to import as a worker takes to start.
        from bnbench.commands.write_report import RunReport, import_report
        from bnbench.execution import sweep
        from bnbench.execution.progress import SilentProgress

        plan, folder = plan_experiment(request, download=True)
        report = RunReport()
        options = sweep.SweepOptions(
            folder,
            request.places,
            report.write,
            watcher or SilentProgress(),
            jobs,
            trial_timeout,
            # The few steps of a smoke run say nothing about times.
            time_steps=not request.smoke,
            # SciPy and Matplotlib are not imported before the training, so that the training starts earlier.
            while_training=import_report,
            while_compiling=report.draw_more,
            starter=starter,
        )
        sweep.run_sweep(plan, options)
    if report.results is None:
        raise AssertionError("a sweep that ends without an error has written its report")
    return report.results


def start_ahead(request: ExperimentRequest, jobs: int | None) -> AbstractContextManager[WorkerStarter | None]:
    """Start a worker, which loads TensorFlow while the trials are planned, if it is certain that there are trials.

    Raises:
        ConfigError: the experiment or an override is wrong.
    """
    # In a folder that exists, all trials may have ended.
    if jobs == 0 or results_folder(request).exists():
        return nullcontext()
    return worker_ahead(request.places)
