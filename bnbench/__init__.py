"""Networks with and without batch normalisation, compared across learning rates."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnbench.execution.progress import ProgressWatcher
    from bnbench.results.results import Results

__version__ = "0.1.0"
__all__ = ["__version__", "open", "run"]


def run(
    config: str | Path,
    overrides: Mapping[str, object] | None = None,
    *,
    results: str | Path = "results",
    data_dir: str | Path | None = None,
    offline: bool = False,
    smoke: bool = False,
    jobs: int | None = None,
    trial_timeout: float | None = None,
    watcher: "ProgressWatcher | None" = None,
) -> "Results":
    """Train what an experiment asks for and is not done yet, write tables and figures, and return the results.

    Args:
        config: the experiment file.
        overrides: dotted keys to set, as `{"train.epochs": 5}`.
        results: the folder under which the experiment's own folder lies or is made.
        data_dir: where the data sets lie; default: the environment variable BNBENCH_DATA.
        offline: never download data.
        smoke: cut the experiment to seconds; its results go to `<name>-smoke`.
        jobs: how many trials at a time, each in a worker process; None: as this machine allows, 0: in this process.
        trial_timeout: seconds that a trial may take, compilation included, or infinity; one that hangs is tried again
            and then failed. None: 20 times the longest of the same program, at least 10 minutes.
        watcher: is told of each epoch and trial; default: nobody.

    Raises:
        BnbenchError: the experiment, the data or the folder cannot be used; its text says why.
        KeyboardInterrupt: after keeping what had been finished.
    """
    from bnbench.data.types import DataDirs
    from bnbench.execution import sweep
    from bnbench.execution.progress import SilentProgress

    places = DataDirs.from_environment(Path(data_dir) if data_dir else None, offline)
    plan = sweep.prepare_plan(Path(config), overrides or {}, places, smoke=smoke, download=True)
    folder = Path(results) / plan.experiment.name
    importing = Thread(target=import_module, args=("bnbench.report.write",))  # while the workers start
    importing.start()
    try:
        options = sweep.SweepOptions(folder, places, _report, watcher or SilentProgress(), jobs, trial_timeout)
        sweep.run_sweep(plan, options)
    finally:
        importing.join()  # or it would go on, and fail, while Python ends
    from bnbench.results.results import Results

    return Results(folder)


def _report(folder: Path) -> None:
    from bnbench.report import write

    write.write_report(folder)


def open(folder: str | Path) -> "Results":  # noqa: A001  the name that the results of a study are opened by
    """The results that lie in a folder.

    Raises:
        ResultsError: there are none, or they cannot be read.
    """
    from bnbench.results.results import Results

    return Results(folder)
