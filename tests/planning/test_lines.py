"""Every message about a value of an experiment file has its line and column, whatever finds the mistake."""

import re
from pathlib import Path

import pytest

from bnbench.config.load import load_located_config
from bnbench.config.overrides import parse_overrides
from bnbench.errors import ConfigError
from bnbench.planning.plan import make_plan
from support.examples import facts

GOOD = """\
name: good
data: {name: digits}
model:
  params: {units: 6}
  layers:
    - flatten
    - dense: $units
    - norm
    - activation: relu
    - dense:
        units: $classes
variants:
  plain: {}
  batchnorm:
    norm: {name: batch, momentum: 0.9}
train:
  epochs: 2
  optimizer:
    sgd:
      momentum: 0.5
  callbacks:
    - early_stopping: {patience: 3}
sweep:
  learning_rate: [0.1, 1.0]
  seeds: [0, 1]
  grid:
    train.batch_size: [4, 8]
claims:
  - {text: t, metric: ok, of: plain, probability: {at_least: 0.5}}
"""


def refusal(folder: Path, old: str, new: str, *overrides: str) -> str:
    """Return the message about a file in which `new` replaces `old`."""
    assert old in GOOD, old
    (folder / "my.yaml").write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        make_plan(*_with_facts(*load_located_config(folder / "my.yaml", parse_overrides(overrides))))
    return str(caught.value).replace(f"{folder}/", "")


def _with_facts(experiment: object, where: object) -> tuple:  # type: ignore[type-arg]
    return experiment, lambda settings: facts(), where


@pytest.mark.parametrize(
    ("old", "new", "start"),
    [
        # Values, found by the schema, by the limits and by checks of several settings.
        ("epochs: 2", "epochs: 0", "my.yaml:17:11: train.epochs: found 0"),
        ("epochs: 2", "epochs: .inf", "my.yaml:17:11: train.epochs: found inf"),
        ("name: digits", "name: digitz", "my.yaml:2:14: data.name: 'digitz' is not one of"),
        ("- flatten", "- flaten", "my.yaml:6:7: model.layers[0].flaten: 'flaten' is no layer"),
        ("units: $classes", "units: 0.5", "my.yaml:11:16: model.layers[4].dense.units: found 0.5, wanted a whole"),
        ("- dense: $units", "- dense: $unit", "my.yaml:7:14: model.layers[1].dense: $unit is not set"),
        ("patience: 3", "patience: x", "my.yaml:22:34: train.callbacks[0].patience: found 'x'"),
        ("momentum: 0.5", "momentum: x", "my.yaml:20:17: train.optimizer.momentum: found 'x'"),
        ("momentum: 0.9", "momentum: x", "my.yaml:15:35: variants.batchnorm.norm.batch.momentum: found 'x'"),
        ("seeds: [0, 1]", "seeds: [0, 0]", "my.yaml:25:10: sweep.seeds: found 0 twice"),
        ("batch_size: [4, 8]", "batch_size: [4, 4000]", "my.yaml:27:27: sweep.grid.train.batch_size[1]: a batch of"),
        ("of: plain", "of: plan", "my.yaml:29:31: claims[0].of: 'plan' is not one of"),
        ("at_least: 0.5", "at_least: 5", "my.yaml:29:51: claims[0].probability: a probability of at least 5"),
        ("plain: {}", "plain: {train: {batch_size: 2}}", "my.yaml:13:10: variants.plain: sets train.batch_size"),
        # Keys.
        ("train:\n  epochs: 2", "train:\n  epoch: 2", "my.yaml:17:3: train.epochs: missing"),
        ("optimizer:\n", "optimiser:\n", "my.yaml:18:3: train.optimiser: unknown key"),
        ("plain: {}", "-plain: {}", "my.yaml:13:3: variants.-plain: '-plain' is no valid name"),
        ("momentum: 0.5", "momentun: 0.5", "my.yaml:20:17: train.optimizer.momentun: SGD has no such argument"),
        ("params: {units: 6}", "params: {units: 6, width: 1}", "my.yaml:4:29: model.params.width: never used"),
        # What the file leaves out is reported at the innermost value that it has.
        ("sweep:\n  learning_rate: [0.1, 1.0]", "sweep:", "my.yaml:24:3: sweep.learning_rate: missing"),
        ("name: good\n", "", "my.yaml:1:1: name: missing"),
        # A key inside another mapping is not the missing one.
        (
            "  learning_rate: [0.1, 1.0]\n  seeds: [0, 1]\n  grid:\n    train.batch_size: [4, 8]",
            "  grid:\n    learning_rate: [1]",
            "my.yaml:24:3: sweep.learning_rate: missing",
        ),
        (GOOD, "experiment:\n  name: a\n  data: {name: digits}\n", "my.yaml:1:1: name: missing"),
    ],
)
def test_a_mistake_is_found_at_its_line_and_column(tmp_path: Path, old: str, new: str, start: str) -> None:
    message = refusal(tmp_path, old, new)
    assert any(line.startswith(start) for line in message.splitlines()), message
    assert all(re.match(r"my\.yaml:\d+:\d+: ", line) for line in message.splitlines()), message


def test_an_alias_and_a_merged_value_have_the_line_where_the_value_is_written(tmp_path: Path) -> None:
    text = "variants:\n  plain: {}\n  batchnorm:\n    norm: {name: batch, momentum: 0.9}"
    shared = "variants:\n  plain: {norm: &n {name: batch, momentum: x}}\n  batchnorm: {norm: *n}"
    assert "my.yaml:13:44: variants.batchnorm.norm.batch.momentum" in refusal(tmp_path, text, shared).replace(
        "variants.plain", "variants.batchnorm"
    )
    merged = "train: {<<: &t {batch_size: 0}, epochs: 2}\nother: {"
    assert refusal(tmp_path, "train:\n", merged + "}\nx:\n").startswith("my.yaml:16:29: train.batch_size: found 0")


def test_an_override_has_no_line_and_leaves_the_lines_of_the_file(tmp_path: Path) -> None:
    message = refusal(tmp_path, "epochs: 2", "epochs: 0", "train.optimizer.momentum=0.1", "train.threads=0")
    assert message.splitlines() == [
        "my.yaml:17:11: train.epochs: found 0, wanted at least 1",
        "-o train.threads=0: found 0, wanted at least 1",
    ]


def test_an_override_of_the_model_names_the_line_of_the_layer_too(tmp_path: Path) -> None:
    message = refusal(tmp_path, "name: good", "name: good", "model.params.units=0")
    assert message.startswith("my.yaml:7:14: model.layers[1].dense.units: found 0")
    assert message.endswith("(with -o model.params.units=0)")
