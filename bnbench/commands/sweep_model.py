"""Sweep over networks that a Python function builds, and arrays in memory: write an experiment of them, and run it."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bnbench.commands.experiment import ExperimentRequest, TrainingOptions, find_places
from bnbench.commands.run import run_experiment
from bnbench.config.load import NO_FILE, load_config
from bnbench.config.networks import network_file
from bnbench.config.schema import Experiment
from bnbench.data import access
from bnbench.data.own.in_memory import GivenArrays, store_arrays
from bnbench.data.types import DataDirs, Dataset
from bnbench.errors import ConfigError, shorten
from bnbench.execution.progress import ProgressWatcher
from bnbench.model.network_file import Network
from bnbench.training import startup

if TYPE_CHECKING:
    from bnbench.results.results import Results
    from bnbench.training.compiled_settings import CompiledSettings

log = logging.getLogger(__name__)
# The only variant of a `build` that takes no arguments.
ALONE = "model"
# Values of x beyond this are said if nothing scales them.
LARGE = 10
# Layers that scale their inputs, or take numbers of any size.
SCALING_LAYERS = frozenset({"Rescaling", "Normalization", "BatchNormalization", "LayerNormalization", "Embedding"})
# Stands for the arrays while the other settings are checked.
NO_ARRAYS = {"arrays": "0" * 32 + ".npz", "x": "x", "y": "y"}


@dataclass(frozen=True)
class SweepRequest:
    """The arguments of `bnbench.sweep` that describe the experiment."""

    build: Callable[..., object]
    arrays: GivenArrays
    # The arguments of `build` for each variant. None: one variant without arguments.
    variants: Mapping[str, Mapping[str, object]] | None
    # The keys of the experiment besides `data`, `variants` and `train`, as Python values.
    settings: Mapping[str, object]
    # The keys of `train` besides the optimizer and the loss.
    train: Mapping[str, object]
    scale: str = "none"
    # Names or mappings as in a config, or Keras objects. None: as the models were compiled.
    optimizer: object = None
    loss: object = None
    overrides: Mapping[str, object] = field(default_factory=dict)
    data_dirs: DataDirs = field(default_factory=DataDirs.from_environment)
    results_dir: Path = Path("results")
    smoke: bool = False


def sweep_model(
    request: SweepRequest,
    watcher: ProgressWatcher | None = None,
    jobs: int | None = None,
    trial_timeout: float | None = None,
) -> "Results":
    """Train the trials that the results folder does not contain, write the report, and return the results.

    `bnbench.sweep` describes the arguments and the errors.
    """
    experiment = describe_experiment(request, in_process=jobs == 0)
    return run_experiment(experiment, watcher, TrainingOptions(jobs, trial_timeout))


def describe_experiment(request: SweepRequest, in_process: bool = False) -> ExperimentRequest:
    """Return a sweep as an ordinary experiment: its arrays are a file of the cache, its networks lists of layers.

    Args:
        request: the sweep.
        in_process: whether this process will train. TensorFlow must then know the number of threads before `build`
            makes the first weights.

    Raises:
        BnbenchError: an argument is wrong; a `ConfigError` has a line for each variant that is wrong.
    """
    calls = _arguments_of_build(request.variants)
    # Mistakes that need neither the arrays nor the networks are found first.
    _load(request, NO_ARRAYS, {name: {} for name in calls})
    data = {**store_arrays(request.arrays, request.data_dirs), "scale": request.scale}
    experiment = _load(request, data, {name: {} for name in calls})
    dataset = access.load_dataset(experiment.data, find_places({}, request.data_dirs))
    startup.import_tensorflow()
    if in_process:
        from bnbench.training.threads import use_threads

        use_threads(experiment.train.threads)
    networks, settings = _read_networks(request, calls, dataset)
    _log_large_values(experiment, dataset, networks.values())
    config = _join(request, data, settings, experiment.baseline)
    _log_shared(networks, experiment.baseline, dataset.facts.shape)
    return ExperimentRequest(
        config, request.overrides, request.data_dirs, request.results_dir, request.smoke, networks=networks
    )


def _arguments_of_build(variants: object) -> dict[str, Mapping[str, object]]:
    """Return the arguments of `build` by variant.

    Raises:
        ConfigError: these are no variants with arguments by name.
    """
    if variants is None:
        return {ALONE: {}}
    if not isinstance(variants, Mapping) or not variants:
        raise ConfigError(
            f"{NO_FILE}: variants", f"found {shorten(variants)}, wanted {{name: {{argument of build: value}}}}"
        )
    wrong = [
        f"{NO_FILE}: variants.{name}: found {shorten(given)}, wanted {{argument of build: value}}, {{}} for none"
        for name, given in variants.items()
        if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given)
    ]
    if wrong:
        raise ConfigError("", "\n".join(wrong))
    return {str(name): given for name, given in variants.items()}


def _load(request: SweepRequest, data: Mapping[str, object], own: Mapping[str, Mapping[str, object]]) -> Experiment:
    """Return the experiment without what the models were compiled with."""
    return load_config(_describe(request, data, {}, own), request.overrides)


def _describe(
    request: SweepRequest,
    data: Mapping[str, object],
    train: Mapping[str, object],
    own: Mapping[str, Mapping[str, object]],
) -> dict[str, object]:
    """Return the experiment as a file would have it.

    Args:
        data: its `data`.
        train: what the models were compiled with.
        own: keys of `train` that a variant does not share, for each variant.
    """
    return {
        **request.settings,
        "data": data,
        "variants": {name: _variant(name, keys) for name, keys in own.items()},
        "train": {**request.train, **train},
    }


def _variant(name: str, train: Mapping[str, object]) -> dict[str, object]:
    return {"network": network_file(name), **({"train": train} if train else {})}


def _read_networks(
    request: SweepRequest, calls: Mapping[str, Mapping[str, object]], dataset: Dataset
) -> tuple[dict[str, Network], dict[str, "CompiledSettings"]]:
    """Return the layers and the compiled settings of each variant.

    Raises:
        ConfigError: some networks cannot be used. The message has a line for each of them.
    """
    from bnbench.training.compiled_settings import Setup, read_settings
    from bnbench.training.from_keras import Call, check_build, read_model

    check_build(request.build)
    networks, settings, problems = {}, {}, []
    for name, given in calls.items():
        call = Call(request.build, name, given)
        try:
            read = read_model(call, dataset.facts.shape)
            setup = Setup(request.optimizer, request.loss, len(dataset.facts.classes), call.where)
            settings[name] = read_settings(read.model, read.network, setup)
        except ConfigError as error:
            problems.append(str(error))
        else:
            networks[name] = read.network
    if problems:
        raise ConfigError("", "\n".join(dict.fromkeys(problems)))
    for note in dict.fromkeys(note for one in settings.values() for note in one.notes):
        log.warning("%s", note)
    return networks, settings


def _join(
    request: SweepRequest, data: Mapping[str, object], settings: Mapping[str, "CompiledSettings"], baseline: str
) -> dict[str, object]:
    from bnbench.training.compiled_settings import join_settings

    shared, own = join_settings(settings, baseline)
    return _describe(request, data, shared, own)


def _log_large_values(experiment: Experiment, dataset: Dataset, networks: Iterable[Network]) -> None:
    """Say that the values of x are large, if nothing scales them in some network."""
    largest = max(float(np.abs(values).max()) for values in dataset.extremes)
    scaled = all(SCALING_LAYERS & {layer.class_name for layer in network.layers} for network in networks)
    if experiment.data.scale == "none" and largest > LARGE and not scaled:
        log.warning("x has values up to %g and is not scaled: scale='standard' does that", largest)


def _log_shared(networks: Mapping[str, Network], baseline: str, shape: tuple[int, ...]) -> None:
    """Say in how many arrays each variant starts with the values of the baseline."""
    from bnbench.training.shared_weights import count_shared, initial_weights

    weights = {name: initial_weights(one.layers, shape, one.dtype) for name, one in networks.items()}
    for name in networks:
        if name != baseline:
            counted = count_shared(networks[name].layers, weights[name], weights[baseline])
            level = logging.WARNING if counted.others else logging.INFO
            log.log(level, "%s", counted.describe(name, baseline))
