"""Sweeps over networks that a function builds, on arrays in memory."""

import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers as kl

import bnbench
from bnbench.commands.experiment import ExperimentRequest, plan_experiment
from bnbench.commands.sweep_model import SweepRequest, describe_experiment
from bnbench.data.own.in_memory import GivenArrays
from bnbench.data.types import DataDirs
from bnbench.errors import BnbenchError, ConfigError
from bnbench.planning.plan import Plan
from bnbench.training.threads import use_threads
from support.quick import use_graphs, write_no_report

# A process can set the number of threads only before TensorFlow computes.
use_threads(1)
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4)).astype(np.float32)
Y = np.arange(60) % 3
LAYERS = [{"dense": 5}, "norm", {"activation": "relu"}, {"dense": 3}]
VARIANTS: Mapping[str, Mapping[str, object]] = {"plain": {}, "batchnorm": {"norm": kl.BatchNormalization}}


def build(norm: Any = None, units: int = 5) -> keras.Model:
    # The names of Keras count on: they differ at each call.
    model = keras.Sequential([kl.Dense(units), *([norm()] if norm else []), kl.Activation("relu"), kl.Dense(3)])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def request(folder: Path, **changes: Any) -> SweepRequest:
    given: dict[str, Any] = {
        "build": build,
        "arrays": GivenArrays(X, Y),
        "variants": VARIANTS,
        "settings": {"name": "mine", "sweep": {"learning_rate": [0.1, 0.01], "seeds": 2}},
        "train": {"epochs": 1, "batch_size": 8},
        "data_dirs": DataDirs(cache_dir=folder),
        "results_dir": folder,
    }
    return SweepRequest(**{**given, **changes})


def plan_of(folder: Path, **changes: Any) -> Plan:
    return plan_experiment(describe_experiment(request(folder, **changes)))[0]


def ids(plan: Plan) -> list[str]:
    return [trial.id for trial in plan.trials]


def test_a_sweep_has_the_trials_of_the_same_experiment_in_a_file(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    np.savez(tmp_path / "own.npz", a=X, b=Y)
    config = {
        "name": "other",
        "data": {"arrays": "own.npz", "x": "a", "y": "b", "scale": "none"},
        "model": {"layers": LAYERS},
        "variants": {"plain": {"norm": "none"}, "bn": {"norm": "batch"}},
        "train": {"epochs": 1, "batch_size": 8, "optimizer": "sgd"},
        "sweep": {"learning_rate": [0.1, 0.01], "seeds": 2},
    }
    written = plan_experiment(ExperimentRequest(config, data_dirs=DataDirs(tmp_path, tmp_path)))[0]
    assert ids(plan) == ids(written)
    # All that a worker gets.
    assert build.__module__.encode() not in pickle.dumps(plan.cohorts[1].program)


def test_what_does_not_change_the_outcome_does_not_change_the_trials(tmp_path: Path) -> None:
    first = ids(plan_of(tmp_path))
    renamed = {"a": {}, "b": {"norm": kl.BatchNormalization}}
    assert ids(plan_of(tmp_path, variants=renamed)) == first
    frame = GivenArrays(pd.DataFrame(X), pd.Series(Y))
    assert ids(plan_of(tmp_path, arrays=frame)) == first
    for change in ({"train": {"epochs": 2, "batch_size": 8}}, {"arrays": GivenArrays(X + 1, Y)}, {"optimizer": "adam"}):
        assert not set(ids(plan_of(tmp_path, **change))) & set(first)


def test_a_variant_keeps_settings_of_its_own(tmp_path: Path) -> None:
    def compiled(optimizer: str) -> keras.Model:
        model = build()
        model.compile(optimizer, "sparse_categorical_crossentropy")
        return model

    plan = plan_of(tmp_path, build=compiled, variants={"sgd": {"optimizer": "sgd"}, "adam": {"optimizer": "adam"}})
    assert [cohort.program.train.optimizer.name for cohort in plan.cohorts] == ["sgd", "adam"]
    # An argument counts more.
    plan = plan_of(tmp_path, build=compiled, variants={"a": {"optimizer": "adam"}}, optimizer="rmsprop")
    assert [cohort.program.train.optimizer.name for cohort in plan.cohorts] == ["rmsprop"]


def test_without_variants_there_is_one(tmp_path: Path) -> None:
    assert [cohort.variant for cohort in plan_of(tmp_path, variants=None).cohorts] == ["model"]


def test_overrides_reach_all_other_keys(tmp_path: Path) -> None:
    overrides = {"data.split.test": 0.4, "train.warmup": 0.5}
    program = plan_of(tmp_path, overrides=overrides).cohorts[0].program
    assert program.sizes.test == 24
    assert program.train.warmup


def test_shared_weights_and_large_values_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    variants = {**VARIANTS, "wide": {"units": 6}}
    plan_of(tmp_path, variants=variants, arrays=GivenArrays(X * 100, Y))
    assert "batchnorm starts with the same values as plain in 4 of its 8 arrays" in caplog.text
    assert "wide starts with the same values as plain in 1 of its 4 arrays" in caplog.text
    assert "is not scaled: scale='standard' does that" in caplog.text
    caplog.clear()
    plan_of(tmp_path, arrays=GivenArrays(X * 100, Y), scale="standard")
    assert "scale" not in caplog.text


def never(**given: object) -> keras.Model:
    raise AssertionError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variants": {}}, "config: variants: found {}, wanted {name: {argument of build: value}}"),
        ({"variants": ["plain"]}, "config: variants: found ['plain']"),
        ({"variants": {"plain": None}}, "config: variants.plain: found None, wanted {argument of build: value}"),
        ({"train": {"epochs": 0, "batch_size": 8}}, "config: train.epochs: found 0"),
        ({"settings": {"name": "a b", "sweep": {"learning_rate": 0.1}}}, "config: name: 'a b' is no valid name"),
        ({"settings": {"name": "a", "sweep": {"learning_rate": "x"}}}, "config: sweep.learning_rate: found 'x'"),
        ({"scale": "no"}, "config: data.scale: "),
        ({"overrides": {"train.epoch": 3}}, "train.epoch=3"),
        ({"arrays": GivenArrays(X, Y[:5])}, "x: 60 rows, but 5 targets"),
        ({"arrays": GivenArrays(X, np.eye(60))}, "use y.argmax(axis=1)"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_mistakes_are_found_before_a_network_is_built(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(BnbenchError) as caught:
        describe_experiment(request(tmp_path, build=never, **changes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (3, "build: found 3, wanted a function"),
        (build(), "build: found a model (Sequential), wanted a function that makes a new one at each call"),
    ],
)
def test_what_is_no_function_is_refused(wrong: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        describe_experiment(request(tmp_path, build=wrong))
    assert message in str(caught.value)


def test_all_networks_that_are_refused_are_named_at_once(tmp_path: Path) -> None:
    variants = {"good": {}, "plain": {"norm": lambda: "layer"}, "other": {"norm": lambda: kl.Lambda(abs)}}

    def built(norm: Any = None) -> object:
        return norm() if norm and norm() == "layer" else build(norm)

    with pytest.raises(ConfigError) as caught:
        describe_experiment(request(tmp_path, build=built, variants=variants))
    first, second = str(caught.value).splitlines()
    assert first.startswith("variants.plain: built(norm=<lambda>) returned a str, wanted a Keras model")
    assert second.startswith("variants.other: ")


def test_a_sweep_is_trained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_no_report(monkeypatch)
    use_graphs(monkeypatch)
    monkeypatch.setenv("BNBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    given: dict[str, Any] = {"learning_rate": 0.1, "seeds": 1, "epochs": 1, "batch_size": 8, "name": "mine", "jobs": 0}
    results = bnbench.sweep(build, X, Y, VARIANTS, save_models="final", **given)
    assert list(results.trials["status"]) == ["completed"] * 2
    folder = results.folder
    assert {"model-plain.json", "model-batchnorm.json", "config.yaml"} <= {path.name for path in folder.iterdir()}

    # The same call, as after a restart of the kernel, and the recorded file train nothing.
    keras.utils.clear_session()
    bnbench.sweep(build, X, Y, VARIANTS, save_models="final", **given)
    bnbench.run(folder / "config.yaml", jobs=0)
    assert len(bnbench.open(folder, all_trials=True).trials) == 2

    # Other rows are other data.
    bnbench.sweep(build, np.where(X[0, 0] == X, 9, X), Y, VARIANTS, save_models="final", **given)
    assert "arrays: the data have changed since the last run" in caplog.text
    assert len(bnbench.open(folder, all_trials=True).trials) == 4
