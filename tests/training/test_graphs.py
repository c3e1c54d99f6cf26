"""Networks with branches: they train as in `fit`, and everything that looks into a network works on them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.planning.plan import Cohort
from bnbench.planning.trial import Saving
from bnbench.store.model_card import read_card
from bnbench.store.model_guard import check_model_file
from bnbench.store.results_dir import model_path
from bnbench.training import loop
from bnbench.training.builder import build_model, initial_state
from bnbench.training.check import check_program
from bnbench.training.check_rows import handful_of_rows
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_objects import keras_defaults
from bnbench.training.probes import gradient_growth as growth_probe
from bnbench.training.probes.forward import hidden_layers, predict_rows
from bnbench.training.probes.gradient_growth import gradient_growth
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan
from support.keras_fit import fit_trial

IMAGES = (8, 8, 3)
CONV = {"kernel_size": 3, "padding": "same"}
RESIDUAL = [
    {"conv2d": {"filters": 4, **CONV}},
    "norm",
    {"activation": "relu"},
    {
        "residual": {
            "layers": [
                {"conv2d": {"filters": 6, "strides": 2, **CONV}},
                "norm",
                {"activation": "relu"},
                {"conv2d": {"filters": 6, "kernel_regularizer": {"l2": 0.01}, **CONV}},
                "norm",
            ]
        }
    },
    {"activation": "relu"},
    {"residual": {"layers": ["norm", {"activation": "relu"}, {"conv2d": {"filters": 6, **CONV}}]}},
    "global_average_pooling2d",
    {"dense": "$classes"},
]
PARALLEL = [
    {"dense": 6},
    {
        "parallel": {
            "branches": [
                [],
                [{"dense": 4}, "norm", {"activation": "tanh"}, {"dropout": 0.2}],
                [{"residual": {"layers": [{"dense": 5}, "norm"], "shortcut": "conv"}}, {"activation": "relu"}],
            ],
            "merge": "concatenate",
        }
    },
    {"parallel": {"branches": [[{"dense": 7}], [{"dense": 7}]], "merge": "multiply"}},
    {"dense": "$classes"},
]
NETWORKS = {"residual": (IMAGES, RESIDUAL), "parallel": ((5,), PARALLEL)}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def cohort_of(network: str, variant: str = "batchnorm", **changes: Any) -> Cohort:
    shape, layers = NETWORKS[network]
    settings = {"train__engine": "graph", "train__batch_size": 15, "train__epochs": 2, "sweep__seeds": 1}
    plan = make_plan(facts(shape), model={"layers": layers}, **(settings | changes))
    return next(cohort for cohort in plan.cohorts if cohort.variant == variant)


def trained_once(cohort: Cohort, folder: Path = Path("unused"), models: str = "none") -> Any:
    """Return the compiled program and the result of the first trial."""
    compiled = CompiledProgram(cohort.program, dataset(cohort.program.facts), eager=True)
    return compiled, loop._train(compiled, cohort.trials[0], Saving(folder, models), lambda trial, epoch: None)


@pytest.mark.parametrize("variant", ["plain", "batchnorm"])
@pytest.mark.parametrize("network", NETWORKS)
def test_in_float64_a_graph_trains_as_in_fit(network: str, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CompiledProgram, "warm_up", lambda self: None)
    cohort = cohort_of(network, variant, train__dtype="float64")
    program, trial, data = cohort.program, cohort.trials[-1], dataset(cohort.program.facts)
    with keras_defaults("float64"):
        compiled = CompiledProgram(program, data)
        start = compiled.start(trial.seed)
        compiled.reset(start, trial.learning_rate)
        losses = []
        for order in loop.epoch_orders(program, start.parts.train, trial.seed):
            losses += compiled.train_epoch(order)[0].tolist()
        theirs = fit_trial(program, data, trial, validate=False)
    assert len(losses) == 6
    assert theirs.logs["loss"] == pytest.approx([np.mean(losses[:3]), np.mean(losses[3:])], rel=1e-8)
    for our, their in zip(compiled.model.variables, theirs.model.variables, strict=True):
        np.testing.assert_allclose(our.numpy(), their.numpy(), rtol=1e-8, atol=1e-8, err_msg=our.path)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_check_before_training_accepts_a_graph_that_is_saved(network: str) -> None:
    program = cohort_of(network, save_models="final").program
    check_program(program, handful_of_rows(dataset(program.facts)))


@pytest.mark.parametrize("network", NETWORKS)
def test_the_initial_state_is_that_of_a_fresh_model(network: str) -> None:
    program = cohort_of(network).program
    shape, model = program.facts.shape, build_model(program.layers, program.facts.shape, "float32", seed=0)
    fresh = build_model(program.layers, shape, "float32", seed=7)
    for ours, theirs in zip(initial_state(program.layers, model, "float32", 7), fresh.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy())
    assert program.parameters == model.count_params()


@pytest.mark.parametrize("network", NETWORKS)
def test_a_saved_graph_takes_rows_as_they_are_stored(network: str, tmp_path: Path) -> None:
    cohort = cohort_of(network, save_models="final", train__epochs=1)
    compiled, result = trained_once(cohort, tmp_path, "final")
    path = model_path(tmp_path, result.trial)
    card = read_card(path)
    assert card is not None
    check_model_file(path, card)
    rows = np.arange(10, dtype=np.int32)
    expected = predict_rows(compiled, compiled.start(cohort.trials[0].seed), rows)
    saved = keras.saving.load_model(path, compile=False, safe_mode=True)
    np.testing.assert_allclose(saved(compiled.dataset.x[rows], training=False), expected, rtol=1e-4, atol=1e-6)


def test_the_layers_of_a_graph_are_called_in_order_and_probed() -> None:
    compiled, result = trained_once(cohort_of("residual", train__pre_activations=True, train__epochs=1))
    named = {layer.name for layer in compiled.model.layers}
    assert hidden_layers(compiled) == named - {"input", "dense_0"}
    x = compiled.data.x.numpy()[:5]
    rows = np.arange(5, dtype=np.int32)
    inputs = compiled.inputs_of("activation_2", rows)
    # A relu behind an addition sees the sum of both branches.
    add = keras.Model(compiled.model.input, compiled.model.get_layer("add_0").output)
    np.testing.assert_allclose(inputs, add(x, training=True), rtol=1e-5, atol=1e-6)
    assert len(result.pre_activations) == 2
    assert result.bn_mode_gap is not None
    assert result.probe.dead_layer.startswith("activation_")


def test_gradients_grow_over_the_depth_of_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = cohort_of("residual")
    compiled = CompiledProgram(cohort.program, dataset(cohort.program.facts), eager=True)
    start = compiled.start(0)
    compiled.reset(start, 0.1)
    rows = np.arange(10, dtype=np.int32)
    monkeypatch.setattr(growth_probe, "DEEP", 6)
    # Four convolutions and a dense layer lie on the longest path, and the shortcut next to the second and third.
    assert gradient_growth(compiled, start, rows) is None
    monkeypatch.setattr(growth_probe, "DEEP", 5)
    names = ["conv2d_0", "conv2d_1", "conv2d_2", "shortcut_0", "conv2d_3"]
    squared = compiled.output_gradients(rows, names)
    compiled.reset(start, 0.1)
    growth = growth_probe.growth_factor([0, 1, 2, 1, 3], [squared[name] for name in names])
    assert gradient_growth(compiled, start, rows) == growth


@pytest.mark.parametrize("network", NETWORKS)
def test_layers_start_from_the_same_numbers_in_every_variant(network: str) -> None:
    shape, items = NETWORKS[network]
    plain, normed = (
        build_model(flatten_layers(items, {"classes": 3}, norm, "here", shape), shape, "float32", seed=1)
        for norm in (NormSlot(), NormSlot("batch"))
    )
    kernels = {layer.name: layer.kernel.numpy() for layer in plain.layers if hasattr(layer, "kernel")}
    assert len(kernels) >= 6
    for name, kernel in kernels.items():
        np.testing.assert_array_equal(kernel, normed.get_layer(name).kernel.numpy())


def test_a_mask_reaches_the_layers_behind_a_merge_as_in_fit() -> None:
    layers = [
        {"masking": 0.0},
        {"residual": {"layers": [{"dense": 3}, {"activation": "tanh"}]}},
        {"lstm": 4},
        {"dense": "$classes"},
    ]
    of = facts((6, 3))
    rows = dataset(of)
    rows.x[:, 4:] = 0.0
    cohort = make_plan(
        of, model={"layers": layers}, variants={"plain": {}}, train__dtype="float64", data__scale="none",
        train__engine="graph", train__batch_size=15, train__epochs=1, save_models="final",
    ).cohorts[0]  # fmt: skip
    check_program(cohort.program, handful_of_rows(rows))
    trial = cohort.trials[0]
    with keras_defaults("float64"):
        compiled = CompiledProgram(cohort.program, rows, eager=True)
        start = compiled.start(trial.seed)
        compiled.reset(start, trial.learning_rate)
        for order in loop.epoch_orders(cohort.program, start.parts.train, trial.seed):
            compiled.train_epoch(order)
        theirs = fit_trial(cohort.program, rows, trial, validate=False)
    for our, their in zip(compiled.model.variables, theirs.model.variables, strict=True):
        np.testing.assert_allclose(our.numpy(), their.numpy(), rtol=1e-8, atol=1e-8)
