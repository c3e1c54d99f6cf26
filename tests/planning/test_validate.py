"""Mistakes of an experiment are found without its data and without Keras, all of them at once."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bnbench.commands.validate import OF_KERAS, OF_THE_DATA, validate_file
from bnbench.config.load import check_config
from bnbench.errors import ConfigError
from bnbench.planning.validate import find_mistakes
from support.examples import values
from support.paths import CONFIGS, ROOT

LAYERS = [{"dense": "$units"}, "norm", {"activation": "relu"}, {"dense": "$classes"}]


def mistakes(**changes: Any) -> list[str]:
    return find_mistakes(
        check_config(values(**({"model__layers": ["flatten", *LAYERS]} | changes)), "a.yaml"), "a.yaml"
    )


def test_a_good_experiment_has_none() -> None:
    assert mistakes() == []
    assert mistakes(sweep__grid={"data.limit": [20, 30], "model.params.units": [3, 4]}) == []


def test_mistakes_in_all_parts_are_found_together() -> None:
    lines = mistakes(
        data__name="digitz",
        model__layers=[{"dense": {"unitz": 3}}, "norm", {"densee": 4}, {"dense": "$units"}],
        variants={"plain": {}, "bn": {"norm": "batchh"}},
        train__optimizer="sdg",
        sweep__grid={"train.loss": ["mse", "mze"]},
        claims=[{"text": "x", "metric": "test_score", "of": "bnn", "value": {"at_least": 0.5}}],
    )
    for wanted in (
        "data.name: 'digitz' is not one of",
        "model.layers[0].dense.unitz",
        "model.layers[2]: 'densee' is no layer",
        "variants.bn.norm: 'batchh'",
        "train.optimizer: 'sdg'",
        "claims[0].of: 'bnn'",
    ):
        assert sum(wanted in line for line in lines) == 1, (wanted, lines)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"model__layers": LAYERS}, "the last layer, dense_1 (Dense), gives (8, 8, 10), wanted (10,)"),
        ({"model__layers": ["flatten", {"conv2d": {"filters": 2, "kernel_size": 3}}]}, "conv2d_0 (Conv2D) gets (64,)"),
        ({"model__layers": ["flatten", *LAYERS, "softmax"]}, "the model ends in softmax, but the loss takes logits"),
        (
            {"data__name": "distance", "train__loss": "mse"},
            "$classes is the number of classes, but the data have numbers",
        ),
        ({"data__name": "distance"}, "sparse_categorical_crossentropy is a loss for classes"),
        ({"data__limit": 20, "train__batch_size": 21}, "a batch of 21 is larger than the 20 training rows"),
        ({"model__params": {"units": 3, "depth": 4}}, "model.params.depth: never used"),
        ({"variants": {"plain": {"params": {"unit": 3}}}}, "not set under model.params (did you mean 'units'?)"),
        ({"variants": {"plain": {"train": {"epoch": 3}}}}, "unknown key (did you mean 'epochs'?)"),
        ({"sweep__grid": {"epochs": [1]}}, "wanted a dotted key under data, model or train"),
        ({"sweep__grid": {"train.epochs": [1, 0]}}, "sweep.grid.train.epochs[1]: found 0, wanted at least 1"),
        ({"sweep__grid": {"model.params.units": [3, 3.0]}}, "found 3.0 twice"),
        ({"sweep__learning_rate": [0.1, 0.1000000001]}, "is the same number in float32"),
        ({"sweep__grid": {"train.optimizer": ["sgd", {"sgd": {}}]}}, "the same setting twice"),
        ({"data__shift_test": {"brightness": 0.1}, "data__name": "leaf"}, "the rows of leaf are no images"),
        ({"data__target_scale": "standard"}, "only numbers have a scale"),
        ({"train__warmup": {"steps": 10**6}}, "train.warmup.steps: found 1000000, wanted fewer than"),
        ({"train__schedule": {"piecewise_constant": {"boundaries": [0.5, 0.5001], "values": [1, 2, 3]}}}, "must rise"),
        ({"train__class_weight": {"11": 2}}, "train.class_weight"),
        (
            {"model__layers": ["flatten", {"residual": {"layers": [{"dense": 3}], "shortcut": "non"}}]},
            "shortcut: 'non'",
        ),
    ],
)
def test_a_mistake_is_found_without_data(changes: dict[str, Any], wanted: str) -> None:
    try:
        lines = mistakes(**changes)
    except ConfigError as error:
        # The check of single values has found it already.
        lines = str(error).splitlines()
    assert any(wanted in line for line in lines), lines


def test_of_several_points_each_mistake_is_listed_once() -> None:
    lines = mistakes(sweep__grid={"data.limit": [20, 30], "train.optimizer": ["sgd", "sdg"]})
    assert len(lines) == 1
    assert "sweep.grid.train.optimizer[1]" in lines[0]


def test_a_mistake_that_several_points_share_names_the_first_of_them() -> None:
    layers = [{"dense": "$units"}, {"dropout": 2}, "norm", {"dense": "$classes"}]
    (line,) = mistakes(model__layers=layers, sweep__grid={"model.params.units": [3, 4, 5]})
    assert line.startswith("a.yaml: model.layers[1].dropout.rate: found 2, wanted a number from 0 to below 1")
    assert line.endswith(" (with a.yaml: sweep.grid.model.params.units[0], and at 2 other settings)")


def test_a_mistake_of_every_point_does_not_stop_the_other_checks() -> None:
    lines = mistakes(
        model__layers=[{"densee": 3}, "norm", {"dense": "$units"}],
        train__optimizer="sdg",
        sweep__grid={"model.params.units": [3, 4]},
    )
    assert [line.split(": ")[1] for line in lines] == ["train.optimizer", "model.layers[0]"]


def test_two_kinds_of_scores_in_one_sweep_are_refused() -> None:
    lines = mistakes(sweep__grid={"data.name": ["digits", "distance"]})
    assert any("two kinds of score in one sweep" in line for line in lines), lines


def test_a_sweep_that_is_too_large_is_refused_before_anything_else() -> None:
    (line,) = mistakes(sweep__grid={f"model.params.p{i}": list(range(100)) for i in range(3)})
    assert "programs" in line


def test_both_kinds_of_values_are_possible_without_the_files() -> None:
    # Only the files say whether the rows of a table are whole numbers.
    layers = [{"embedding": {"input_dim": 100, "output_dim": 4}}, "flatten", {"dense": "$classes"}]
    changes = {"data": {"name": "bag_of_words", "scale": "none"}, "variants": {"plain": {}}, "model__params": {}}
    assert mistakes(model__layers=layers, **changes) == []


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("**/*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_config_is_valid(path: Path) -> None:
    checked = validate_file(path)
    assert checked.mistakes == ()
    assert checked.trials > 0
    assert checked.unchecked == (OF_THE_DATA, OF_KERAS)


def test_mistakes_of_the_file_have_their_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(values(train__epochs=0, train__batch_sise=3)), encoding="utf-8")
    checked = validate_file(path)
    assert len(checked.mistakes) == 2
    assert all(line.startswith(f"{path}:") for line in checked.mistakes)


def test_the_command_reads_no_data_and_loads_no_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from bnbench.cli.main import main\n"
        "try:\n    main(['validate', *sys.argv[1:]])\n"
        "except SystemExit as end:\n    print(end.code, sorted({'tensorflow', 'keras', 'pandas'} & set(sys.modules)))\n"
    )
    bad = tmp_path / "bad.yaml"
    bad.write_text(yaml.safe_dump(values(train__epochs=0)), encoding="utf-8")
    paths = [str(CONFIGS / "leaf.yaml"), str(bad)]
    place = {"BNBENCH_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, env=place, check=True)
    assert done.stdout.splitlines()[-1] == "2 []"
    assert "leaf.yaml: no mistake found: 3 variants" in done.stdout
    assert "Not checked:" in done.stdout
    assert f"{bad}:" in done.stderr
    assert not (tmp_path / "cache").exists()
