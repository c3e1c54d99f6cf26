from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.data.splits import apply_scaling, fit_scaling, split_rows
from bnbench.planning.plan import Cohort, Trial
from bnbench.planning.trial import FinalProbeValues, Result, Saving
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes import far_values, forward
from bnbench.training.probes import gradient_growth as growth_probe
from bnbench.training.probes.pre_activations import pre_activations
from bnbench.training.probes.predictions import near_median_share
from bnbench.training.probes.registry import Recorder
from bnbench.training.probes.result_fields import as_result_fields
from bnbench.training.probes.types import Moment, When
from bnbench.training.seed_state import SeedState
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan

IMAGES = (6, 6, 1)
# A probe calls the layers one by one, whatever engine trained them. So these tests train with settings that compile
# fast: the engine `graph`, and a batch size that divides the training rows, so that there is no shorter last step.
QUICK = {"train__engine": "graph", "train__batch_size": 15}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def cohorts(shape: tuple[int, ...] = (5,), rows: int = 75, **changes: Any) -> tuple[Cohort, ...]:
    return make_plan(facts(shape, rows), **(QUICK | changes)).cohorts


def compiled_program(cohort: Cohort) -> CompiledProgram:
    return CompiledProgram(cohort.program, dataset(cohort.program.facts))


def train(compiled: CompiledProgram, trial: Trial) -> Result:
    return loop._train(compiled, trial, Saving(Path("unused")), lambda trial, epoch: None)


def probe(compiled: CompiledProgram, start: SeedState) -> FinalProbeValues:
    """What the probes at the end of a trial measure with the weights that the model has."""
    recorder = Recorder(compiled, start, start.parts.train)
    recorder.measure(When.AT_THE_END, 1)
    return as_result_fields(recorder.series()).probe


def trained(cohort: Cohort) -> tuple[Result, CompiledProgram]:
    """Return the result of the last trial of a cohort, and its model after that trial."""
    compiled = compiled_program(cohort)
    return train(compiled, cohort.trials[-1]), compiled


@pytest.fixture
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile nothing, for tests that train nothing."""
    monkeypatch.setattr(CompiledProgram, "warm_up", lambda self: None)


def hidden(activation: str, bias: float) -> dict[str, Any]:
    """Return a model whose hidden units all start at one end of their activation, or in its middle."""
    dense = {"units": 6, "bias_initializer": {"constant": {"value": bias}}}
    return {"layers": [{"dense": dense}, "norm", {"activation": activation}, {"dense": "$classes"}]}


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "hard_sigmoid"])
def test_saturated_units_are_dead_and_predict_one_class_but_batch_norm_revives_them(activation: str) -> None:
    plain, batchnorm = (trained(c)[0].probe for c in cohorts(model=hidden(activation, -100.0), train__epochs=30))
    assert (plain.dead_share, plain.dead_layer, plain.prediction_share) == (1.0, "activation_0", 1.0)
    assert batchnorm.dead_share == 0.0
    assert batchnorm.prediction_share is not None
    assert batchnorm.prediction_share < 0.6
    assert plain.majority_share == batchnorm.majority_share == pytest.approx(1 / 3)


def test_relu_that_passes_everything_and_a_sigmoid_in_its_middle_are_alive() -> None:
    for model in (hidden("relu", 100.0), hidden("sigmoid", 0.0)):
        assert trained(cohorts(model=model)[0])[0].probe.dead_share == 0.0


def test_a_high_rate_kills_relu_units_and_leaves_one_prediction() -> None:
    longer = {"train__epochs": 10, "train__batch_size": 8}
    layers = [{"dense": 8}, {"activation": "relu"}, {"dense": 8}, {"activation": "relu"}, "norm", {"dense": "$classes"}]
    cohort = cohorts(model={"layers": layers}, sweep__learning_rate=[0.05, 10.0], **longer)[0]
    compiled = compiled_program(cohort)
    healthy, dead = train(compiled, cohort.trials[0]).probe, train(compiled, cohort.trials[-1]).probe
    assert dead.dead_share == 1.0
    assert dead.prediction_share == 1.0
    assert healthy.dead_share is not None
    assert healthy.dead_share < 0.5
    assert healthy.prediction_share == pytest.approx(1 / 3, abs=0.1)


def test_the_shares_are_those_of_the_models_own_outputs() -> None:
    result, compiled = trained(cohorts(model__params={"units": 20}, train__epochs=1, rows=300)[1])
    start = compiled.start(1)
    x = apply_scaling(start.scaling, compiled.dataset.x)[start.parts.validation].astype("float32")
    found = probe(compiled, start)
    predicted = np.bincount(compiled.model(x, training=False).numpy().argmax(axis=1))
    inner = keras.Model(compiled.model.inputs[0], compiled.model.get_layer("activation_0").output)
    units = inner(x, training=False).numpy()
    assert found.prediction_share == predicted.max() / len(x)
    assert found.dead_share == np.mean((units == 0).all(axis=0))
    if result.best_epoch == result.epochs[-1].epoch:
        assert found == result.probe


def test_the_output_layer_has_no_dead_units_and_some_layers_can_have_none() -> None:
    for layers in ([{"dense": "$classes"}, "norm"], [{"dense": 6}, "norm", {"activation": "elu"}, {"dense": 3}]):
        found = trained(cohorts(model={"layers": layers})[0])[0].probe
        assert (found.dead_share, found.dead_layer) == (None, None)
    sigmoids = [{"dense": 6}, "norm", {"dense": {"units": 3, "kernel_initializer": "zeros", "activation": "sigmoid"}}]
    loss = {"sparse_categorical_crossentropy": {"from_logits": False}}
    cohort = cohorts(model={"layers": sigmoids}, train__loss=loss)[0]
    assert trained(cohort)[0].probe.dead_layer is None


def test_the_layer_with_most_dead_units_is_named() -> None:
    dead = {"dense": {"units": 4, "activation": "relu", "bias_initializer": {"constant": {"value": -100.0}}}}
    layers = [{"dense": {"units": 4, "activation": "relu"}}, "norm", dead, {"re_lu": {}}, {"dense": "$classes"}]
    assert trained(cohorts(model={"layers": layers})[0])[0].probe.dead_layer == "dense_1"


@pytest.mark.usefixtures("untraced")
def test_a_unit_of_a_convolution_is_a_channel() -> None:
    bias = {"bias_initializer": {"constant": {"value": -100.0}}, "activation": "relu"}
    layers = [{"conv2d": {"filters": 3, "kernel_size": 3, **bias}}, "norm", "flatten", {"dense": "$classes"}]
    compiled = CompiledProgram(cohorts(IMAGES, model={"layers": layers})[0].program, dataset(facts(IMAGES)))
    start = compiled.start(0)
    compiled.reset(start, 0.1)
    assert probe(compiled, start).dead_share == 1.0
    kernel, _ = compiled.model.get_layer("conv2d_0").get_weights()
    compiled.model.get_layer("conv2d_0").set_weights([kernel, np.array([-100.0, 0.0, -100.0])])
    assert probe(compiled, start).dead_share == pytest.approx(2 / 3)


def test_probes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth_probe, "DEEP", 4)
    dense = {"dense": {"units": 8, "activity_regularizer": {"l2": 0.01}}}
    between = ["norm", {"activation": "relu"}, {"dropout": 0.3}]
    layers = [{"gaussian_noise": 0.1}, dense, *between, {"dense": 8}, {"dense": 8}, {"dense": "$classes"}]

    def of(cohort: Cohort, compiled: CompiledProgram) -> list[tuple[Any, ...]]:
        found = []
        for trial in cohort.trials:
            result = train(compiled, trial)
            state = [variable.numpy().tobytes() for variable in compiled.model.variables]
            epochs = [replace(epoch, seconds=0.0) for epoch in result.epochs]
            found.append(
                (epochs, result.step_losses.tobytes(), result.test, result.best_test, result.bn_mode_gap, state)
            )
        return found

    cohort = cohorts(model={"layers": layers}, train__optimizer="adam")[1]
    compiled = compiled_program(cohort)
    probed = of(cohort, compiled)
    calls = []
    measure = Recorder.measure

    def only_mode_gap(recorder: Recorder, when: When, epoch: int, step: int = 0) -> None:
        recorder._probes = [probe for probe in recorder._probes if probe.name == "mode_gap"]
        calls.append(when)
        measure(recorder, when, epoch, step)

    monkeypatch.setattr(Recorder, "measure", only_mode_gap)
    assert of(cohort, compiled) == probed
    assert calls.count(When.AT_THE_END) == len(cohort.trials)


def test_a_diverged_trial_is_not_probed() -> None:
    layers = [{"dense": 6}, "norm", {"dense": "$classes"}]
    result, _ = trained(cohorts(model={"layers": layers}, sweep__learning_rate=[1e30])[0])
    assert result.divergence is not None
    assert result.probe == FinalProbeValues()


def test_of_many_rows_an_evenly_spread_sample_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "MAX_ROWS", 10)
    assert forward.sample_rows(np.arange(10, dtype=np.int32)).tolist() == list(range(10))
    assert forward.sample_rows(np.arange(25, dtype=np.int32)).tolist() == [0, 3, 6, 9, 12, 15, 18, 21, 24]


def test_rows_in_several_chunks_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _, compiled = trained(cohorts(train__epochs=2)[0])
    at_once = probe(compiled, compiled.start(1))
    monkeypatch.setattr(forward, "EVALUATION_ROWS", 4)
    assert probe(compiled, compiled.start(1)) == at_once


ONE = [{"dense": 8}, "norm", {"activation": "tanh"}, {"dense": 1}]


@pytest.mark.parametrize("logits", [True, False])
def test_one_output_separates_two_classes_by_its_threshold(logits: bool) -> None:
    last = {"units": 1} | ({} if logits else {"activation": "sigmoid"})
    of = facts(rows=200, classes=2)
    changes = {"model": {"layers": [*ONE[:-1], {"dense": last}]}, "train__epochs": 1}
    loss = {"binary_crossentropy": {"from_logits": logits}}
    _, compiled = trained(make_plan(of, train__loss=loss, **(QUICK | changes)).cohorts[0])
    start = compiled.start(1)
    x = apply_scaling(start.scaling, compiled.dataset.x)[start.parts.validation].astype("float32")
    second = np.mean(compiled.model(x, training=False).numpy() > (0.0 if logits else 0.5))
    assert probe(compiled, start).prediction_share == pytest.approx(max(second, 1 - second))
    assert probe(compiled, start).majority_share == pytest.approx(0.5, abs=0.05)


def test_a_sigmoid_predicts_one_number_for_all_rows_but_a_linear_output_does_not() -> None:
    of = facts(rows=200, classes=0)
    # Targets far from all values of a sigmoid.
    far = replace(dataset(of), y=dataset(of).y + 100)
    shares = []
    for last in ({"units": 1, "activation": "sigmoid"}, {"units": 1}):
        changes = {"model": {"layers": [*ONE[:-1], {"dense": last}]}, "train__loss": "mse", "train__batch_size": 8}
        cohort = make_plan(of, sweep__learning_rate=[0.01], train__epochs=20, **(QUICK | changes)).cohorts[0]
        result = train(CompiledProgram(cohort.program, far), cohort.trials[0])
        assert result.probe.majority_share is not None
        assert result.probe.majority_share < 0.2
        shares.append(result.probe.prediction_share)
    assert shares[0] == 1.0
    assert shares[1] < 0.2


def test_numbers_near_the_median_are_one_prediction() -> None:
    numbers = np.array([[5.0], [5.009], [4.992], [5.2], [9.0]])
    assert near_median_share(numbers, 0.01) == pytest.approx(2 / 5)
    assert near_median_share(np.full((4, 1), 3.0), 0.0) == 1.0


WATCHED = [{"dense": 4}, "norm", {"activation": "relu"}, {"dense": 5}, "norm", {"re_lu": {}}, {"dense": "$classes"}]


def test_the_pre_activations_are_those_of_the_last_hidden_layer_by_the_statistics_of_the_batch() -> None:
    cohort = cohorts(model={"layers": WATCHED}, train__pre_activations=True, train__batch_size=8)[1]
    result, compiled = trained(cohort)
    assert len(result.pre_activations) == len(result.epochs)
    start = compiled.start(1)
    inner = keras.Model(compiled.model.inputs[0], compiled.model.get_layer("norm_1").output)
    x = apply_scaling(start.scaling, compiled.dataset.x)[start.parts.train].astype("float32")
    unit = np.asarray(inner(x, training=True))[:, 0]
    assert result.pre_activations[-1] == pytest.approx(np.percentile(unit, [15, 50, 85]), rel=1e-4)


@pytest.mark.usefixtures("untraced")
def test_a_channel_counts_at_all_positions() -> None:
    layers = [{"conv2d": {"filters": 3, "kernel_size": 3}}, "norm", {"activation": "relu"}, "flatten", {"dense": 3}]
    program = cohorts(IMAGES, model={"layers": layers}, train__pre_activations=True)[0].program
    compiled = CompiledProgram(program, dataset(facts(IMAGES)))
    values = np.arange(45 * 16.0).reshape(45, 4, 4, 1)
    compiled.inputs_of = lambda name, rows: np.concatenate([values, -values], axis=-1)  # type: ignore[method-assign]
    assert pre_activations(compiled, compiled.start(0)) == pytest.approx(np.percentile(values, [15, 50, 85]))


@pytest.mark.usefixtures("untraced")
def test_pre_activations_that_are_not_finite_are_missing() -> None:
    program = cohorts(model={"layers": WATCHED}, train__pre_activations=True)[0].program
    compiled = CompiledProgram(program, dataset(facts()))
    compiled.model.set_weights([np.full(weight.shape, np.inf) for weight in compiled.model.get_weights()])
    assert np.isnan(pre_activations(compiled, compiled.start(0))).tolist() == [True, True, True]


def test_recording_pre_activations_does_not_change_training() -> None:
    layers = [{"gaussian_noise": 0.1}, *WATCHED[:-1], {"dropout": 0.3}, WATCHED[-1]]
    for unwatched, watched in zip(
        *(cohorts(model={"layers": layers}, train__pre_activations=it) for it in (False, True)), strict=True
    ):
        (plain, _), (looked_at, _) = trained(unwatched), trained(watched)
        assert plain.pre_activations == ()
        assert looked_at.step_losses.tobytes() == plain.step_losses.tobytes()
        assert looked_at.test == plain.test


def deep(depth: int, units: int) -> tuple[Cohort, ...]:
    """Return the cohorts plain and batchnorm, both with He's kernels, with all rows in one batch."""
    dense = {"units": units, "kernel_initializer": "he_normal", "use_bias": False}
    block = [{"dense": dense}, "norm", {"activation": "relu"}]
    layers = [{"repeat": {"times": depth, "layers": block}}, {"dense": "$classes"}]
    return cohorts(rows=400, model={"layers": layers}, train__batch_size=240, train__epochs=1)


def growth_at_the_start(compiled: CompiledProgram, trial: Trial) -> float | None:
    """As a trial finds it before its first step."""
    course = loop.TrialInTraining(compiled, trial, compiled.start(trial.seed), lambda trial, epoch: None)
    compiled.reset(course.start, trial.learning_rate)
    course.begin()
    return as_result_fields(course.recorder.series()).gradient_growth


def growths(depth: int, units: int = 128) -> list[float | None]:
    return [growth_at_the_start(compiled_program(cohort), cohort.trials[-1]) for cohort in deep(depth, units)]


@pytest.mark.usefixtures("untraced")
def test_with_batch_normalization_gradients_grow_toward_the_input_as_yang_et_al_predict() -> None:
    plain, batchnorm = growths(16)
    assert plain == pytest.approx(1, abs=0.1)
    assert batchnorm == pytest.approx(np.pi / (np.pi - 1), rel=0.05)


def test_a_result_has_the_gradient_growth_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth_probe, "DEEP", 3)
    cohort = cohorts(model={"layers": [{"dense": 4}, "norm", {"dense": 4}, {"dense": "$classes"}]})[1]
    result, compiled = trained(cohort)
    assert result.gradient_growth is not None
    assert result.gradient_growth == growth_at_the_start(compiled, cohort.trials[-1])


@pytest.mark.usefixtures("untraced")
def test_gradients_of_outputs_follow_the_formula() -> None:
    model = {"layers": [{"dense": 3}, "norm", {"dense": "$classes"}]}
    compiled = CompiledProgram(cohorts(model=model)[0].program, dataset(facts((5,), 75)))
    rows = np.arange(20, dtype=np.int32)
    outputs = keras.ops.softmax(compiled.model(compiled.data.x.numpy()[rows])).numpy()
    # The gradient of the cross-entropy with respect to the logits.
    wrong = (outputs - np.eye(outputs.shape[1])[compiled.data.y.numpy()[rows]]) / len(rows)
    by_hidden = wrong @ compiled.model.layers[1].kernel.numpy().T
    assert compiled.output_gradients(rows, ["dense_0"]) == {"dense_0": pytest.approx(np.sum(by_hidden**2), rel=1e-4)}


@pytest.mark.usefixtures("untraced")
def test_the_growth_of_a_few_layers_is_missing() -> None:
    assert growths(growth_probe.DEEP - 2, units=4) == [None, None]
    assert None not in growths(growth_probe.DEEP - 1, units=16)


def test_the_growth_is_the_slope_of_the_squared_norms() -> None:
    assert growth_probe.growth_factor(range(4), [8, 4, 2, 1]) == pytest.approx(2)
    assert growth_probe.growth_factor(range(3), [1, 3, 9]) == pytest.approx(1 / 3)
    # Two layers lie equally deep, on two branches.
    assert growth_probe.growth_factor([0, 1, 1, 2], [4, 2, 2, 1]) == pytest.approx(2)
    assert growth_probe.growth_factor(range(3), [1, 0, 1]) is None
    assert growth_probe.growth_factor(range(3), [1, np.inf, 1]) is None


@pytest.mark.parametrize(("scale", "value", "expected"), [
    ("standard", 1000.0, {"far_values": 1.0}), ("standard", 3.0, {}), ("unit", 1000.0, {}),
])  # fmt: skip
def test_values_far_from_the_training_mean_are_counted_before_the_first_step(
    scale: str, value: float, expected: dict[str, float]
) -> None:
    (cohort, _) = cohorts(data__scale=scale)
    data = dataset(cohort.program.facts)
    parts = split_rows(data, cohort.program.data, cohort.program.sizes, 0)
    x = data.x.copy()
    x[parts.test[0], 2] = value
    changed = replace(data, x=x)
    start = SeedState(parts, fit_scaling(changed, cohort.program.data, parts.train), [], [], {})
    compiled = SimpleNamespace(program=cohort.program, dataset=changed)
    found = {one.name: one.value for one in far_values.measure(Moment(compiled, start, parts.train, 0))}  # type: ignore[arg-type]
    assert found.keys() == expected.keys() | ({"farthest_value"} if expected else set())
    assert expected.items() <= found.items()


def test_the_constant_loss_is_the_entropy_of_the_training_labels() -> None:
    (plain, *_) = cohorts(rows=80)
    y = np.where(np.arange(80) < 40, 0, np.arange(80) % 2 + 1).astype(np.int32)
    compiled = CompiledProgram(plain.program, replace(dataset(plain.program.facts), y=y))
    start = compiled.start(0)
    recorder = Recorder(compiled, start, start.parts.train)
    recorder.measure(When.BEFORE_FIRST_STEP, 0)
    values = {series.name: series.values.tolist() for series in recorder.series()}
    # Half, a quarter and a quarter of the 48 training rows
    assert values["constant_score"] == [0.5]
    assert values["constant_loss"] == pytest.approx([1.5 * np.log(2)])
    # A network that has died gives every row the shares of the classes: no constant does better.
    for variable in compiled.model.trainable_variables[:-1]:
        variable.assign(np.zeros(variable.shape))
    compiled.model.trainable_variables[-1].assign(np.log([0.5, 0.25, 0.25]))
    loss, _, _ = compiled.evaluate([start.parts.train], is_train=True)
    assert loss == pytest.approx(values["constant_loss"][0], rel=1e-5)
