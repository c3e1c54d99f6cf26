"""The request that `run` and `plan` share: an experiment file, changes to it, and where data and results are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bnbench.data.types import DataDirs
from bnbench.execution import sweep
from bnbench.planning.plan import Plan
from bnbench.planning.small_batches import log_small_batches


@dataclass(frozen=True)
class ExperimentRequest:
    """An experiment file, changes to it, and where data and results are."""

    config: Path
    # Dotted keys and their values: `{"train.epochs": 5}`.
    overrides: Mapping[str, object] = field(default_factory=dict)
    data_dirs: DataDirs = field(default_factory=DataDirs.from_environment)
    # The directory that contains the results folders, one per experiment.
    results_dir: Path = Path("results")
    # Cut the experiment to a few seconds.
    smoke: bool = False


def plan_experiment(request: ExperimentRequest, download: bool = False) -> tuple[Plan, Path]:
    """Return the plan of an experiment and its results folder. Logs a warning of batches that are too small.

    Raises:
        ConfigError: the file or an override is wrong.
        DataError: the data are wrong, or they are missing and `download` is False.
    """
    plan = sweep.prepare_plan(
        request.config, request.overrides, request.data_dirs, smoke=request.smoke, download=download
    )
    log_small_batches(plan)
    return plan, request.results_dir / plan.experiment.name
