import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnbench.errors import ResultsError
from bnbench.store import model_card, results_dir
from bnbench.store.model_card import ModelCard
from support.examples import dataset, facts, make_plan

CARD = ModelCard("best", "digits", (8, 8, 1), (0.0, 16.0), ("0", "1"), "softmax")


def test_a_card_is_read_back_unchanged(tmp_path: Path) -> None:
    model = tmp_path / "t.keras"
    model_card.write_card(model, CARD)
    # A card without its model does not count.
    assert model_card.read_card(model) is None
    model.touch()
    assert model_card.read_card(model) == CARD
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
    card = model_card.describe_model(program, dataset(facts()), np.arange(5, dtype=np.int32), "final")
    assert card == ModelCard("final", "digits", (5,), (0.0, 1.0), ("class 0", "class 1", "class 2"), wanted)


def test_the_card_of_an_image_model_has_the_mean_of_its_training_rows() -> None:
    images = facts((2, 2, 1))
    program = (
        make_plan(images, model__layers=["flatten", {"dense": "$units"}, "norm", {"dense": "$classes"}])
        .cohorts[0]
        .program
    )
    made_up, rows = dataset(images), np.array([4, 7, 9], np.int32)
    card = model_card.describe_model(program, made_up, rows, "best")
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
