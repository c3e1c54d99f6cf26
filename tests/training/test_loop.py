"""The training loop against `fit`, and the same bits in any order."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.data.splits import apply_scaling
from bnbench.errors import BnbenchError
from bnbench.training import loop
from bnbench.training.builder import build_model
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.keras_fit import fit_trial
from support.small_trials import (
    DENSE,
    EVEN,
    IMAGES,
    cohorts,
    compiled_program,
    evaluated,
    results,
    trained,
    values_of,
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


CONVOLUTION = [
    {"conv2d": {"filters": 3, "kernel_size": 3, "kernel_regularizer": {"l2": 1e-2}}},
    "norm",
    {"activation": "relu"},
    {"max_pooling2d": 2},
    "flatten",
    {"dense": "$classes"},
]


# A bias in front of batch normalization has no effect: its gradient is rounding noise, which Adam scales up.
NOISE = 1e-8


SGD = {"name": "sgd", "momentum": 0.9, "nesterov": True}


INVERSE_TIME = {"inverse_time": {"decay_steps": 1, "decay_rate": 0.05}}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("variant", ["plain", "batchnorm"])
@pytest.mark.parametrize(
    ("shape", "changes"),
    [
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
    # Dense layers are fitted eagerly, because to compile them takes longer than a few epochs.
    theirs = fit_trial(cohort.program, compiled.dataset, trial, eagerly=shape != IMAGES)
    result = trained(compiled, trial)
    assert [epoch.step for epoch in result.epochs] == [cohort.program.steps_per_epoch * number for number in range(5)]
    for ours, logged in (
        ("train_loss", "loss"),
        ("train_accuracy", "accuracy"),
        ("validation_loss", "val_loss"),
        ("validation_accuracy", "val_accuracy"),
    ):
        assert [getattr(epoch, ours) for epoch in result.epochs[1:]] == pytest.approx(theirs.logs[logged], rel=1e-7)
    start = compiled.start(trial.seed)
    rows = start.parts.test
    x, y = apply_scaling(start.scaling, compiled.dataset.x)[rows], compiled.dataset.y[rows]
    assert (result.test.loss, result.test.accuracy) == pytest.approx(evaluated(theirs.model, x, y), rel=1e-7)
    # A trial ends with the weights of its best epoch, and `fit` with those of the last one.
    compiled.reset(start, trial.learning_rate)
    for order in loop.epoch_orders(cohort.program, start.parts.train, trial.seed):
        compiled.train_epoch(order)
    for our, their in zip(compiled.model.get_weights(), theirs.model.get_weights(), strict=True):
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


@pytest.mark.usefixtures("untraced")
def test_variants_start_from_the_same_kernels_and_see_the_same_rows() -> None:
    variants = {"plain": {}, "batchnorm": {"norm": "batch"}, "after": {"norm": "layer", "norm_position": "after"}}
    starts, firsts = [], []
    for cohort in cohorts(variants=variants):
        start = compiled_program(cohort).start(1)
        model = build_model(cohort.program.layers, (5,), "float32", seed=1)
        starts.append({layer.name: layer.get_weights() for layer in model.layers if layer.name.startswith("dense")})
        order = next(loop.epoch_orders(cohort.program, start.parts.train, 1))
        firsts.append([order.tolist(), start.parts.test.tolist()])
    for other, rows in zip(starts[1:], firsts[1:], strict=True):
        assert rows == firsts[0]
        for name, weights in starts[0].items():
            for ours, theirs in zip(weights, other[name], strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_steps_per_epoch_passes_over_the_rows_without_a_break() -> None:
    cohort = cohorts(train__steps_per_epoch=4, train__epochs=6)[0]
    orders = list(loop.epoch_orders(cohort.program, np.arange(45, dtype=np.int32), 0))
    assert [len(order) for order in orders] == [32] * 6
    stream = np.concatenate(orders)
    for first in range(0, 180, 45):
        assert sorted(stream[first : first + 45]) == list(range(45))
    result = results(cohort)[0]
    assert len(result.step_losses) == 24
    assert [epoch.step for epoch in result.epochs] == [0, 4, 8, 12, 16, 20, 24]


def test_scaling_images_in_each_step_equals_scaling_them_before(monkeypatch: pytest.MonkeyPatch) -> None:
    model = {"layers": ["flatten", {"dense": 6}, "norm", {"dense": "$classes"}]}
    changes = {"train__dtype": "float64", "train__batch_size": EVEN, "sweep__learning_rate": [0.01], "sweep__seeds": 1}
    for scale in ("none", "unit", "standard", "l2"):
        # l2 has most operations to compile.
        compiler = "xla" if scale == "l2" else "graph"
        cohort = cohorts(IMAGES, model=model, data__scale=scale, train__engine=compiler, **changes)[1]
        before = results(cohort)[0]
        monkeypatch.setattr("bnbench.training.data_tensors.PRESCALED_BYTES", 0)
        in_step = results(cohort)[0]
        monkeypatch.undo()
        np.testing.assert_allclose(in_step.step_losses, before.step_losses, rtol=1e-5)


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
