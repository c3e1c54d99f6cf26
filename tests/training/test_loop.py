import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.data.splits import apply_scaling
from bnbench.errors import BnbenchError, ConfigError
from bnbench.model import catalog
from bnbench.model.layer_table import LayerRecord
from bnbench.planning.plan import Cohort, Program, Trial
from bnbench.planning.trial import Epoch, Result, Saving
from bnbench.training import loop
from bnbench.training.builder import build_model
from bnbench.training.check import check_program
from bnbench.training.check_rows import handful_of_rows
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.loop import first_jump
from bnbench.training.seed_state import row_chunks
from bnbench.training.threads import use_threads
from support.equality import optimizer_names
from support.examples import dataset, facts, make_plan

DENSE = [
    {"dense": {"units": 6, "kernel_regularizer": {"l2": 1e-2}}},
    "norm",
    {"activation": "tanh"},
    {"dense": "$classes"},
]
CONVOLUTION = [
    {"conv2d": {"filters": 3, "kernel_size": 3, "kernel_regularizer": {"l2": 1e-2}}},
    "norm",
    {"activation": "relu"},
    {"max_pooling2d": 2},
    "flatten",
    {"dense": "$classes"},
]
IMAGES = (6, 6, 1)
UNSAVED = Saving(Path("unused"))
# A batch size that divides the 45 training rows, so there is no shorter last step to compile.
EVEN = 15
# A bias in front of batch normalization has no effect: its gradient is rounding noise, which Adam scales up.
NOISE = 1e-9


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def cohorts(shape: tuple[int, ...] = (5,), **changes: Any) -> tuple[Cohort, ...]:
    """Return the cohorts of the small experiment with the engine `graph`: XLA takes four times as long to compile.

    Tests of XLA set `train__engine="auto"`.
    """
    return make_plan(facts(shape), **({"train__engine": "graph"} | changes)).cohorts


def compiled_program(cohort: Cohort) -> CompiledProgram:
    return CompiledProgram(cohort.program, dataset(cohort.program.facts))


def check(program: Program) -> None:
    check_program(program, handful_of_rows(dataset(program.facts)))


def trained(compiled: CompiledProgram, trial: Trial, saving: Saving = UNSAVED) -> Result:
    return loop._train(compiled, trial, saving, lambda trial, epoch: None)


@pytest.fixture
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile nothing, for tests that read the variables of a program but do not run it."""
    monkeypatch.setattr(CompiledProgram, "warm_up", lambda self: None)


def evaluated(model: keras.Model, x: Any, y: Any, **arguments: Any) -> list[float]:
    """Return loss and accuracy from Keras' own `evaluate`, run eagerly because it is called only once."""
    model.compile(loss=model.loss, metrics=["accuracy"], run_eagerly=True)
    return list(model.evaluate(x, y, verbose=0, **arguments))


def results(cohort: Cohort, folder: Path = Path("unused"), models: str = "none") -> list[Result]:
    rows = dataset(cohort.program.facts)
    return list(
        loop.train_trials(cohort.program, cohort.trials, rows, Saving(folder, models), lambda trial, epoch: None)
    )


def values_of(result: Result) -> tuple[Any, ...]:
    """Return everything in a result except its times and its worker."""
    epochs = tuple(replace(epoch, seconds=0.0) for epoch in result.epochs)
    return (epochs, result.step_losses.tobytes(), result.divergence, result.test, result.best_epoch, result.best_test)


def fit(compiled: CompiledProgram, trial: Trial) -> tuple[list[Epoch], list[Any], keras.Model]:
    """Train the same trial with `model.fit`: the same rows in the same order, one epoch per call."""
    program, data = compiled.program, compiled.dataset
    start = compiled.start(trial.seed)
    x, y = apply_scaling(start.scaling, data.x), data.y
    model = build_model(program.layers, program.facts.shape, "float64", trial.seed)
    rate: Any = trial.learning_rate
    if program.train.schedule:
        kind = catalog.resolve_class("schedules", program.train.schedule.name, "")
        # Keras would turn a Python number into a float32.
        start_rate = keras.ops.convert_to_tensor(rate, "float64")
        rate = getattr(keras.optimizers.schedules, kind)(start_rate, **program.train.schedule.arguments)
    kind = catalog.resolve_class("optimizers", program.train.optimizer.name, "")
    optimizer = getattr(keras.optimizers, kind)(learning_rate=rate, **program.train.optimizer.arguments)
    # A `fit` that compiles builds the optimizer while it is traced. ScheduleFreeAdamW then loses the copies of the
    # weights with which it starts (docs/decisions/0049).
    optimizer.build(model.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=False)
    validation = (x[start.parts.validation], y[start.parts.validation])
    history = []
    for number, order in enumerate(loop._orders(program, start.parts.train, trial.seed), start=1):
        logs = model.fit(
            x[order], y[order], batch_size=program.batch_size, shuffle=False, verbose=0, validation_data=validation
        ).history
        steps = number * program.steps_per_epoch
        scores = (logs[name][0] for name in ("loss", "accuracy", "val_loss", "val_accuracy"))
        history.append(Epoch(number, steps, *scores, 0.0))
    test = model.evaluate(x[start.parts.test], y[start.parts.test], verbose=0)
    return history, test, model


SGD = {"name": "sgd", "momentum": 0.9, "nesterov": True}
INVERSE_TIME = {"inverse_time": {"decay_steps": 1, "decay_rate": 0.05}}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("variant", ["plain", "batchnorm"])
@pytest.mark.parametrize(
    ("shape", "changes"),
    [
        ((5,), {"model": {"layers": DENSE}, "train__optimizer": SGD}),
        ((5,), {"model": {"layers": DENSE}, "train__optimizer": SGD, "train__schedule": INVERSE_TIME}),
        ((5,), {"model": {"layers": DENSE}, "train__optimizer": "adam"}),
        ((5,), {"model": {"layers": DENSE}, "train__optimizer": "rmsprop"}),
        ((5,), {"model": {"layers": DENSE}, "train__optimizer": "schedule_free_adam_w"}),
        ((5,), {"model": {"layers": DENSE}, "train__optimizer": "rmsprop", "train__engine": "graph"}),
        ((5,), {"model": {"layers": DENSE}, "train__optimizer": SGD, "train__batch_size": "full"}),
        (IMAGES, {"model": {"layers": CONVOLUTION}, "train__optimizer": SGD, "train__schedule": INVERSE_TIME}),
        (IMAGES, {"model": {"layers": CONVOLUTION}, "train__optimizer": "adam"}),
        (IMAGES, {"model": {"layers": CONVOLUTION}, "train__optimizer": "rmsprop"}),
    ],
    ids=str,
)
def test_in_float64_the_loop_equals_fit(shape: tuple[int, ...], changes: dict[str, Any], variant: str) -> None:
    changes = {"train__engine": "auto", "train__dtype": "float64", "train__epochs": 4} | changes
    cohort = next(c for c in cohorts(shape, **changes) if c.variant == variant)
    trial, compiled = cohort.trials[-1], compiled_program(cohort)
    history, test, model = fit(compiled, trial)
    result = trained(compiled, trial)
    assert len(result.epochs) == 5
    for ours, theirs in zip(result.epochs[1:], history, strict=True):
        assert ours.step == theirs.step
        for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-7), name
    assert (result.test.loss, result.test.accuracy) == pytest.approx(test, rel=1e-7)
    # Otherwise the model has the weights of the best epoch.
    if result.best_epoch == 4:
        for our, their in zip(compiled.model.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(our, their, rtol=1e-7, atol=NOISE)


@pytest.mark.usefixtures("float64")
def test_weights_equal_those_of_fit() -> None:
    for cohort in cohorts(train__engine="auto", train__dtype="float64", train__epochs=3, train__optimizer="adam"):
        trial, compiled = cohort.trials[0], compiled_program(cohort)
        _, _, model = fit(compiled, trial)
        start = compiled.start(trial.seed)
        compiled.reset(start, trial.learning_rate)
        for order in loop._orders(cohort.program, start.parts.train, trial.seed):
            compiled.train_epoch(order)
        for our, their in zip(compiled.model.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(our, their, rtol=1e-7, atol=NOISE)


def test_a_trial_has_the_same_bits_alone_in_a_sweep_and_in_another_order() -> None:
    layers = [{"dense": 8}, "norm", {"activation": "relu"}, {"dropout": 0.3}, {"dense": "$classes"}]
    for cohort in cohorts(model={"layers": layers}, train__optimizer="adam"):
        there_and_back = results(replace(cohort, trials=[*cohort.trials, *cohort.trials[::-1]]))
        together = {r.trial: values_of(r) for r in there_and_back[: len(cohort.trials)]}
        turned = {r.trial: values_of(r) for r in there_and_back[len(cohort.trials) :]}
        assert together == turned
        alone = results(replace(cohort, trials=cohort.trials[2:3]))[0]
        assert values_of(alone) == together[alone.trial]
        assert len(set(together.values())) == len(cohort.trials)


def test_a_diverged_trial_leaves_no_trace_in_the_next() -> None:
    cohort = cohorts(sweep__learning_rate=[0.05, 1e30], sweep__seeds=1)[1]
    first, wild = cohort.trials
    alone, _, after = results(replace(cohort, trials=(first, wild, first)))
    assert after.trial == first.id
    assert values_of(after) == values_of(alone)


@pytest.mark.usefixtures("untraced")
def test_variants_start_from_the_same_kernels_and_see_the_same_rows() -> None:
    variants = {"plain": {}, "batchnorm": {"norm": "batch"}, "after": {"norm": "layer", "norm_position": "after"}}
    starts, firsts = [], []
    for cohort in cohorts(variants=variants):
        start = compiled_program(cohort).start(1)
        model = build_model(cohort.program.layers, (5,), "float32", seed=1)
        starts.append({layer.name: layer.get_weights() for layer in model.layers if layer.name.startswith("dense")})
        firsts.append([next(loop._orders(cohort.program, start.parts.train, 1)).tolist(), start.parts.test.tolist()])
    for other, rows in zip(starts[1:], firsts[1:], strict=True):
        assert rows == firsts[0]
        for name, weights in starts[0].items():
            for ours, theirs in zip(weights, other[name], strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_dropout_draws_from_the_trials_seed() -> None:
    layers = [{"dense": 8}, "norm", {"dropout": 0.5}, {"dense": "$classes"}]
    cohort = cohorts(model={"layers": layers}, sweep__learning_rate=[1e-12])[0]
    first, second = (r.step_losses[:6] for r in results(cohort))
    # The weights hardly change, so the losses differ only by the rows and the dropped units.
    assert len(set(first.tolist())) == 6
    assert not np.array_equal(first, second)


RATES = [10.0, 1000.0, 1e6, 1e30]


@pytest.fixture(scope="module")
def at_high_rates() -> list[Result]:
    found = cohorts(train__engine="auto", sweep__learning_rate=RATES, sweep__seeds=1, train__epochs=20)
    return [result for cohort in found for result in results(cohort)]


@pytest.mark.parametrize("rate", RATES)
def test_any_rate_ends_in_a_result(at_high_rates: list[Result], rate: float) -> None:
    first = RATES.index(rate)
    for result in at_high_rates[first :: len(RATES)]:
        assert result.status in {"completed", "diverged"}
        assert result.epochs[0].validation_loss is not None


def test_a_loss_that_is_not_finite_ends_the_trial_at_its_step() -> None:
    layers = [{"dense": 6}, "norm", {"dense": "$classes"}]
    changes = {"train__engine": "auto", "sweep__learning_rate": [1e30], "sweep__seeds": 1}
    (result,) = results(cohorts(model={"layers": layers}, **changes)[0])
    assert result.status == "diverged"
    assert result.divergence is not None
    assert result.divergence.kind == "nonfinite"
    assert result.divergence.step == len(result.step_losses)
    assert np.isfinite(result.step_losses[:-1]).all()
    assert not np.isfinite(result.step_losses[-1])
    assert [epoch.epoch for epoch in result.epochs] == [0]
    assert (result.test.loss, result.test.accuracy, result.best_epoch) == (None, None, None)


def test_on_divergence_continue_trains_on_after_divergence() -> None:
    layers = [{"dense": 6}, "norm", {"dense": "$classes"}]
    changes = {"model": {"layers": layers}, "sweep__learning_rate": [1e30], "sweep__seeds": 1}
    stopped = results(cohorts(**changes)[0])[0]
    (result,) = results(cohorts(**changes, train__on_divergence="continue")[0])
    assert result.divergence == stopped.divergence
    assert len(result.epochs) == 4
    assert len(result.step_losses) == 18
    assert result.epochs[-1].train_loss is None


def test_the_first_jump_is_found() -> None:
    assert first_jump(np.array([1.0, 2.0, 2001.0, 1.0, 5000.0])) == 3
    # This is not more than 1000 times.
    assert first_jump(np.array([1.0, 1000.0])) is None
    assert first_jump(np.array([])) is None


def test_a_jump_from_a_loss_of_zero_counts() -> None:
    assert first_jump(np.array([2.0, 0.0, 50.0])) == 3
    assert first_jump(np.array([2.0, 0.0, 0.0])) is None


def test_a_trial_whose_loss_stays_high_after_a_jump_is_blown() -> None:
    layers = [{"dense": 6}, {"activation": "relu"}, "norm", {"dense": "$classes"}]
    cohort = cohorts(model={"layers": layers}, sweep__learning_rate=[10], sweep__seeds=1, train__epochs=5)[0]
    (result,) = results(cohort)
    assert result.divergence is not None
    assert result.divergence.kind == "blown"
    assert result.step_losses[result.divergence.step - 1] > 1000 * result.step_losses[result.divergence.step - 2]
    # Its weights are finite.
    assert result.test.loss is not None


@pytest.mark.parametrize("rows", [75, 1500])
def test_validation_and_test_are_means_over_all_rows(rows: int) -> None:
    layers = [{"dense": {"units": 6, "activity_regularizer": {"l2": 0.5}}}, "norm", {"dense": "$classes"}]
    of = facts(rows=rows)
    data = dataset(of)
    # A row of another part must not leak in.
    data.x[0] = 1e20
    changes = {"data__split": {"validation": 0.4, "test": 0.35}, "train__engine": "graph"}
    cohort = make_plan(of, model={"layers": layers}, **changes).cohorts[0]
    compiled = CompiledProgram(cohort.program, data)
    start = compiled.start(0)
    for part in (start.parts.validation, start.parts.test):
        clean = part[part != 0]
        x, y = apply_scaling(start.scaling, data.x)[clean].astype("float32"), data.y[clean]
        compiled.reset(start, 0.1)
        theirs = evaluated(compiled.model, x, y, batch_size=len(y))
        loss, accuracy, finite = compiled.evaluate(row_chunks(clean))
        assert [loss, accuracy] == pytest.approx(theirs, rel=1e-5)
        assert finite


def test_the_short_last_batch_weighs_less() -> None:
    cohort = cohorts(sweep__learning_rate=[0.01], sweep__seeds=1, train__epochs=1)[0]
    (result,) = results(cohort)
    # There are five batches of 8 rows and one of 5.
    losses = result.step_losses.astype(float)
    assert result.epochs[1].train_loss == pytest.approx((8 * losses[:5].sum() + 5 * losses[5]) / 45, rel=1e-6)
    assert result.epochs[1].step == 6


def test_steps_per_epoch_passes_over_the_rows_without_a_break() -> None:
    cohort = cohorts(train__steps_per_epoch=4, train__epochs=6)[0]
    orders = list(loop._orders(cohort.program, np.arange(45, dtype=np.int32), 0))
    assert [len(order) for order in orders] == [32] * 6
    stream = np.concatenate(orders)
    for first in range(0, 180, 45):
        assert sorted(stream[first : first + 45]) == list(range(45))
    result = results(cohort)[0]
    assert len(result.step_losses) == 24
    assert [epoch.step for epoch in result.epochs] == [0, 4, 8, 12, 16, 20, 24]


def test_frozen_layers_do_not_change() -> None:
    layers = [{"dense": {"units": 6, "trainable": False}}, "norm", {"dense": "$classes"}]
    cohort = cohorts(model={"layers": layers})[0]
    compiled = compiled_program(cohort)
    trained(compiled, cohort.trials[0])
    before = (
        build_model(cohort.program.layers, (5,), "float32", cohort.trials[0].seed).get_layer("dense_0").get_weights()
    )
    np.testing.assert_array_equal(compiled.model.get_layer("dense_0").get_weights()[0], before[0])


def test_augmentation_acts_in_training_only() -> None:
    layers = [{"gaussian_noise": 0.9}, "norm", "flatten", {"dense": "$classes"}]
    cohort = cohorts(IMAGES, model={"layers": layers}, sweep__learning_rate=[1e-12], sweep__seeds=1)[0]
    (result,) = results(cohort)
    assert len({epoch.validation_loss for epoch in result.epochs}) == 1
    assert len({epoch.train_loss for epoch in result.epochs[1:]}) == 3


@pytest.mark.parametrize(
    "flip", ["random_flip", {"random_rotation": 0.1}, {"random_zoom": 0.2}, {"random_translation": [0.1, 0.1]}]
)
def test_keras_augmentation_layers_run_in_the_loop(flip: Any) -> None:
    if isinstance(flip, dict) and "random_translation" in flip:
        flip = {"random_translation": {"height_factor": 0.1, "width_factor": 0.1}}
    layers = [flip, "norm", "flatten", {"dense": "$classes"}]
    changes = {"train__engine": "auto", "train__batch_size": EVEN, "sweep__learning_rate": [0.01], "sweep__seeds": 1}
    cohort = cohorts(IMAGES, model={"layers": layers}, **changes)[1]
    first, again = results(cohort)[0], results(cohort)[0]
    assert first.status == "completed"
    assert values_of(first) == values_of(again)


def test_scaling_images_in_each_step_equals_scaling_them_before(monkeypatch: pytest.MonkeyPatch) -> None:
    model = {"layers": ["flatten", {"dense": 6}, "norm", {"dense": "$classes"}]}
    changes = {"train__dtype": "float64", "train__batch_size": EVEN, "sweep__learning_rate": [0.01], "sweep__seeds": 1}
    for scale in ("none", "unit", "standard", "l2"):
        # l2 has most operations to compile.
        compiler = "xla" if scale == "l2" else "graph"
        cohort = cohorts(IMAGES, model=model, data__scale=scale, train__engine=compiler, **changes)[1]
        before = results(cohort)[0]
        monkeypatch.setattr("bnbench.training.compiled_program.PRESCALED_BYTES", 0)
        in_step = results(cohort)[0]
        monkeypatch.undo()
        np.testing.assert_allclose(in_step.step_losses, before.step_losses, rtol=1e-5)


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("optimizer", optimizer_names())
def test_every_optimizer_trains_and_resets_with_xla(optimizer: str) -> None:
    """Only the epoch is compiled. Without a compiler, each optimizer is compared with `fit` in test_equal_to_fit.py."""
    cohort = cohorts(train__optimizer=optimizer, train__engine="xla", train__batch_size=EVEN)[1]
    compiled = compiled_program(cohort)
    weights = []
    for seed in (1, 0, 1):
        start = compiled.start(seed)
        compiled.reset(start, 0.01)
        compiled.train_epoch(start.parts.train)
        weights.append(compiled.model.get_weights())
    assert all(np.isfinite(values).all() for values in weights[0])
    assert all(map(np.array_equal, weights[0], weights[2]))
    assert not all(map(np.array_equal, weights[0], weights[1]))


@pytest.mark.parametrize(
    "schedule",
    [
        {"cosine": {"decay_steps": 10}},
        {"cosine": {"decay_steps": 5, "warmup_steps": 5, "warmup_target": 1.0}},
        {"exponential": {"decay_steps": 3, "decay_rate": 0.5}},
        {"piecewise_constant": {"boundaries": [4, 8], "values": [1.0, 0.1, 0.01]}},
        {"polynomial": {"decay_steps": 10}},
        {"cosine_decay_restarts": {"first_decay_steps": 4}},
    ],
    ids=str,
)
@pytest.mark.usefixtures("untraced")
def test_a_schedule_is_a_factor_of_the_rate(schedule: dict[str, Any]) -> None:
    cohort = cohorts(train__schedule=schedule, sweep__learning_rate=[0.5], sweep__seeds=1)[0]
    compiled = compiled_program(cohort)
    compiled.reset(compiled.start(0), 0.5)
    named = cohort.program.train.schedule
    assert named is not None
    kind = getattr(keras.optimizers.schedules, catalog.resolve_class("schedules", named.name, ""))
    start = {} if "values" in named.arguments else {"initial_learning_rate": 1.0}
    factor = kind(**start, **named.arguments)
    for step in (0, 3, 5, 9):
        compiled.optimizer.iterations.assign(step)
        assert float(compiled.optimizer.learning_rate) == pytest.approx(0.5 * float(factor(step)))


def test_early_stopping_ends_a_trial() -> None:
    callbacks = [{"early_stopping": {"monitor": "val_loss", "patience": 2, "min_delta": 100.0}}]
    cohort = cohorts(train__epochs=50, train__callbacks=callbacks, sweep__seeds=1)[0]
    # The first epoch counts as the best so far.
    assert [result.epochs[-1].epoch for result in results(cohort)] == [3, 3]


def test_reduce_lr_on_plateau_acts_and_is_undone_for_the_next_trial() -> None:
    callbacks = [{"reduce_lr_on_plateau": {"patience": 1, "factor": 0.1, "min_delta": 100.0}}]
    cohort = cohorts(train__epochs=6, train__callbacks=callbacks, sweep__learning_rate=[0.1])[0]
    compiled = compiled_program(cohort)
    rates = []
    for trial in cohort.trials:
        trained(compiled, trial)
        rates.append(float(compiled.optimizer.learning_rate))
    assert rates[0] == rates[1] == pytest.approx(0.1 * 0.1**5)


def test_checkpoints_and_logs_go_under_the_results(tmp_path: Path) -> None:
    callbacks = [{"model_checkpoint": {"save_best_only": True}}, "tensorboard"]
    cohort = cohorts(train__callbacks=callbacks, sweep__learning_rate=[0.1], sweep__seeds=1)[0]
    (result,) = results(cohort, tmp_path)
    assert result.status == "completed", result.fault
    assert (tmp_path / "checkpoints" / f"{result.trial}.keras").is_file()
    assert list((tmp_path / "tensorboard" / result.trial).glob("**/events*"))


@pytest.fixture(scope="module", params=["none", "unit", "standard", "l2"])
def scaled(request: pytest.FixtureRequest) -> tuple[CompiledProgram, Trial]:
    cohort = cohorts(data__scale=request.param, sweep__learning_rate=[0.1], sweep__seeds=1)[1]
    return compiled_program(cohort), cohort.trials[0]


@pytest.mark.parametrize("which", ["final", "best"])
def test_a_saved_model_takes_rows_as_they_are_stored(
    tmp_path: Path, which: str, scaled: tuple[CompiledProgram, Trial]
) -> None:
    compiled, trial = scaled
    result = trained(compiled, trial, Saving(tmp_path, which))
    model = keras.saving.load_model(tmp_path / "models" / f"{result.trial}.keras", safe_mode=True)
    data, rows = compiled.dataset, compiled.start(0).parts.test
    right = np.mean(np.argmax(model(data.x[rows], training=False), axis=-1) == data.y[rows])
    assert right == pytest.approx((result.test if which == "final" else result.best_test).accuracy)
    assert not list(tmp_path.glob("**/*.part*"))


def test_the_best_epoch_has_the_highest_validation_accuracy_then_the_lowest_loss() -> None:
    cohort = cohorts(train__epochs=15, sweep__learning_rate=[0.5], sweep__seeds=1)[0]
    (result,) = results(cohort)
    keys = {e.epoch: (e.validation_accuracy, -(e.validation_loss or math.inf)) for e in result.epochs[1:]}
    assert result.best_epoch == max(keys, key=lambda epoch: keys[epoch])


def test_the_mode_gap_is_the_difference_of_the_accuracies_and_does_not_change_the_model() -> None:
    cohort = cohorts(train__epochs=3)[1]
    compiled = compiled_program(cohort)
    start = compiled.start(0)
    compiled.reset(start, 0.1)
    compiled.train_epoch(start.parts.train)
    before = compiled.model.get_weights()
    gap = compiled.mode_gap(start)
    assert all(np.array_equal(a, b) for a, b in zip(before, compiled.model.get_weights(), strict=True))
    x, y = apply_scaling(start.scaling, compiled.dataset.x), compiled.dataset.y
    size = cohort.program.batch_size
    rows = start.parts.validation[: len(start.parts.validation) // size * size]
    moving, own = (
        np.mean([np.argmax(compiled.model(x[b], training=mode), axis=1) == y[b] for b in rows.reshape(-1, size)])
        for mode in (False, True)
    )
    assert gap == pytest.approx(own - moving)
    # After so few steps the moving statistics are not those of a batch.
    assert gap != 0


def test_the_fit_to_the_training_part_is_measured_without_dropout_and_with_the_final_weights() -> None:
    layers = [*DENSE[:3], {"dropout": 0.5}, *DENSE[3:]]
    cohort = cohorts(model={"layers": layers}, train__engine="graph", sweep__learning_rate=[0.1])[1]
    (result, _) = results(cohort)
    compiled = compiled_program(cohort)
    start = compiled.start(0)
    compiled.reset(start, 0.1)
    for order in loop._orders(cohort.program, start.parts.train, 0):
        compiled.train_epoch(order)
    x, y = compiled.x.numpy()[start.parts.train], compiled.dataset.y[start.parts.train]
    right = np.argmax(compiled.model(x, training=False), axis=1) == y
    assert result.fitted.accuracy == pytest.approx(right.mean())
    assert result.fitted.loss == pytest.approx(evaluated(compiled.model, x, y)[0], rel=1e-5)
    # The training accuracy is measured while half of the units are dropped.
    assert result.fitted.accuracy != pytest.approx(result.epochs[-1].train_accuracy)


@pytest.mark.parametrize(("variant", "more"), [(0, []), (1, [{"dropout": 0.5}])], ids=["no norm", "dropout"])
def test_there_is_no_mode_gap_without_batch_norm_or_with_dropout(variant: int, more: list[Any]) -> None:
    cohort = cohorts(model={"layers": [*DENSE[:3], *more, *DENSE[3:]]}, train__epochs=1)[variant]
    assert {result.bn_mode_gap for result in results(cohort)} == {None}


def test_a_fault_ends_its_own_trial_only(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = cohorts(sweep__learning_rate=[0.1])[0]
    reset = CompiledProgram.reset

    def broken(self: CompiledProgram, start: Any, learning_rate: float) -> None:
        if start is self.starts[0]:
            raise RuntimeError("out of something")
        reset(self, start, learning_rate)

    monkeypatch.setattr(CompiledProgram, "reset", broken)
    first, second = results(cohort)
    assert first.status == "failed"
    assert first.fault is not None
    assert first.fault.reason == "RuntimeError: out of something"
    assert "in broken" in first.fault.traceback
    assert second.status == "completed"


def test_batch_normalization_follows_the_formula_in_training_and_inference() -> None:
    layers = make_plan(facts((4,)), model={"layers": ["norm", {"dense": 3}]}).cohorts[1].program.layers
    layer = build_model(layers, (4,), "float64", seed=0).layers[0]
    generator = np.random.default_rng(0)
    x = generator.normal(3.0, 2.0, size=(50, 4))
    layer.gamma.assign([1.0, 2.0, 3.0, 4.0])
    layer.beta.assign([0.0, 1.0, 0.0, -1.0])
    mean, variance = x.mean(axis=0), x.var(axis=0)
    trained = (x - mean) / np.sqrt(variance + 1e-3) * [1, 2, 3, 4] + [0, 1, 0, -1]
    np.testing.assert_allclose(layer(x, training=True).numpy(), trained, rtol=1e-9, atol=1e-12)
    # The momentum is 0.9, and the moving statistics start from 0 and 1.
    moving_mean, moving_variance = 0.1 * mean, 0.9 + 0.1 * variance
    np.testing.assert_allclose(layer.moving_mean.numpy(), moving_mean, rtol=1e-9)
    inferred = (x - moving_mean) / np.sqrt(moving_variance + 1e-3) * [1, 2, 3, 4] + [0, 1, 0, -1]
    np.testing.assert_allclose(layer(x, training=False).numpy(), inferred, rtol=1e-9, atol=1e-12)


def test_dropout_drops_its_share_in_training_only() -> None:
    layers = (
        make_plan(facts((4,)), model={"layers": ["norm", {"dropout": 0.3}, {"dense": 3}]}).cohorts[0].program.layers
    )
    layer = build_model(layers, (4,), "float32", seed=0).layers[0]
    ones = np.ones((5000, 4), np.float32)
    dropped = layer(ones, training=True).numpy()
    assert np.mean(dropped == 0) == pytest.approx(0.3, abs=0.02)
    np.testing.assert_allclose(dropped[dropped > 0], 1 / 0.7, rtol=1e-6)
    np.testing.assert_array_equal(layer(ones, training=False).numpy(), ones)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"reshape": [5, 1]}, "norm", {"lstm": 7}], r"the last layer, lstm_0 \(LSTM\), gives \(7,\), wanted \(3,\)"),
        ([{"reshape": [5, 1]}, "norm", {"lstm": {"units": 3, "return_sequences": True}}], r"gives \(5, 3\)"),
    ],
    ids=str,
)
def test_a_model_of_the_wrong_shape_is_refused_before_training(layers: list[Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(cohorts(model={"layers": layers})[0].program)


def test_a_layer_that_no_seed_fixes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if nobody had read the source of this layer, which draws from Python's own generator.
    monkeypatch.setattr(catalog, "LAYERS", {**catalog.LAYERS, "AugMix": LayerRecord()})
    layers = ["aug_mix", "norm", "flatten", {"dense": 3}]
    with pytest.raises(ConfigError, match="no seed fixes"):
        check(cohorts((8, 8, 3), model={"layers": layers})[0].program)


def test_a_layer_whose_config_lacks_its_seed_is_seeded() -> None:
    layers = [{"reshape": [5, 1]}, "norm", {"simple_rnn": {"units": 4, "dropout": 0.5}}, {"dense": 3}]
    cohort = cohorts(model={"layers": layers}, sweep__learning_rate=[0.01], sweep__seeds=1)[0]
    check(cohort.program)
    assert values_of(results(cohort)[0]) == values_of(results(cohort)[0])


def test_threads_cannot_change_within_a_process() -> None:
    with pytest.raises(BnbenchError, match=r"train\.threads: 3"):
        use_threads(3)


def test_settings_in_keras_json_change_no_result() -> None:
    layers = [{"dense": 4}, {"dense": {"units": "$classes", "activation": "softplus"}}]
    # This loss clips probabilities by epsilon.
    loss = {"categorical_crossentropy": {"from_logits": False}}
    cohort = cohorts(model={"layers": layers}, variants={"plain": {}}, train__loss=loss, sweep__seeds=1)[0]
    before = keras.config.epsilon(), keras.config.image_data_format()
    wanted = [values_of(result) for result in results(cohort)]
    try:
        keras.config.set_epsilon(0.4)
        keras.config.set_image_data_format("channels_first")
        assert [values_of(result) for result in results(cohort)] == wanted
        assert (keras.config.epsilon(), keras.config.image_data_format()) == (0.4, "channels_first")
    finally:
        keras.config.set_epsilon(before[0])
        keras.config.set_image_data_format(before[1])
