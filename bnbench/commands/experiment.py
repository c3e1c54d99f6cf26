"""The request that `run` and `plan` share: an experiment, changes to it, and where data and results are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bnbench.config.additions import SEEDS_KEY, Addition, from_also, from_sweep
from bnbench.config.load import ConfigSource, load_config, load_located_config
from bnbench.config.smoke import SUFFIX
from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError, ResultsError
from bnbench.location import Location
from bnbench.planning.devices import CPU, Card, choose_device, find_cards
from bnbench.planning.part import Part
from bnbench.store import results_dir

ADAPTIVE_KEY, CREDIT_KEY = "sweep.adaptive", "credit"
# Of the results folder of an experiment whose file has no `credit`.
CREDIT_SUFFIX = "-credit"

if TYPE_CHECKING:
    from bnbench.execution.budget import Budget
    from bnbench.model.network_file import Network
    from bnbench.planning.plan import Plan


@dataclass(frozen=True)
class ExperimentRequest:
    """An experiment, changes to it, and where data and results are."""

    # The path of an experiment file, or its content as Python values.
    config: ConfigSource
    # Dotted keys and their values: `{"train.epochs": 5}`.
    overrides: Mapping[str, object] = field(default_factory=dict)
    data_dirs: DataDirs = field(default_factory=DataDirs.from_environment)
    # The directory that contains the results folders, one per experiment.
    results_dir: Path = Path("results")
    # Cut the experiment to a few seconds.
    smoke: bool = False
    # Values to add to the recorded sweep: `{"learning_rate": 0.3, "seeds": 2}`. The results folder keeps in its plan
    # what it has there.
    also: Mapping[str, object] = field(default_factory=dict)
    # The part of the sweep to train here; None trains all of it.
    part: Part | None = None
    # What trains: `cpu`, `gpu` or `auto`; None: what the results folder has recorded, or else the processor.
    device: str | None = None
    # The networks of variants, which otherwise are read from the files that the variants name.
    networks: "Mapping[str, Network]" = field(default_factory=dict)

    @property
    def places(self) -> DataDirs:
        """Where the data are: own data may also be in the folder of the experiment file."""
        return find_places(self.config, self.data_dirs)


@dataclass(frozen=True)
class TrainingOptions:
    """Who trains the trials of an experiment. None of it changes what is trained."""

    # As for `bnbench.run`.
    jobs: int | None = None
    trial_timeout: float | None = None
    mixed: bool = False
    executor: str | None = None
    address: str | None = None
    jobs_per_card: int = 1
    # None: as the trials of the results folder.
    portable: bool | None = None
    # The time of the command, which several experiments share. It counts the trials that it has left out.
    budget: "Budget | None" = None


# With the workers that this machine has room for.
BY_DEFAULT = TrainingOptions()


def find_places(config: ConfigSource, data_dirs: DataDirs) -> DataDirs:
    """Return where the data of an experiment are. Without a file, own data are relative to the working directory.

    If it is the recorded file of a results folder, messages name the folder that the run had its own data from.
    """
    if not isinstance(config, Path | str):
        return replace(data_dirs, config_dir=Path.cwd())
    config = Path(config)
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


def plan_experiment(request: ExperimentRequest, download: bool = False) -> "tuple[Plan, Path]":
    """Return the plan of an experiment and its results folder. Logs warnings of batches that are too small,
    and of rows that groups leave out.

    Raises:
        ConfigError: the experiment or an override is wrong.
        DataError: the data are wrong, or they are missing and `download` is False.
        ResultsError: `also` is given and the recorded sweep cannot be read.
    """
    # A run imports this while its first worker starts.
    from bnbench.execution import sweep
    from bnbench.planning.left_out_rows import log_left_out_rows
    from bnbench.planning.small_batches import log_small_batches

    def device_of(name: str) -> str:
        folder = request.results_dir / _folder_name(name, request.part)
        return choose_device(request.device, sweep.recorded_device(folder), _cards(request, folder))

    further = _further(request) if request.also else ()
    plan = sweep.prepare_plan(
        request.config,
        request.overrides,
        request.places,
        smoke=request.smoke,
        download=download,
        further=further,
        networks=request.networks,
        choose_device=device_of,
    )
    if request.smoke and request.part:
        # A smoke run has one seed, which cannot be divided into parts.
        seeds = load_located_config(request.config, request.overrides, further)[0].sweep.seed_list()
        plan = plan.with_seeds(min(request.part.least_seeds, len(seeds)))
    if plan.forms and request.part:
        raise ConfigError(
            "--part", "an adaptive design chooses its trainings one after another, so it has no parts: leave it out"
        )
    log_small_batches(plan)
    log_left_out_rows(plan)
    # It says now if the sweep has too few seeds.
    plan.of_part(request.part)
    return plan, request.results_dir / _folder_name(plan.experiment.name, request.part)


def _cards(request: ExperimentRequest, folder: Path) -> list[Card]:
    """Return the cards of this machine. Without a results folder or a wish, nobody needs to know them."""
    return find_cards() if request.device != CPU and (request.device or folder.exists()) else []


def chosen_part(request: ExperimentRequest, plan: "Plan", folder: Path) -> Part | None:
    """Return the part of the sweep that a request is for; None if it is for all of it.

    If the request has no overlap, the part keeps the one that the results folder has recorded: its trials are stored.
    """
    from bnbench.store import store

    part = request.part
    if part is None or part.overlap or not store.has_results(folder):
        return part
    with store.open_for_reading(folder) as opened:
        recorded = opened.part()
    if recorded is None or (recorded.number, recorded.count) != (part.number, part.count):
        return part
    # The sweep may have fewer seeds now.
    return replace(part, overlap=min(recorded.overlap, len(plan.experiment.sweep.seed_list())))


def results_folder(request: ExperimentRequest) -> Path:
    """Return the results folder of an experiment, of whose file only the name is used.

    Raises:
        ConfigError: the file or an override is wrong.
    """
    name = load_config(request.config, request.overrides).name
    return request.results_dir / _folder_name(f"{name}{SUFFIX}" if request.smoke else name, request.part)


def with_edge_search(request: ExperimentRequest, settings: Mapping[str, object]) -> ExperimentRequest:
    """Return a request that searches for the edges and asks nothing else.

    Args:
        request: the experiment.
        settings: keys of `sweep.adaptive.edge`; those of the experiment file are the default.

    Raises:
        ConfigError: the file or an override is wrong.
    """
    adaptive = load_config(request.config, request.overrides).sweep.adaptive
    known = adaptive.edge.model_dump() if adaptive and adaptive.edge else {}
    return replace(request, overrides={**request.overrides, ADAPTIVE_KEY: {"edge": {**known, **settings}}})


def with_credit(
    request: ExperimentRequest, credit: Mapping[str, object], edge: Mapping[str, object]
) -> ExperimentRequest:
    """Return a request that finds which norm slots or ingredients raise the edge.

    An experiment file without `credit` gets a results folder of its own, `NAME-credit`, and its claims and published
    values, which are about other variants, are left out.

    Args:
        request: the experiment.
        credit: keys of `credit`, without which the file decides, or else all norm slots.
        edge: keys of `sweep.adaptive.edge`; those of the experiment file are the default.

    Raises:
        ConfigError: the file or an override is wrong.
    """
    own = load_config(request.config).credit
    asked = load_config(request.config, request.overrides)
    overrides = dict(request.overrides)
    if own is None:
        overrides |= {"name": f"{asked.name}{CREDIT_SUFFIX}", "claims": [], "published": [], "source_figures": []}
    if credit or asked.credit is None:
        known = asked.credit.model_dump(exclude_none=True) if asked.credit else {}
        form = {} if {"slots", "ingredients", "subsets"} & {*known, *credit} else {"slots": "all"}
        overrides |= {CREDIT_KEY: {**form, **known, **credit}}
    return with_edge_search(replace(request, overrides=overrides), edge)


def until_decided(request: ExperimentRequest) -> ExperimentRequest:
    """Return a request that trains further seeds until the claims are decided.

    Raises:
        ConfigError: the file or an override is wrong.
    """
    adaptive = load_config(request.config, request.overrides).sweep.adaptive
    known = adaptive.model_dump(exclude_none=True) if adaptive else {}
    return replace(request, overrides={**request.overrides, ADAPTIVE_KEY: {"seeds": {}, **known}})


def _folder_name(name: str, part: Part | None) -> str:
    return f"{name}{part.suffix}" if part else name


def counts_seeds(request: ExperimentRequest) -> bool:
    """Return whether `also` adds a number of further seeds, which are other ones each time."""
    return any(from_also(key, value).key == SEEDS_KEY and isinstance(value, int) for key, value in request.also.items())


def further_seeds(request: ExperimentRequest) -> list[int]:
    """Return the seeds that `also` adds if it gives their number (`seeds=2`); none if it lists seeds or gives none.

    A number adds new seeds each time: once these are recorded, the same number adds others.

    Raises:
        ConfigError, ResultsError: as for `plan_experiment`.
    """
    added = [one for key, value in request.also.items() if (one := from_also(key, value)).key == SEEDS_KEY]
    if request.smoke or not counts_seeds(request):
        return []
    recorded = _recorded(results_folder(request))
    before, after = (
        load_located_config(request.config, request.overrides, further)[0].sweep.seed_list()
        for further in (recorded, [*recorded, *added])
    )
    return [seed for seed in after if seed not in before]


def _further(request: ExperimentRequest) -> list[Addition]:
    """Return what `also` adds to the sweep: the sweep that the results folder has recorded, and the new values."""
    added = [from_also(key, value) for key, value in request.also.items()]
    # The sweep of a smoke run is cut, so there is nothing to keep.
    return added if request.smoke else [*_recorded(results_folder(request)), *added]


def _recorded(folder: Path) -> list[Addition]:
    """Return the sweep in the config of a results folder; nothing if there is no such file yet."""
    from bnbench.results.stored_config import read_stored_config

    path = folder / results_dir.CONFIG
    if not path.exists():
        return []
    stored = read_stored_config(folder)
    if stored.experiment is None:
        raise ResultsError(f"{path}: --also cannot tell which trials to keep in the plan: {stored.problem}")
    return from_sweep(stored.experiment.sweep, Location(str(path)))
