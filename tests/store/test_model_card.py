import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bnbench.config.schema import Data
from bnbench.data.own.table_inputs import InputColumn, TableInputs
from bnbench.data.splits import fit_scaling
from bnbench.data.targets import fit_target_scale
from bnbench.data.types import Dataset
from bnbench.errors import ResultsError
from bnbench.planning.plan import Program
from bnbench.store import model_card, results_dir
from bnbench.store.model_card import ModelCard
from support.examples import dataset, facts, make_plan

CARD = ModelCard("best", "digits", (8, 8, 1), (0.0, 16.0), ("0", "1"), "softmax")


TABLE = TableInputs(
    (InputColumn("age", filled=True), InputColumn("color", ("blue", "red")), InputColumn("height")), ",", ";", True
)
OF_TABLE = ModelCard(
    "final", "people.csv", (5,), (0.0, 200.0), (), "none", table=TABLE, fill=(41.5,), target_mean=3e5,
    target_deviation=1e5,
)  # fmt: skip


def describe(program: Program, data: Dataset, rows: NDArray[np.int32], weights: str) -> ModelCard:
    scaling = fit_scaling(data, program.data, rows)
    return model_card.describe_model(program, data, rows, weights, scaling, fit_target_scale(data, program.data, rows))


@pytest.mark.parametrize("card", [CARD, OF_TABLE], ids=["images", "table"])
def test_a_card_is_read_back_unchanged(tmp_path: Path, card: ModelCard) -> None:
    model = tmp_path / "t.keras"
    model_card.write_card(model, card)
    # A card without its model does not count.
    assert model_card.read_card(model) is None
    model.touch()
    assert model_card.read_card(model) == card
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.json", "t.keras"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("weights", 5), ("data", []), ("shape", ["8"]), ("shape", [0]), ("value_range", [1]), ("classes", "ab"),
        ("value_range", [0, float("inf")]), ("probabilities", "perhaps"), ("more", 1), ("mean", [1.0]),
    ],
)  # fmt: skip
def test_a_card_with_invalid_values_is_an_error(tmp_path: Path, key: str, value: object) -> None:
    (tmp_path / "t.keras").touch()
    model_card.write_card(tmp_path / "t.keras", CARD)
    values = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    (tmp_path / "t.json").write_text(json.dumps(values | {key: value}), encoding="utf-8")
    with pytest.raises(ResultsError, match=rf"t.json: cannot be read .*{key}"):
        model_card.read_card(tmp_path / "t.keras")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fill", []), ("fill", [1.0, 2.0]), ("fill", ["a"]), ("table", None), ("table", {"columns": []}),
        ("table", {"columns": [{"name": "age"}]}), ("table", {"columns": "ab"}), ("table", [1]),
        ("target_mean", "much"), ("target_deviation", None),
    ],
)  # fmt: skip
def test_a_card_of_a_table_with_invalid_values_is_an_error(tmp_path: Path, key: str, value: object) -> None:
    (tmp_path / "t.keras").touch()
    model_card.write_card(tmp_path / "t.keras", OF_TABLE)
    values = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    (tmp_path / "t.json").write_text(json.dumps(values | {key: value}), encoding="utf-8")
    with pytest.raises(ResultsError, match=r"t.json: cannot be read"):
        model_card.read_card(tmp_path / "t.keras")


def test_a_card_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.keras").touch()
    (tmp_path / "t.json").write_text(
        '{"weights": "best", "data": "digits", "shape": [8, 8, 1], "value_range": [0.0, 16.0], '
        '"classes": ["0", "1"], "probabilities": "softmax"}'
    )
    assert model_card.read_card(tmp_path / "t.keras") == CARD


def test_missing_values_get_the_numbers_of_the_card() -> None:
    rows = np.array([[30.0, 1, 0, 180, 0], [np.nan, 0, 1, 160, 1]])
    assert OF_TABLE.fill_missing(rows).tolist() == [[30, 1, 0, 180, 0], [41.5, 0, 1, 160, 1]]
    assert CARD.fill_missing(rows) is rows


def test_the_card_of_an_own_table_has_its_columns_and_fills() -> None:
    of = replace(facts(), filled=(1,), columns=("a", "b", "c", "d"))
    program = make_plan(of).cohorts[0].program
    settings = Data.model_validate({"table": "some/own.csv", "target": "y", "missing": {"b": "mean"}, "decimal": ","})
    made = dataset(of)
    x = made.x.copy()
    x[1, 1] = np.nan
    rows = np.array([0, 1, 2], np.int32)
    card = describe(replace(program, data=settings), replace(made, x=x), rows, "final")
    assert (card.data, card.fill) == ("some/own.csv", pytest.approx((x[[0, 2], 1].astype(float).mean(),)))
    assert card.table is not None
    assert [column.name for column in card.table.columns] == ["a", "b", "c", "d"]
    assert (card.table.filled, card.table.decimal, card.table.header) == ((1,), ",", True)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "[" * 100_000, '{"shape": [1], "value_range": [0, 1], "classes": [], "x": 1}']
)
def test_a_damaged_card_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.keras").touch()
    (tmp_path / "t.json").write_text(content, encoding="utf-8")
    with pytest.raises(ResultsError, match=r"t.json: cannot be read .*; remove it"):
        model_card.read_card(tmp_path / "t.keras")


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "softmax"),
        ({"train__loss": "categorical_focal_crossentropy"}, "softmax"),
        ({"train__loss": "mean_squared_error"}, "none"),
        (
            {
                "train__loss": {"sparse_categorical_crossentropy": {"from_logits": False}},
                "model__layers": [
                    {"dense": "$units"},
                    "norm",
                    {"dense": {"units": "$classes", "activation": "softmax"}},
                ],
            },
            "given",
        ),
    ],
    ids=["logits", "focal", "no probabilities", "softmax layer"],
)
def test_a_card_says_how_outputs_become_probabilities(changes: dict[str, Any], wanted: str) -> None:
    program = make_plan(**changes).cohorts[0].program
    card = describe(program, dataset(facts()), np.arange(5, dtype=np.int32), "final")
    assert card == ModelCard("final", "digits", (5,), (0.0, 1.0), ("class 0", "class 1", "class 2"), wanted)


def test_the_card_of_an_image_model_has_the_mean_of_its_training_rows() -> None:
    images = facts((2, 2, 1))
    program = (
        make_plan(images, model__layers=["flatten", {"dense": "$units"}, "norm", {"dense": "$classes"}])
        .cohorts[0]
        .program
    )
    made_up, rows = dataset(images), np.array([4, 7, 9], np.int32)
    card = describe(program, made_up, rows, "best")
    assert card.mean == pytest.approx(made_up.x[rows].mean(axis=0).ravel(), rel=1e-3)
    assert card.value_range == made_up.value_range


def test_models_with_other_weights_or_without_a_card_are_missing(tmp_path: Path) -> None:
    for trial in ("a", "b"):
        path = results_dir.model_path(tmp_path, trial)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    model_card.write_card(results_dir.model_path(tmp_path, "a"), CARD)
    assert results_dir.saved_models(tmp_path, ["a", "b", "c"]) == {"a": CARD}
    assert results_dir.missing_models(tmp_path, ["a", "b", "c"], "best") == {"b", "c"}
    assert results_dir.missing_models(tmp_path, ["a", "b", "c"], "final") == {"a", "b", "c"}
