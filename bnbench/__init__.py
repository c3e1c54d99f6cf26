"""Compare networks with and without batch normalization across learning rates."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bnbench.config.schema import Experiment
    from bnbench.execution.progress import ProgressWatcher
    from bnbench.results.results import Results

__version__ = "0.1.0"
__all__ = ["__version__", "log_spaced", "open", "run", "sweep"]
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
    part: str | None = None,
    overlap: int = 0,
    mixed: bool = False,
    portable: bool | None = None,
    executor: Literal["ray"] | None = None,
    address: str | None = None,
    device: Literal["cpu", "gpu", "auto"] | None = None,
    budget: float | None = None,
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
        part: train one part of several, for example `1/3`, into the folder `<name>-part-1-of-3`. Parts have different
            seeds; `bnbench merge` joins their folders.
        overlap: how many seeds every part trains, so that the parts can be compared. By default what the results
            folder of the part has recorded, or else none.
        mixed: continue results that were trained on another kind of machine, whose last bits may differ.
        portable: compute the same bits on all x86 processors with AVX2, for variants that XLA compiles. By default as
            the trials of the results folder.
        executor: `ray` trains on a Ray cluster, with as many jobs as it has cores unless `jobs` says how many.
        address: of the cluster, `HOST:PORT`; by default the one of this machine.
        device: what trains: `cpu`, `gpu` for graphics cards of NVIDIA, or `auto` for cards if there are some. By
            default what the results folder was trained on, or else the processor. Trials of a card have own ids.
        budget: start no trial that would probably end later than so many seconds after the call. What is missing is
            trained by the next call.
        watcher: an object whose methods are called after each epoch and trial; default: none.
        results: the old name of `results_dir`.

    Raises:
        BnbenchError: the experiment, the data or the results folder cannot be used. Its text gives the reason and the
            place: file, line and column, or the keys of a dict, as in `config: train.epochs: found 0`.
        KeyboardInterrupt: after storing the trials that had finished.
    """
    from bnbench.commands.experiment import ExperimentRequest, TrainingOptions
    from bnbench.commands.run import run_experiment
    from bnbench.data.types import DataDirs
    from bnbench.errors import ConfigError
    from bnbench.execution.budget import Budget
    from bnbench.planning.part import Part

    if results is not None:
        log.warning("bnbench.run: the argument `results` is now called `results_dir`; the old name still works")
        results_dir = results
    data_dirs = DataDirs.from_environment(Path(data_dir) if data_dir else None, offline)
    source = Path(config) if isinstance(config, str) else config
    if overlap and part is None:
        raise ConfigError("overlap", "is for a part of a sweep: give part, too, for example '1/3'")
    chosen = Part.parse(part, overlap) if part is not None else None
    request = ExperimentRequest(
        source, overrides or {}, data_dirs, Path(results_dir), smoke, also or {}, chosen, device
    )
    if budget is not None and not budget > 0:
        raise ConfigError("budget", f"found {budget}, wanted a number of seconds greater than 0")
    limit = None if budget is None else Budget(budget)
    training = TrainingOptions(jobs, trial_timeout, mixed, executor, address, portable=portable, budget=limit)
    return run_experiment(request, watcher, training)


def sweep(
    build: Callable[..., object],
    x: object,
    y: object,
    variants: Mapping[str, Mapping[str, object]] | None = None,
    *,
    learning_rate: "float | Sequence[float] | NDArray[np.floating]",
    epochs: int,
    seeds: int | Sequence[int] = 3,
    name: str = "sweep",
    title: str = "",
    baseline: str | None = None,
    batch_size: int | Literal["full"] = 32,
    optimizer: object = None,
    loss: object = None,
    validation_data: tuple[object, object] | None = None,
    test_data: tuple[object, object] | None = None,
    groups: object = None,
    task: Literal["classes", "number"] | None = None,
    scale: Literal["none", "unit", "standard", "l2"] = "none",
    save_models: Literal["none", "final", "best"] = "none",
    overrides: Mapping[str, object] | None = None,
    results_dir: str | Path = "results",
    data_dir: str | Path | None = None,
    smoke: bool = False,
    jobs: int | None = None,
    trial_timeout: float | None = None,
    watcher: "ProgressWatcher | None" = None,
) -> "Results":
    """Train networks that a function builds on arrays in memory, over learning rates and seeds.

    The arrays are kept in the cache, and the networks in the results folder. So the same call in another process trains
    nothing again, and `bnbench run`, `compare` and `predict` work with the results folder.

    Args:
        build: called with the arguments of each variant, in this process. It returns a new `keras.Sequential` or
            functional `keras.Model` of layers of Keras with one input and one output. Only its architecture and what it
            was compiled with are used: every seed draws its own initial weights.
        x: the rows, (rows, *shape): an array of NumPy, a frame of pandas, a tensor or a list.
        y: the class or the number of each row, (rows,). Classes are whole numbers, booleans or text; floats are
            numbers.
        variants: the arguments of `build` for each variant, by name: `{"plain": {"norm": None}}`. By default there is
            one variant, `model`, without arguments.
        learning_rate: one learning rate or several, see `log_spaced`.
        epochs: the epochs of each trial.
        seeds: how many seeds, or which ones.
        name: of the experiment, and of its results folder.
        title: of the report.
        baseline: the variant that the others are compared with; default: `plain`, else the first.
        batch_size: the rows of each step, or `full`.
        optimizer: a name, a mapping as in an experiment file, or an optimizer of Keras, whose learning rate is not
            used. By default that of `compile`, else `sgd`.
        loss: a name, a mapping, or a loss of Keras. By default that of `compile`, else the one that suits `y`. A loss
            that is given by name takes logits if the last layer has no softmax or sigmoid.
        validation_data: official rows for validation, (x, y). By default each seed takes some of `x`.
        test_data: official rows for the test, (x, y). By default each seed takes some of `x`.
        groups: (rows,): rows with the same value stay in one part.
        task: `classes` or `number`, if `y` does not say it.
        scale: how `x` is scaled, as `data.scale` in an experiment file. By default it is used as it is.
        save_models: which weights are saved.
        overrides: dotted keys of the experiment file for all else: `{"train.warmup": 0.1, "data.split.test": 0.3}`.
        results_dir: as for `run`.
        data_dir: as for `run`.
        smoke: as for `run`.
        jobs: as for `run`.
        trial_timeout: as for `run`.
        watcher: as for `run`.

    Raises:
        BnbenchError: the arrays, a network or a setting cannot be used. Its text names the argument, or the variant and
            the layer.
        Exception: what `build` raises, with a note that names the variant.
        KeyboardInterrupt: after storing the trials that had finished.
    """
    from bnbench.commands.sweep_model import SweepRequest, sweep_model
    from bnbench.data.own.in_memory import GivenArrays
    from bnbench.data.types import DataDirs

    settings = {
        "name": name,
        "title": title,
        "baseline": baseline,
        "save_models": save_models,
        "sweep": {"learning_rate": learning_rate, "seeds": seeds},
    }
    request = SweepRequest(
        build,
        GivenArrays(x, y, validation_data, test_data, groups, task),
        variants,
        settings,
        {"epochs": epochs, "batch_size": batch_size},
        scale,
        optimizer,
        loss,
        overrides or {},
        DataDirs.from_environment(Path(data_dir) if data_dir else None),
        Path(results_dir),
        smoke,
    )
    return sweep_model(request, watcher, jobs, trial_timeout)


def log_spaced(start: float, stop: float, points: int) -> list[float]:
    """Return learning rates at equal distances on a logarithmic scale, with both ends: `log_spaced(1e-3, 10, 5)`.

    They are those of `{from: start, to: stop, points: points}` in an experiment file.

    Raises:
        ConfigError: these are no positive numbers with `start` < `stop`, or fewer than two points.
    """
    from bnbench.config.log_spaced import log_spaced as spaced

    return spaced(start, stop, points)


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
