"""A trial on functions that another program compiled has the same bits as on functions of its own.

What may differ between programs that share functions is the allow-list of `planning/compile_key.py`. Every key of the
schema is tried here: either it changes the compile key, or trials are equal bit by bit, in the order A, B, A.
"""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnbench.config.schema import Data, Split, Train
from bnbench.planning.compile_key import compile_key
from bnbench.planning.plan import Cohort, Program
from bnbench.planning.trial import Result, Saving
from bnbench.training import loop
from bnbench.training.check import check_program
from bnbench.training.check_rows import handful_of_rows
from bnbench.training.compiled_programs import CompiledPrograms
from bnbench.training.threads import use_threads
from support.examples import dataset
from support.small_trials import IMAGES, cohorts, values_of

HE = [
    {"dense": {"units": "$units", "kernel_initializer": "he_normal", "bias_initializer": "ones"}},
    "norm",
    {"activation": "relu"},
    {"dense": "$classes"},
]
NORM = {
    "batch": {"momentum": 0.9, "gamma_initializer": {"constant": {"value": 0.5}}, "moving_mean_initializer": "ones"}
}
# Settings that no function contains, by a name: two values each.
RESET: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "train.epochs": ({"train__epochs": 2}, {"train__epochs": 3}),
    "train.callbacks": (
        {"train__callbacks": [{"early_stopping": {"monitor": "val_loss", "patience": 0}}]},
        {"train__callbacks": [{"reduce_lr_on_plateau": {"factor": 0.1, "patience": 0}}]},
    ),
    "train.stop_failed": ({"train__stop_failed": 1}, {"train__stop_failed": 2}),
    "train.pre_activations": ({"train__pre_activations": False}, {"train__pre_activations": True}),
    "initializers": ({}, {"model__layers": HE}),
    "initializers of a norm": ({}, {"variants__batchnorm__norm": NORM}),
    "data.split.stratify": ({"data__split__stratify": True}, {"data__split__stratify": False}),
    "data.split.order": ({"data__split__order": "random"}, {"data__split__order": "file"}),
}
# Other values of all other keys of `train` and `data`, which need other functions.
COMPILED: dict[str, dict[str, Any]] = {
    "train.batch_size": {"train__batch_size": 9},
    "train.steps_per_epoch": {"train__steps_per_epoch": 2},
    "train.optimizer": {"train__optimizer": {"name": "sgd", "momentum": 0.8}},
    "train.warmup": {"train__warmup": 0.5},
    "train.schedule": {"train__schedule": {"cosine": {"decay_steps": 9}}},
    "train.loss": {"train__loss": {"sparse_categorical_crossentropy": {"from_logits": True, "ignore_class": 1}}},
    "train.class_weight": {"train__class_weight": "balanced"},
    "train.on_divergence": {"train__on_divergence": "continue"},
    "train.dtype": {"train__dtype": "float64"},
    "train.engine": {"train__engine": "xla"},
    "train.threads": {"train__threads": 2},
    "data.split.validation": {"data__split__validation": 0.3},
    "data.split.test": {"data__split__test": 0.3},
    "data.scale": {"data__scale": "none"},
    "data.shift_test": {"data__shift_test": {"brightness": 0.2}},
    "data.limit": {"data__limit": 12},
    "model.layers": {"model__params__units": 7},
}
IMAGE_LAYERS = ["flatten", {"dense": "$units"}, "norm", {"activation": "relu"}, {"dense": "$classes"}]
# Keys that belong to reading data, which the fingerprint stands for, or that the made-up rows cannot have.
ELSEWHERE = {"name", "classes", "unit", "duplicates", "target_scale"}


def trained(cohort: Cohort, programs: CompiledPrograms) -> list[Result]:
    rows = dataset(cohort.program.facts)
    nowhere, ignore = Saving(Path("unused")), lambda trial, epoch: None
    return list(loop.train_trials(cohort.program, list(cohort.trials)[:3], rows, nowhere, ignore, programs))


def bits(results: list[Result]) -> list[Any]:
    assert not [result.fault for result in results if result.fault]
    return [
        (values_of(one), one.fitted, one.bn_mode_gap, one.probe, one.pre_activations, measured(one)) for one in results
    ]


def measured(result: Result) -> list[list[Any]]:
    return [
        [value.tobytes() if isinstance(value, np.ndarray) else value for value in vars(series).values()]
        for series in result.measurements
    ]


# By program: what several tests compare with, or train on. To compile takes nearly all time of these tests.
_own_bits: dict[str, list[Any]] = {}
_compiled_from: dict[str, CompiledPrograms] = {}


def own_bits(cohort: Cohort) -> list[Any]:
    """Train on functions that only this program has used, once for all tests."""
    key = cohort.program.key
    if key not in _own_bits:
        _own_bits[key] = bits(trained(cohort, CompiledPrograms()))
    return _own_bits[key]


def compiled_from(program: Program) -> CompiledPrograms:
    """Compile the functions of a program, once for all tests, whatever other programs use them later."""
    programs = _compiled_from.setdefault(program.key, CompiledPrograms())
    programs.get(program, dataset(program.facts))
    return programs


def check_reuse(first: Cohort, second: Cohort) -> None:
    """Train A, B and A on the functions of A, and each on its own; all bits must be equal."""
    assert compile_key(first.program) == compile_key(second.program)
    assert first.program.key != second.program.key
    use_threads(first.program.train.threads)
    shared = compiled_from(first.program)
    kept = shared.get(first.program, dataset(first.program.facts))
    for cohort in (first, second, first):
        assert bits(trained(cohort, shared)) == own_bits(cohort)
    assert shared.get(first.program, dataset(first.program.facts)) is kept


# XLA, which takes four times as long to compile, gets a setting of each kind: what a step does, weights and rows.
WITH_XLA = ("train.pre_activations", "initializers", "data.split.stratify")


@pytest.mark.parametrize(
    ("name", "engine"), [*((name, "graph") for name in RESET), *((name, "xla") for name in WITH_XLA)]
)
def test_a_setting_that_is_reset_has_the_same_bits_on_shared_functions(name: str, engine: str) -> None:
    one, other = (cohorts(**{**changes, "train__engine": engine})[1] for changes in RESET[name])
    check_reuse(one, other)


PAIRED = ("train.epochs", "train.pre_activations", "initializers", "data.split.order")


@pytest.mark.parametrize("pair", list(combinations(PAIRED, 2)), ids="+".join)
def test_pairs_of_such_settings_have_the_same_bits(pair: tuple[str, str]) -> None:
    values = [{**RESET[pair[0]][i], **RESET[pair[1]][i]} for i in range(2)]
    check_reuse(*(cohorts(**changes)[1] for changes in values))


@pytest.mark.parametrize("name", COMPILED)
def test_any_other_setting_needs_other_functions(name: str) -> None:
    changes = COMPILED[name]
    images = {"model__layers": IMAGE_LAYERS, "data__scale": "unit"} if name == "data.shift_test" else {}
    shape = IMAGES if images else (5,)
    before, after = cohorts(shape, **images), cohorts(shape, **images, **changes)
    for one, other in zip(before, after, strict=True):
        assert compile_key(one.program) != compile_key(other.program)


def test_every_key_is_tried() -> None:
    named = {name.split(".")[1] for name in (*RESET, *COMPILED) if name.startswith("train.")}
    assert named == set(Train.model_fields)
    named = {name.split(".")[1] for name in (*RESET, *COMPILED) if name.startswith("data.")}
    own = set(Data.model_fields) - set(Data.__base__.model_fields)
    assert named | ELSEWHERE >= own
    named = {name.split(".")[2] for name in (*RESET, *COMPILED) if name.startswith("data.split.")}
    assert named == set(Split.model_fields)


def test_variants_need_other_functions() -> None:
    plain, batchnorm = cohorts()
    assert compile_key(plain.program) != compile_key(batchnorm.program)


@pytest.mark.parametrize("changes", [{"save_models": "final"}, {"train__callbacks": ["early_stopping"]}])
def test_initializers_count_where_a_model_may_be_saved_with_them(changes: dict[str, Any]) -> None:
    one, other = cohorts(**changes)[1], cohorts(**changes, model__layers=HE)[1]
    assert compile_key(one.program) != compile_key(other.program)


LAYERS_WITH_STATE = [
    {"gaussian_noise": 0.1},
    {"dense": {"units": "$units", "kernel_regularizer": {"l2": 0.01}}},
    "norm",
    {"activation": "relu"},
    {"dropout": 0.3},
    {"dense": "$classes"},
]


def checked_programs(*checked: Cohort) -> CompiledPrograms:
    """Check cohorts as a worker does before the first trial; return what it keeps."""
    programs = CompiledPrograms()
    for cohort in checked:
        rows = handful_of_rows(dataset(cohort.program.facts))
        programs.keep(cohort.program, check_program(cohort.program, rows, programs.checked(cohort.program)))
    return programs


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"train__engine": "xla"},
        {"model__layers": LAYERS_WITH_STATE},
        {"train__optimizer": "adam", "train__warmup": 0.5, "train__schedule": {"cosine": {"decay_steps": 9}}},
        {"train__optimizer": {"name": "sgd", "gradient_accumulation_steps": 3}},
        {"train__callbacks": [{"early_stopping": {"restore_best_weights": True, "patience": 0}}]},
        {"train__class_weight": "balanced", "train__on_divergence": "continue"},
    ],
    ids=str,
)
def test_a_trial_on_the_model_that_was_checked_has_the_same_bits(changes: dict[str, Any]) -> None:
    cohort = cohorts(**changes)[1]
    use_threads(cohort.program.train.threads)
    assert bits(trained(cohort, checked_programs(cohort))) == own_bits(cohort)


def test_a_trial_on_a_model_that_was_checked_with_other_initializers_has_the_same_bits() -> None:
    first, second = cohorts()[1], cohorts(model__layers=HE)[1]
    use_threads(first.program.train.threads)
    programs = checked_programs(first, second)
    kept = programs.checked(first.program)
    for cohort in (first, second):
        assert bits(trained(cohort, programs)) == own_bits(cohort)
    assert programs.get(first.program, dataset(first.program.facts)) is kept


def test_only_the_last_program_is_kept() -> None:
    plain, batchnorm = cohorts()
    use_threads(plain.program.train.threads)
    programs = CompiledPrograms()
    rows = dataset(plain.program.facts)
    first = programs.get(plain.program, rows)
    assert programs.get(batchnorm.program, rows) is not first
    assert programs.get(plain.program, rows) is not first
