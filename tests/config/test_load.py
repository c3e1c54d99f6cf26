import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbench.config import smoke
from bnbench.config.load import check_config, load_config
from bnbench.config.overrides import parse_overrides
from bnbench.config.schema import Experiment, LogSpaced
from bnbench.errors import ConfigError
from bnbench.planning.plan import asked_probes
from bnbench.planning.resolve import resolve_experiment
from support.examples import values
from support.paths import CONFIGS

FILES = sorted(CONFIGS.glob("**/*.yaml"))


def check(**changes: object) -> Experiment:
    return resolve_experiment(check_config(values(**changes), "tiny.yaml"), "tiny.yaml")


def test_the_small_experiment_is_read() -> None:
    experiment = check()
    assert experiment.train.epochs == 3
    assert experiment.train.optimizer.name == "sgd"
    assert experiment.train.optimizer.arguments == {"momentum": 0.9}
    assert experiment.variants["batchnorm"].norm.name == "batch"
    assert experiment.sweep.rates() == [0.01, 0.1]
    assert experiment.sweep.seed_list() == [0, 1]


def test_log_spaced_rates_include_both_ends_and_are_rounded() -> None:
    experiment = check(sweep__learning_rate={"from": 1e-3, "to": 1e3, "points": 7})
    assert experiment.sweep.rates() == [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]


def test_a_list_of_rates_is_sorted() -> None:
    assert check(sweep__learning_rate=[1, 1e-2, 0.1]).sweep.rates() == [0.01, 0.1, 1.0]


@given(st.floats(1e-9, 1e3), st.floats(1.01, 1e6), st.integers(2, 50))
def test_log_spaced_rates_ascend(start: float, factor: float, points: int) -> None:
    rates = LogSpaced.model_validate({"from": start, "to": start * factor, "points": points}).rates()
    assert len(rates) == points
    assert rates[0] == start
    assert rates[-1] == start * factor
    assert all(later > earlier for earlier, later in pairwise(rates))


def test_an_optimizer_can_be_named_in_three_equal_ways() -> None:
    ways = ["adam", {"adam": None}, {"name": "adam"}]
    assert len({check(train__optimizer=way).train.optimizer.name for way in ways}) == 1
    assert check(train__optimizer={"adam": {"beta_1": 0.8}}) == check(train__optimizer={"name": "adam", "beta_1": 0.8})


def test_a_named_loss_takes_logits_unless_the_config_says_otherwise() -> None:
    assert check(train__loss="sparse_categorical_crossentropy") == check()
    assert check(train__loss="categorical_crossentropy").train.loss.arguments == {"from_logits": True}
    explicit = check(train__loss={"categorical_crossentropy": {"from_logits": False}})
    assert explicit.train.loss.arguments == {"from_logits": False}
    assert check(train__loss="mse").train.loss.arguments == {}


def test_a_variant_may_be_named_by_a_number() -> None:
    assert list(check(variants={200: {"norm": "none"}}).variants) == ["200"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train__epoch", 5, "train.epoch: unknown key (did you mean 'epochs'?)"),
        ("train__(word)", 5, "train.(word): unknown key; known here: epochs"),
        ("[key]", 5, "tiny.yaml: [key]: unknown key; known here: name"),
        ("(0", 5, "tiny.yaml: (0: unknown key; known here: name"),
        ("variants__plain__nrm", "batch", "variants.plain.nrm: unknown key (did you mean 'norm'?)"),
        ("data__splt", {}, "data.splt: unknown key (did you mean 'split'?)"),
        ("data__split__validate", 0.1, "data.split.validate: unknown key (did you mean 'validation'?)"),
        ("sweep__learning_rate", {"from": 1, "to": 2, "point": 3}, "unknown key (did you mean 'points'?)"),
        ("trian", {}, "tiny.yaml: trian: unknown key (did you mean 'train'?)"),
        ("variants__plain__norm", "batchh", "'batchh' is not one of none, batch, layer, group, rms"),
        ("variants__plain__norm", "batchh", "(did you mean 'batch'?)"),
        ("data__name", "leaff", "'leaff' is not one of"),
        ("data__scale", "unti", "(did you mean 'unit'?)"),
        ("train__optimizer", "sdg", "train.optimizer: 'sdg' is no optimizer of Keras (did you mean 'sgd'?)"),
        ("train__optimizer", {"name": "sgd", "learning_rate": 1}, "the learning rate is swept"),
        ("train__optimizer", {"name": "sgd", "momentun": 1}, "(did you mean 'momentum'?)"),
        ("train__schedule", {"cosine": {"decay_stepz": 1}}, "(did you mean 'decay_steps'?)"),
        ("train__schedule", {"cosine": {}}, "CosineDecay needs decay_steps"),
        (
            "train__schedule",
            {"cosine": {"decay_steps": 1, "initial_learning_rate": 1}},
            "factor of the swept",
        ),
        ("train__loss", "cross_entropy", "is no loss of Keras"),
        ("train__callbacks", ["lambda_callback"], "train.callbacks[0]: 'lambda_callback' cannot be used"),
        (
            "train__callbacks",
            [{"model_checkpoint": {"filepath": "elsewhere.keras"}}],
            "files go under the results folder",
        ),
        ("train__optimizer", {"adam": {"use_ema": True}}, "averaged weights"),
        ("train__callbacks", [{"early_stopping": {"monitor": "val_los"}}], "(did you mean 'val_loss'?)"),
        ("train__callbacks", [{"early_stopping": {"mode": "sideways"}}], "'sideways' is not one of auto, min, max"),
        ("train__optimizer", {"sgd": {"momentum": "0.9"}}, "train.optimizer.momentum: found '0.9', wanted a number"),
        ("train__optimizer", {"adam": {"epsilon": math.inf}}, "train.optimizer.adam.epsilon: found inf"),
        ("train__optimizer", {"sgd": 5}, "sgd: found 5, wanted a mapping of its arguments"),
        (
            "train__optimizer",
            {"sgd": {"name": "adam"}},
            "train.optimizer.sgd.name: found 'adam', but the name is already",
        ),
        ("train__loss", {"mse": {"name": "mse"}}, "train.loss.mse.name: found 'mse', but the name is already 'mse'"),
        ("train__callbacks", [{"early_stopping": {"name": 1}}], "train.callbacks[0].early_stopping.name: found 1, but"),
        (
            "variants__plain__norm",
            {"batch": {"name": "bn"}},
            "variants.plain.norm.batch.name: found 'bn', but the name",
        ),
        ("baseline", 0, "baseline: found 0, wanted text"),
        ("baseline", False, "baseline: found False, wanted text"),
        ("baseline", [], "baseline: found [], wanted text"),
        ("baseline", {}, "baseline: found {}, wanted text"),
        ("train__loss", "poisson", "cannot be used in a config: wanted one of binary_crossentropy"),
        ("variants__plain__norm", {"none": {"momentum": 1}}, "none takes no arguments"),
        ("variants__plain__norm", {"batch": 5}, "batch: found 5, wanted a mapping of its arguments"),
        ("sweep__learning_rate", [1e-60], "1e-60 is no learning rate, wanted 1.2e-38 to 3.4e+38"),
        ("sweep__seeds", {}, "found {}, wanted a number or a list"),
        ("sweep__learning_rate", {"start": 1, "to": 2, "points": 3}, "sweep.learning_rate.start: unknown key"),
        ("train__epochs", 0, "train.epochs: found 0, wanted at least 1"),
        ("train__epochs", "5", "train.epochs: found '5', wanted a whole number"),
        ("train__epochs", True, "train.epochs: found True, wanted a whole number"),
        ("train__epochs", 1.5, "wanted a whole number"),
        ("train__epochs", None, "wanted a whole number"),
        ("train__batch_size", "half", "'half' is neither a number nor 'full'"),
        ("train__batch_size", -1, "found -1, wanted at least 1"),
        ("train", 5, "train: found 5, wanted a mapping"),
        ("variants", {}, "variants: found {}, wanted at least one entry"),
        ("variants", ["plain"], "variants: found ['plain'], wanted a mapping"),
        ("model__layers", [], "model.layers: found [], wanted at least one entry"),
        ("name", "../../etc", "is no valid name"),
        ("name", "", "is no valid name"),
        ("name", ".hidden", "is no valid name"),
        ("name", 5, "name: found 5, wanted text"),
        ("sweep__learning_rate", [], "found an empty list, wanted at least one"),
        ("sweep__learning_rate", [0.1, -1], "-1.0 is no learning rate"),
        ("sweep__learning_rate", [0], "0.0 is no learning rate"),
        ("sweep__learning_rate", [math.nan], "wanted a finite number"),
        ("sweep__learning_rate", [math.inf], "wanted a finite number"),
        ("sweep__learning_rate", ["fast"], "found 'fast', wanted a number"),
        ("sweep__learning_rate", "1e-3 to 1", "wanted {from: 1.0e-3"),
        ("sweep__learning_rate", [0.1, 0.1], "sweep.learning_rate: found 0.1 twice"),
        ("sweep__learning_rate", {"from": 1, "to": 0.1, "points": 3}, "wanted from < to"),
        ("sweep__seeds", 5000, "found 5000, wanted at most 1000"),
        ("sweep__seeds", 0, "found 0, wanted at least 1"),
        ("sweep__seeds", [], "sweep.seeds: found no value"),
        ("sweep__seeds", [1, 1], "sweep.seeds: found 1 twice"),
        ("sweep__seeds", [-1], "found -1"),
        ("sweep__seeds", "many", "found 'many'"),
        ("sweep__grid", {"train.batch_size": []}, "sweep.grid.train.batch_size: found no value"),
        ("data__split__validation", 1.5, "found 1.5, wanted less than 1"),
        ("data__split__validation", "train", "'train' is neither a number nor 'test'"),
        ("data__limit", 0, "found 0, wanted at least 1"),
        ("title", "\x1b[2J", r"title: found '\x1b[2J': wanted characters that can be printed"),
        ("title", "\0", "wanted characters that can be printed"),
        ("title", "\ud800", "wanted characters that can be printed"),
        ("model__params", {"a\x1b": 1}, "model.params: found 'a\\x1b': wanted characters"),
        ("title", "x" * 2001, "2,001 characters, wanted at most 2,000"),
        ("train__epochs", 2**63, "train.epochs: found a whole number of 64 bits, wanted at most 63"),
        ("train__optimizer", {"sgd": {"momentum": 10**4000}}, "train.optimizer.sgd.momentum: found a whole number of"),
        ("sweep__seeds", list(range(1001)), "sweep.seeds: found 1,001 values, wanted at most 1,000"),
        ("sweep__grid", {"train.epochs": list(range(1, 1002))}, "sweep.grid.train.epochs: found 1,001 values"),
        ("train__optimizer", {"sgd": {"momentum": True}}, "found True, wanted a number"),
        ("train__optimizer", {"sgd": {"nesterov": [True]}}, "found [True], wanted true or false"),
        ("train__schedule", {"piecewise_constant": {"boundaries": "ab", "values": [1]}}, "found 'ab', wanted a list"),
        ("train__callbacks", [{"early_stopping": {"patience": {"x": 1}}}], "patience: found {'x': 1}, wanted a whole"),
        ("train__dtype", "mixed_float16", "train.dtype: 'mixed_float16' is not possible: weights and computation have"),
        ("train__dtype", "bfloat16", "'bfloat16' is not possible: weights and computation have one type, float32"),
        ("train__dtype", "half", "'half' is not possible"),
        ("train__dtype", "double", "'double' is not one of float32, float64 (did you mean 'float64'?)"),
        ("train__dtype", "flot32", "'flot32' is not one of float32, float64 (did you mean 'float32'?)"),
        ("train__dtype", 16, "16 is not one of float32, float64"),
        ("train__optimizer", {"sgd": {}, "adam": {}}, "train.optimizer: wanted one optimizer, a name or {name: {"),
        (
            "train__optimizer",
            {},
            "train.optimizer: wanted one optimizer, a name or {name: {its arguments}}, found none",
        ),
        (
            "train__schedule",
            {"cosine": {}, "inverse_time": {}},
            "one schedule, a name or {name: {its arguments}}, found 2",
        ),
        ("train__loss", {"mse": None, "huber": None}, "found 2: mse, huber"),
        ("train__callbacks", [{"tensorboard": {}, "early_stopping": {}}], "callbacks[0]: wanted one callback, a name"),
        ("variants__plain__norm", {"batch": {"momentum": 0.9}, "layer": {}}, "wanted one norm, a name or {name: {its"),
        ("train__lr", 0.1, "train.lr: the learning rate is swept: set sweep.learning_rate"),
        ("train__learning_rate", 0.1, "train.learning_rate: the learning rate is swept: set sweep.learning_rate"),
        ("learning_rate", 0.1, "learning_rate: the learning rate is swept: set sweep.learning_rate"),
    ],
)
def test_a_mistake_is_reported_with_its_place_and_what_was_wanted(key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(**{key: value})
    assert message in str(caught.value)
    assert str(caught.value).startswith("tiny.yaml: ")


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        check(train__epochs=0, train__batch_size="x", sweep__seeds=0)
    assert len(str(caught.value).splitlines()) == 3


def test_all_unknown_names_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        check(data__name="leaff", variants__plain__norm="batchh", train__loss="x", train__optimizer="sdg")
    assert [line.rpartition(": ")[0].split(": '")[0] for line in str(caught.value).splitlines()] == [
        "tiny.yaml: data.name",
        "tiny.yaml: variants.plain.norm",
        "tiny.yaml: train.optimizer",
        "tiny.yaml: train.loss",
    ]


def test_only_the_first_of_very_many_mistakes_are_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        check(sweep__learning_rate=["x"] * 500)
    assert len(str(caught.value).splitlines()) == 21
    assert str(caught.value).endswith("and 480 more")


@pytest.mark.parametrize("place", ["title", "model__params__x", "sweep__grid"])
def test_very_deep_values_are_refused(place: str) -> None:
    deep: object = 1
    for _ in range(300):
        deep = {"a": deep} if place == "sweep__grid" else [deep]
    with pytest.raises(ConfigError, match="more than 50 lists and mappings inside one another"):
        check(**{place: deep})


def test_a_missing_key_is_named() -> None:
    broken = values()
    del broken["train"]["epochs"], broken["model"]
    with pytest.raises(ConfigError) as caught:
        check_config(broken, "tiny.yaml")
    assert str(caught.value).splitlines() == ["tiny.yaml: model: missing", "tiny.yaml: train.epochs: missing"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_experiment_is_read_back_unchanged(path: Path) -> None:
    experiment = load_config(path)
    assert check_config(yaml.safe_load(experiment.to_yaml()), "again") == experiment


@given(
    st.fixed_dictionaries(
        {
            "train__epochs": st.integers(1, 10**6),
            "train__batch_size": st.just("full") | st.integers(1, 10**9),
            "train__steps_per_epoch": st.none() | st.integers(1, 10**9),
            "title": st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=50),
            "sweep__seeds": st.integers(1, 1000)
            | st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=5, unique=True),
            "sweep__learning_rate": st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=5, unique=True),
            "data__split__validation": st.just("test") | st.floats(0.001, 0.999),
        }
    )
)
@settings(max_examples=50)
def test_dumping_and_reading_is_the_identity(changes: dict[str, object]) -> None:
    experiment = check(**changes)
    assert check_config(experiment.dump(), "again") == experiment


def test_overrides_reach_every_depth(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(values()), encoding="utf-8")
    experiment = load_config(path, parse_overrides(["train.epochs=7", "data.split.validation=test", "title=x"]))
    assert (experiment.train.epochs, experiment.data.split.validation, experiment.title) == (7, "test", "x")
    with pytest.raises(ConfigError, match="'epochs' holds a number, so it has no key 'x'"):
        load_config(path, {"train.epochs.x": 1})


def test_a_dict_is_the_same_experiment_as_its_file(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(values()), encoding="utf-8")
    from_file = load_config(path, {"train.epochs": 7})
    assert load_config(values(), {"train.epochs": np.int64(7)}) == from_file
    assert load_config(from_file) == from_file
    assert load_config(from_file, {"train.epochs": 3}) == load_config(path)


def test_a_dict_of_python_values_is_the_same_experiment_as_one_of_plain_values() -> None:
    pythonic = values(sweep__learning_rate=np.array([0.01, 0.1]), sweep__seeds=range(2), train__batch_size=np.int32(8))
    assert load_config(pythonic).to_yaml() == load_config(values(sweep__seeds=[0, 1])).to_yaml()


def test_mistakes_in_a_dict_are_all_listed_by_their_keys() -> None:
    wrong = values(train__epochs=0, variants__plain__normm="none", sweep__seeds=np.float64(1.5))
    with pytest.raises(ConfigError) as caught:
        load_config(wrong, {"train.batch_size": "half"})
    assert [line.partition(", ")[0].partition(" (")[0] for line in str(caught.value).splitlines()] == [
        "config: variants.plain.normm: unknown key",
        "config: train.epochs: found 0",
        "-o train.batch_size=half: 'half' is neither a number nor 'full'",
        "config: sweep.seeds: found 1.5",
    ]


@pytest.mark.parametrize(("config", "found"), [(None, "None"), (5, "5"), ([values()], "[{'name': 'tiny'")])
def test_what_is_no_experiment_is_refused(config: Any, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config)
    assert str(caught.value).startswith(f"config: found {found}")
    assert "wanted the path of an experiment file or a mapping" in str(caught.value)


def test_a_smoke_run_looks_once_at_most() -> None:
    probes = [{"sharpness": {"looks": 10}}, "predictiveness", {"line_search": {"looks": 0}}, "first_steps"]
    cut = smoke.cut_to_smoke(check_config(values(probes=probes), "tiny.yaml"))
    assert dict(asked_probes(cut)) == {"sharpness": 1, "predictiveness": 1, "line_search": 0, "first_steps": 0}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_smoke_cuts_to_seconds(path: Path) -> None:
    full = load_config(path)
    cut = smoke.cut_to_smoke(full)
    assert cut.name == f"{full.name}-smoke"
    assert cut.train.epochs * (cut.train.steps_per_epoch or 0) <= 8
    assert len(cut.sweep.rates()) <= 3
    assert cut.sweep.seed_list() == [0]
    assert list(cut.variants) == list(full.variants)
