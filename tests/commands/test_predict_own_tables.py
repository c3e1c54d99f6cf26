"""A model of an own table takes the same raw file: categories, missing values, marks and units as in its training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import bnbench
from bnbench.commands import predict
from bnbench.commands.predict_inputs import check_input, read_chunks
from bnbench.data import access
from bnbench.data.own.table_inputs import InputColumn, TableInputs
from bnbench.data.splits import split_rows
from bnbench.data.types import DataDirs
from bnbench.errors import DataError
from bnbench.execution.sweep import prepare_plan
from bnbench.report.document import make_document, render_markdown
from bnbench.results.caveats import list_caveats
from bnbench.results.results import Results
from bnbench.store import results_dir
from bnbench.store.model_card import ModelCard, read_card
from bnbench.training.threads import use_threads
from support.quick import write_no_report

TABLE = TableInputs((InputColumn("age", filled=True), InputColumn("color", ("blue", "red"))), ",", ";")
CARD = ModelCard("final", "people.csv", (4,), (0.0, 99.0), (), "none", table=TABLE, fill=(40.0,))
ROWS = 160


def read(text: str, folder: Path, name: str = "new.csv") -> list[list[float]]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    rows: list[list[float]] = np.concatenate([chunk.values for chunk in read_chunks(path, CARD)]).tolist()
    return rows


def test_cells_are_read_as_in_training(tmp_path: Path) -> None:
    text = "id;color;age;price\n1;red;30,5;\n2;blue;;77\n"
    assert read(text, tmp_path) == [[30.5, 0, 1, 0], [40, 1, 0, 1]]
    assert read("age;color\n1;red\n", tmp_path, "new.tsv") == [[1, 0, 1, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age;color\n30,5;green\n", r"line 2, column 'color': 'green' is not listed"),
        ("age;color\n30.5;red\n", r"line 2, column 'age': '30.5' has a decimal point, but data.decimal is ','"),
        ("age;colour\n1;red\n", r"no column 'color' \(did you mean 'colour'\?\)"),
        ("age;color\n1;\n", r"line 2, column 'color': is empty"),
        ("age;color\n", "contains no rows"),
    ],
)
def test_a_cell_that_training_would_refuse_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "new.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        check_input(tmp_path / "new.csv", CARD, lambda *_: None)


def test_an_array_has_the_values_of_a_row_and_may_miss_some(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[np.nan, 1, 0, 1], [3, 0, 1, 0]]))
    chunks = [chunk.values.tolist() for chunk in read_chunks(tmp_path / "x.npy", CARD)]
    assert chunks == [[[40, 1, 0, 1], [3, 0, 1, 0]]]
    np.save(tmp_path / "bad.npy", np.array([[1, np.nan, 0, 1]]))
    with pytest.raises(DataError, match="row 1: a value is not a finite number"):
        list(read_chunks(tmp_path / "bad.npy", CARD))


def houses() -> pd.DataFrame:
    """Return prices that size and color explain, of streets with four houses each; every fifth size is missing."""
    generator = np.random.default_rng(0)
    size, color = generator.uniform(50, 150, ROWS).round(1), generator.integers(0, 2, ROWS)
    price = 200_000 + 3000 * size + 50_000 * color
    known = [f"{value:.1f}".replace(".", ",") if i % 5 else "" for i, value in enumerate(size)]
    return pd.DataFrame(
        {
            "id": range(ROWS), "color": np.array(["blue", "red"])[color], "size": known,
            "street": [f"street {i // 4}" for i in range(ROWS)], "price": price.round().astype(int),
        }
    )  # fmt: skip


SETTINGS: dict[str, Any] = {
    "name": "houses",
    "data": {
        "table": "houses.csv", "target": "price", "task": "number", "drop": ["id"], "group": "street",
        "categories": {"color": ["blue", "red"]}, "missing": {"size": "mean"}, "decimal": ",", "separator": ";",
        "target_scale": "standard",
    },
    "model": {"layers": [{"dense": 16}, "norm", {"activation": "tanh"}, {"dense": 1}]},
    "variants": {"plain": {}},
    "train": {"epochs": 30, "batch_size": 16, "optimizer": "adam", "loss": "mse", "engine": "graph"},
    "sweep": {"learning_rate": [0.03], "seeds": 1},
    "save_models": "final",
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Results:
    use_threads(1)
    folder = tmp_path_factory.mktemp("houses")
    houses().to_csv(folder / "houses.csv", sep=";", index=False)
    (folder / "houses.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        write_no_report(patch)
        return bnbench.run(folder / "houses.yaml", results_dir=folder / "results", jobs=0)


def test_predictions_of_the_raw_file_are_prices_with_the_test_score_of_the_trial(trained: Results) -> None:
    folder = trained.folder.parents[1]
    file = folder / "houses.csv"
    found = predict.predict_files(trained.folder, "best", [file])
    values = found.table["value"].to_numpy()
    prices = houses()["price"].to_numpy().astype(float)

    places = DataDirs(config_dir=folder)
    program = prepare_plan(folder / "houses.yaml", {}, places).cohorts[0].program
    parts = split_rows(access.load_dataset(program.data, places), program.data, program.sizes, seed=0)
    mean = prices[parts.train].mean()
    error = ((values - prices)[parts.test] ** 2).mean() / ((prices[parts.test] - mean) ** 2).mean()
    assert 1 - error == pytest.approx(trained.trials["test_score"].iloc[0], abs=1e-4)
    assert 1 - error > 0.3
    streets = houses()["street"].to_numpy()
    assert not set(streets[parts.train]) & set(streets[parts.test])

    card = read_card(results_dir.model_path(trained.folder, trained.trials["trial"].iloc[0]))
    assert card is not None
    assert card.target_mean == pytest.approx(mean)
    stated = json.loads((trained.folder / "models" / f"{trained.trials['trial'].iloc[0]}.json").read_text())
    assert [column["name"] for column in stated["table"]["columns"]] == ["color", "size"]


def test_a_file_without_target_and_with_other_columns_gives_the_same_predictions(
    trained: Results, tmp_path: Path
) -> None:
    whole = predict.predict_files(trained.folder, "best", [trained.folder.parents[1] / "houses.csv"]).table
    new = houses()[["size", "color"]].assign(agent="nobody")
    new.to_csv(tmp_path / "new.csv", sep=";", index=False)
    again = predict.predict_files(trained.folder, "best", [tmp_path / "new.csv"]).table
    np.testing.assert_allclose(again["value"], whole["value"], rtol=1e-6)


def test_the_report_says_in_which_unit_losses_are(trained: Results) -> None:
    assert any(caveat.startswith("Losses are of standardized targets") for caveat in list_caveats(trained))
    assert "standardized targets" in render_markdown(make_document(trained, []))
