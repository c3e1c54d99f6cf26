"""The JSON schema of experiment files accepts what bnbench accepts, and refuses the usual slips."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from bnbench.cli.main import main
from bnbench.commands.schema import render_schema
from bnbench.config import json_schema
from bnbench.config.load import check_config
from bnbench.config.yaml_loader import parse_yaml, read_yaml
from bnbench.errors import ConfigError
from bnbench.model.expand import SHORTCUTS
from bnbench.model.norms import norm_names
from support.broken_texts import GOOD
from support.examples import values
from support.paths import CONFIGS, ROOT

FILE = CONFIGS / "experiment.schema.json"
SHIPPED = sorted(CONFIGS.glob("**/*.yaml"))
MARK = "# yaml-language-server: $schema="


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return dict(json.loads(render_schema()))


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema)


def test_the_committed_file_is_what_make_docs_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == render_schema()


def test_the_command_prints_it() -> None:
    done = CliRunner().invoke(main, ["schema"])
    assert (done.exit_code, done.stdout) == (0, render_schema())


def test_it_is_a_valid_schema_of_its_draft(schema: dict[str, Any]) -> None:
    assert jsonschema.validators.validator_for(schema) is Draft202012Validator
    Draft202012Validator.check_schema(schema)


def test_every_key_has_a_description(schema: dict[str, Any]) -> None:
    """If this fails: write a comment above the new field that says what it means."""
    records = {"Experiment": schema, **schema["$defs"]}
    bare = [
        f"{name}.{key}"
        for name, record in records.items()
        for key, value in record.get("properties", {}).items()
        if "description" not in value
    ]
    assert bare == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_config_is_valid_and_points_to_it(path: Path, validator: Draft202012Validator) -> None:
    assert [error.message for error in validator.iter_errors(read_yaml(path))] == []
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(MARK)
    assert (path.parent / first.removeprefix(MARK)).resolve() == FILE.resolve()


def test_a_resolved_experiment_is_valid(validator: Draft202012Validator) -> None:
    for text in (check_config(values(), "").to_yaml(), GOOD):
        assert [error.message for error in validator.iter_errors(parse_yaml(text, ""))] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"train__optimizer": "sgd"},
        {"train__optimizer": {"sgd": {"momentum": 0.9}}},
        {"train__optimizer": {"sgd": None}},
        {"train__optimizer": {"name": "SGD", "momentum": 0.9}},
        {"train__schedule": "inverse_time", "train__loss": "mse"},
        {"train__schedule": None, "train__batch_size": "full"},
        {"train__callbacks": ["early_stopping", {"early_stopping": {"patience": 3}}]},
        {"variants": {"plain": {"norm": None}, "bn": {"norm": {"batch": {"momentum": 0.5}}}}},
        {"variants": {"plain": {}, "long": {"train": {"epochs": 9, "optimizer": "adam"}}}},
        {"sweep__learning_rate": 1e-3},
        {"sweep__learning_rate": {"from": 1e-3, "to": 10, "points": 5}},
        {"sweep__seeds": [0, 3], "sweep__grid": {"model.params.units": [1, 2]}},
        {"data__classes": [0, "b"], "data__split": {"validation": "test"}},
        {"data__repeats": "remove"},
        {"model__layers": [{"repeat": {"times": "$n", "layers": ["norm", "relu"]}}, {"Dense": "$classes"}, "flatten"]},
        {"claims": [{"text": "x", "metric": "test_accuracy", "of": "plain", "at": 0.1, "value": {"at_least": 0}}]},
        {"model__layers": ["flatten", {"residual": {"layers": [{"dense": 64}, "norm"]}}, {"dense": "$classes"}]},
        {"model__layers": ["flatten", {"residual": {"layers": [{"dense": 64}], "shortcut": []}}, {"dense": 3}]},
        {
            "model__layers": [
                "flatten",
                {"parallel": {"branches": [[{"dense": 4}], []], "merge": {"concatenate": {"axis": 1}}}},
                {"dense": 3},
            ]
        },
        {"train__warmup": 0.1},
        {"train__warmup": {"steps": 20}},
        {"train__class_weight": "balanced"},
    ],
    ids=str,
)
def test_short_forms_are_valid(changes: dict[str, Any], validator: Draft202012Validator) -> None:
    changed = values(**changes)
    # The text, as an editor reads it: 1e-3 is a number.
    text = yaml.safe_dump(changed).replace("0.001", "1e-3")
    check_config(changed, "")
    assert [error.message for error in validator.iter_errors(parse_yaml(text, ""))] == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"train__epoch": 3}, "train"),
        ({"train__epochs": 0}, "epochs"),
        ({"train__optimizer": "adamm"}, "optimizer"),
        ({"train__optimizer": {"sgd": {}, "adam": {}}}, "optimizer"),
        ({"data__name": "mnst"}, "name"),
        ({"data__scale": "standart"}, "scale"),
        ({"variants": {"bn": {"norm": "batchh"}}}, "norm"),
        ({"variants": {"bn": {"train": {"epoch": 1}}}}, "train"),
        ({"model__layers": [{"densee": 3}]}, 0),
        ({"model__layers": [{"dense": 3, "norm": None}]}, 0),
        ({"model__layers": [{"residual": {"layers": ["relu"], "shortcut": "both"}}]}, 0),
        ({"model__layers": [{"parallel": {"branches": [["relu"], []]}}]}, 0),
        ({"sweep__grid": {"epochs": [1]}}, "grid"),
        ({"sweep__learning_rate": "0.1"}, "learning_rate"),
        ({"name": "a b"}, "name"),
        ({"claims": [{"text": "x", "metric": "test_acc", "of": "plain"}]}, "metric"),
    ],
    ids=str,
)
def test_slips_are_marked(changes: dict[str, Any], key: object, validator: Draft202012Validator) -> None:
    errors = list(validator.iter_errors(values(**changes)))
    assert [error.absolute_path[-1] for error in errors] == [key]


def test_names_are_those_of_the_other_rooms(schema: dict[str, Any]) -> None:
    assert schema["$defs"]["norms"]["anyOf"][0]["enum"] == list(norm_names())
    assert {"sgd", "rmsprop", "Adam"} <= set(schema["$defs"]["optimizers"]["anyOf"][0]["enum"])
    layers = schema["$defs"]["Layer"]["anyOf"][0]["enum"]
    assert {"dense", "relu", "leaky_relu", "conv2d", "Conv2D", "norm"} <= set(layers)
    # Refused layers are not offered.
    assert "lambda" not in layers
    assert json_schema.SHORTCUTS == SHORTCUTS


def test_a_mapping_that_the_records_refuse_may_still_be_valid(validator: Draft202012Validator) -> None:
    changed = values(train__batch_size=8, baseline="nobody")
    assert not list(validator.iter_errors(changed))
    with pytest.raises(ConfigError, match="nobody"):
        check_config(changed, "")


def test_it_needs_no_tensorflow() -> None:
    code = (
        "import sys; from bnbench.commands.schema import render_schema; render_schema(); print('keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "False\n"
