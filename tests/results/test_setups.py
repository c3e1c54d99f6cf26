from pathlib import Path
from typing import Any

import pytest

from bnbench.analysis.cures import Setup
from bnbench.config.load import check_config
from bnbench.results.setups import describe_setup
from bnbench.results.variant_config import VariantConfigs
from support.examples import values
from support.kept import compared

DENSE = {"dense": {"units": 5, "activation": "tanh", "kernel_initializer": "he_normal"}}


def setup(name: str = "plain", place: dict[str, Any] | None = None, **changes: Any) -> Setup:
    config = VariantConfigs(check_config(values(**changes), "tiny.yaml")).read(name, place or {})
    assert config
    return describe_setup(config)


def test_a_plain_network() -> None:
    assert setup() == Setup(
        scale="standard", keeps_duplicates=False, is_limited=False, is_image=True, takes_numbers=True, batch_size=8,
        optimizer="SGD", hidden_activations=frozenset({"relu"}), good_initializers=frozenset({"glorot"}),
    )  # fmt: skip


def test_a_network_with_blocks() -> None:
    layers = [
        "flatten",
        {"residual": {"layers": [{"dense": 7}, "norm"]}},
        {"activation": "relu"},
        {"dense": "$classes"},
    ]
    described = setup("batchnorm", model={"layers": layers})
    assert described.has_norm
    assert described.hidden_activations == {"relu"}
    config = VariantConfigs(check_config(values(model={"layers": layers}), "tiny.yaml")).read("batchnorm", {})
    assert config
    # The rows of digits have 64 values, so the shortcut is a projection.
    assert [layer.name for layer in config.layers if layer.class_name == "Dense"] == [
        "dense_0",
        "shortcut_0",
        "dense_1",
    ]


def test_the_norm_of_a_variant() -> None:
    batchnorm = setup("batchnorm")
    assert (batchnorm.has_norm, batchnorm.momentum) == (True, 0.9)
    frozen = setup("b", variants={"b": {"norm": {"batch": {"trainable": False}}}})
    assert (frozen.has_norm, frozen.momentum) == (False, None)
    # It has no statistics to keep, so it normalizes.
    frozen_layer = setup("b", variants={"b": {"norm": {"layer": {"trainable": False}}}})
    assert frozen_layer.has_norm
    layer = setup("b", variants={"b": {"norm": "layer"}})
    assert (layer.has_norm, layer.momentum) == (True, None)
    default = setup("b", variants={"b": {"norm": "batch"}})
    assert default.momentum == 0.99


def test_the_layers_of_a_variant() -> None:
    output = {"dense": {"units": "$classes", "kernel_regularizer": "l2"}}
    output = {"dense": {"units": "$classes", "kernel_regularizer": "l2"}}
    layers = ["flatten", "batch_normalization", DENSE, {"dropout": 0.4}, {"random_flip": "horizontal"}, output]
    layers += ["layer_normalization", "softmax"]
    found = setup("b", variants={"b": {"layers": layers}})
    assert found.norms_inputs
    assert found.norms_outputs
    assert found.has_penalty
    assert found.is_augmented
    assert (found.dropout, found.output_activation) == ((0.4,), "softmax")
    assert (found.hidden_activations, found.good_initializers) == ({"tanh"}, {"he"})


def test_scaling_by_constants_is_no_norm_but_brings_inputs_to_one_scale() -> None:
    layers = ["flatten", {"normalization": {"mean": 0.0, "variance": 1.0}}, DENSE, {"dense": "$classes"}]
    found = setup("b", variants={"b": {"layers": layers}})
    assert (found.has_norm, found.norms_inputs) == (False, True)


@pytest.mark.parametrize(("arguments", "activations"), [({}, {"tanh"}), ({"activation": "linear"}, set())])
@pytest.mark.parametrize("name", ["simple_rnn", "lstm", "gru"])
def test_a_recurrent_layer_has_tanh_by_default(name: str, arguments: dict[str, Any], activations: set[str]) -> None:
    layers = [{"reshape": {"target_shape": [8, 8]}}, {name: {"units": 3, **arguments}}, {"dense": "$classes"}]
    found = setup("b", variants={"b": {"layers": layers}}, model__layers=[{"dense": "$classes"}])
    assert found.hidden_activations == activations


def test_the_training_of_a_variant_and_of_an_axis() -> None:
    own = {"b": {"train": {"optimizer": {"name": "adam_w", "weight_decay": 0.1}, "batch_size": "full"}}}
    found = setup("b", variants=own, train__callbacks=[{"early_stopping": {"patience": 2}}], save_models="best")
    assert (found.optimizer, found.batch_size) == ("AdamW", None)
    assert found.has_penalty
    assert found.stops_early
    assert found.saves_best
    warm = {"cosine_decay": {"decay_steps": 100, "warmup_steps": 10, "warmup_target": 1.0}}
    scheduled = setup(train__schedule=warm)
    assert (scheduled.has_schedule, scheduled.warms_up) == (True, True)
    risen = setup(train__warmup=0.1)
    assert (risen.has_schedule, risen.warms_up) == (False, True)
    sizes = {"sweep__grid": {"train.batch_size": [4, 16]}}
    assert setup(place={"train.batch_size": 16}, **sizes).batch_size == 16


@pytest.mark.parametrize("name", ["another", "plain"])
def test_what_cannot_be_read_is_unknown(name: str) -> None:
    experiment = check_config(values(model__layers=["no_such_layer"]), "tiny.yaml")
    assert VariantConfigs(experiment).read(name, {}) is None


def test_a_report_advises_each_variant_what_can_help_it(tmp_path: Path) -> None:
    cells = {"plain": [[0.9] * 3, ["constant"] * 3], "batchnorm": [[0.9] * 3, ["constant"] * 3]}
    results = compared(tmp_path, cells, train__optimizer="adam", data__scale="unit")
    by_symptom = {row["symptom"]: row["cures"] for row in results.diagnoses.to_dict("records")}
    assert "Adam" not in by_symptom["constant predictions"]
    assert "data.scale: standard" in by_symptom["constant predictions"]
    rows = results.diagnoses[results.diagnoses["symptom"] == "dead units"].set_index("variant")["cures"]
    assert "batch normalization" in rows["plain"]
    assert "batch normalization" not in rows["batchnorm"]


def test_the_lowest_constant_loss_is_known_for_results_of_earlier_versions(tmp_path: Path) -> None:
    results = compared(tmp_path, {"plain": [[0.9] * 3, [0.9] * 3]})
    # ln 3; the made-up initial loss of 1.1 is just above it.
    assert results.trials["constant_loss"].round(4).unique().tolist() == [1.0986]
    other = compared(tmp_path / "mse", {"plain": [[0.9] * 3]}, train__loss="categorical_hinge")
    assert other.trials["constant_loss"].isna().all()
