"""Compare networks with and without batch normalization across learning rates."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnbench.config.schema import Experiment
    from bnbench.execution.progress import ProgressWatcher
    from bnbench.results.results import Results

__version__ = "0.1.0"
__all__ = ["__version__", "open", "run"]
log = logging.getLogger(__name__)


def run(
    config: "str | Path | Mapping[str, object] | Experiment",
    overrides: Mapping[str, object] | None = None,
    *,
    results_dir: str | Path = "results",
    data_dir: str | Path | None = None,
    offline: bool = False,
    smoke: bool = False,
    jobs: int | None = None,
    trial_timeout: float | None = None,
    also: Mapping[str, object] | None = None,
    watcher: "ProgressWatcher | None" = None,
    results: str | Path | None = None,
) -> "Results":
    """Train the trials that the results folder does not contain, write the report, and return the results.

    Args:
        config: path of the experiment file, or what such a file contains, as a dict: `{"name": "mine", "data": ...}`.
            A dict may have tuples and NumPy arrays in the place of lists. An `Experiment`, such as
            `Results.experiment`, is run again.
        overrides: dotted keys and their values, for example `{"train.epochs": 5}`. A key that ends with `+` adds to a
            list of the sweep: `{"sweep.learning_rate+": [0.3]}`.
        results_dir: the directory that contains the results folders, one per experiment.
        data_dir: a directory with one folder for each data set; default: the environment variable BNBENCH_DATA.
        offline: never download data.
        smoke: cut the experiment to a few seconds. Its results folder is `<name>-smoke`.
        jobs: number of trials that run at the same time, each in its own process. By default as many as the cores and
            the memory allow. With 0, this process trains.
        trial_timeout: seconds that a trial may take, compilation included, or infinity. A trial that takes longer is
            tried again, and fails after three attempts. By default 20 times the longest trial of the same program, and
            at least 10 minutes.
        also: values to add to the sweep, `{"learning_rate": 0.3, "seeds": 2}` (two further seeds) or the key of an
            axis. The plan keeps what the results folder has recorded.
        watcher: an object whose methods are called after each epoch and trial; default: none.
        results: the old name of `results_dir`.

    Raises:
        BnbenchError: the experiment, the data or the results folder cannot be used. Its text gives the reason and the
            place: file, line and column, or the keys of a dict, as in `config: train.epochs: found 0`.
        KeyboardInterrupt: after storing the trials that had finished.
    """
    from bnbench.commands.experiment import ExperimentRequest
    from bnbench.commands.run import run_experiment
    from bnbench.data.types import DataDirs

    if results is not None:
        log.warning("bnbench.run: the argument `results` is now called `results_dir`; the old name still works")
        results_dir = results
    data_dirs = DataDirs.from_environment(Path(data_dir) if data_dir else None, offline)
    source = Path(config) if isinstance(config, str) else config
    request = ExperimentRequest(source, overrides or {}, data_dirs, Path(results_dir), smoke, also or {})
    return run_experiment(request, watcher, jobs, trial_timeout)


# "open" is a short name for users, who write `bnbench.open`.
def open(folder: str | Path, *, all_trials: bool = False) -> "Results":  # noqa: A001
    """Return the results in a results folder.

    Args:
        folder: the results folder.
        all_trials: also put the stored trials outside the present plan into `trials`, `history` and `measurements`,
            with a column `planned` in `trials`. All averages and verdicts use the plan alone.

    Raises:
        ResultsError: there are no results, or they cannot be read.
    """
    from bnbench.commands.open import open_results

    return open_results(folder, all_trials)
