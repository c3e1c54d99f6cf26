"""The request that `run` and `plan` share: an experiment file, changes to it, and where data and results are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bnbench.data.types import DataDirs
from bnbench.errors import ResultsError
from bnbench.execution import sweep
from bnbench.planning.left_out_rows import log_left_out_rows
from bnbench.planning.plan import Plan
from bnbench.planning.small_batches import log_small_batches
from bnbench.store import results_dir


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

    @property
    def places(self) -> DataDirs:
        """Where the data are: own data may also be in the folder of the experiment file."""
        return find_places(self.config, self.data_dirs)


def find_places(config: Path, data_dirs: DataDirs) -> DataDirs:
    """Return where the data of an experiment file are.

    If it is the recorded file of a results folder, messages name the folder that the run had its own data from.
    """
    folder = config.absolute().parent
    return replace(data_dirs, config_dir=folder, recorded_dir=_recorded_folder(config))


def _recorded_folder(config: Path) -> str:
    if config.name != results_dir.CONFIG:
        return ""
    try:
        data = results_dir.read_environment(config.parent).get("data")
    except ResultsError:
        return ""
    recorded = data.values() if isinstance(data, dict) else ()
    folders = (facts.get("folder") for facts in recorded if isinstance(facts, dict))
    return next((folder for folder in folders if isinstance(folder, str)), "")


def plan_experiment(request: ExperimentRequest, download: bool = False) -> tuple[Plan, Path]:
    """Return the plan of an experiment and its results folder. Logs warnings of batches that are too small,
    and of rows that groups leave out.

    Raises:
        ConfigError: the file or an override is wrong.
        DataError: the data are wrong, or they are missing and `download` is False.
    """
    plan = sweep.prepare_plan(request.config, request.overrides, request.places, smoke=request.smoke, download=download)
    log_small_batches(plan)
    log_left_out_rows(plan)
    return plan, request.results_dir / plan.experiment.name
