from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray

import bnbench
from bnbench.commands import predict, predict_inputs
from bnbench.data import access
from bnbench.data.splits import Scaling, apply_scaling, split_rows
from bnbench.errors import DataError, ResultsError
from bnbench.results.results import Results
from bnbench.store import results_dir
from bnbench.store.model_card import ModelCard
from bnbench.training import loop
from bnbench.training.compiled_program import use_threads
from support.examples import dataset, facts, make_plan, values
from support.kept import keep

PAGE = ModelCard("best", "digits", (5,), (0.0, 1.0), ("a", "b", "c"), "softmax")
ENDS: list[float | str] = [0.8, 0.9, 0.95, "nonfinite", 0.85, 0.95, "failed", 0.7]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """plain 0.01: 0.85 in the mean, 0.1: 0.64; batchnorm 0.01: 0.9, 0.1: 0.7."""
    return Results(keep(tmp_path_factory.mktemp("results") / "tiny", ENDS))


def chosen(results: Results, which: str, saved: list[int]) -> int:
    """The number of the trial that is chosen where those numbers have a saved model."""
    ids = results.trials["trial"].tolist()
    return ids.index(predict.choose(results, {ids[number]: PAGE for number in saved}, which))


@pytest.mark.parametrize(
    ("saved", "best"),
    [
        (list(range(8)), 5),  # the better seed of batchnorm at 0.01
        ([0, 1, 2, 4], 4),  # the better seed has no model
        ([0, 1, 2, 7], 1),  # 0.95 at plain's 0.1 is luck: the other seed diverged
        ([3], 3),
    ],
)
def test_the_best_trial_is_of_the_best_variant_and_rate(results: Results, saved: list[int], best: int) -> None:
    assert chosen(results, "best", saved) == best


def test_a_trial_is_named_by_the_beginning_of_its_id_or_name(results: Results) -> None:
    every = list(range(8))
    trial = results.trials["trial"].iloc[2]
    assert chosen(results, trial, every) == chosen(results, trial[:12], every) == 2
    assert chosen(results, "plain lr=0.01 seed=1", every) == 1


@pytest.mark.parametrize(
    ("which", "message"),
    [
        (
            "plain lr=0.01",
            r"'plain lr=0.01' may be 2 trials:\n  \w{16}  plain lr=0.01 seed=0\n  \w{16}  plain lr=0.01 s",
        ),
        ("", "may be 8 trials"),
        ("plian lr=0.1 seed=0", r"no trial .* \(did you mean 'plain lr=0.1 seed=0'\?\); there are\n"),
        ("plain lr=0.1 seed=1", r"no model was saved of plain lr=0.1 seed=1 \(\w{16}\): it diverged"),
        ("batchnorm lr=0.1 seed=0", "it failed"),
        ("batchnorm lr=0.1 seed=1", r"with -o save_models=best the same run .*: bnbench run \S*/tiny/config.yaml -o"),
    ],
)
def test_a_trial_that_cannot_be_had_is_told(results: Results, which: str, message: str) -> None:
    with pytest.raises(ResultsError, match=message):
        chosen(results, which, [0, 1, 2, 4, 5])


def test_without_any_model_it_says_how_to_get_them(results: Results) -> None:
    with pytest.raises(ResultsError, match=r"tiny: no model was saved; with -o save_models=best"):
        predict.predict(results.folder, "best", [Path("x.csv")])


def test_probabilities_by_the_kind_of_loss() -> None:
    outputs = np.log([[1.0, 2.0, 5.0]])
    assert predict.probabilities(outputs, "softmax")[0] == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert predict.probabilities(outputs, "given") is outputs
    assert np.isnan(predict.probabilities(outputs, "none")).all()
    assert predict.probabilities(np.array([[1e5, -1e5]]), "softmax").tolist() == [[1, 0]]


def test_one_row_an_input_row_with_as_many_classes_as_asked_for() -> None:
    rows = [
        predict_inputs.InputRows(Path("x.csv"), np.zeros((2, 5))),
        predict_inputs.InputRows(Path("y.png"), np.zeros((1, 5))),
    ]
    outputs = np.log([[1.0, 2.0, 5.0], [4.0, 3.0, 1.0], [1.0, 1.0, 2.0]])
    table = predict.ranking(outputs, rows, PAGE, top=2)
    assert table[["input", "row", "class", "class_2"]].to_numpy().tolist() == [
        ["x.csv", 1, "c", "b"], ["x.csv", 2, "a", "b"], ["y.png", 1, "c", "a"],
    ]  # fmt: skip
    assert table["probability"].tolist() == pytest.approx([5 / 8, 4 / 8, 2 / 4])
    assert table["probability_2"].tolist() == pytest.approx([2 / 8, 3 / 8, 1 / 4])
    assert list(predict.ranking(outputs, rows, PAGE, top=9).columns)[-1] == "probability_3"


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """The small experiment's batch-normalised trial, run on made-up data with its model saved.

    Returns the results, the data and what the model gave for every row as it was saved.
    """
    use_threads(1)
    made_up, outputs = dataset(facts()), []
    monkeypatch.setattr(access, "dataset_info", lambda settings, places, download=False: facts())
    monkeypatch.setattr(access, "load_dataset", lambda settings, places, download=True: made_up)
    with_scaling = loop.with_scaling

    def watched(model: keras.Sequential, scaling: Scaling, shape: tuple[int, ...]) -> keras.Sequential:
        outputs.append(model(apply_scaling(scaling, made_up.x), training=False).numpy())
        return with_scaling(model, scaling, shape)

    monkeypatch.setattr(loop, "with_scaling", watched)
    settings = values(
        data__scale=request.param, save_models="final", variants={"bn": {"norm": "batch"}},
        sweep={"learning_rate": [0.1], "seeds": 1},
    )  # fmt: skip
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    results = bnbench.run(path, results=tmp_path / "results", jobs=0)
    monkeypatch.setattr(access, "load_dataset", None)  # predicting needs no data set
    return results, made_up, outputs[-1]


def softmax(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("trained", ["none", "unit", "standard", "l2"], indirect=True)
def test_a_prediction_is_that_of_the_model_that_was_trained(tmp_path: Path, trained: Any) -> None:
    results, made_up, outputs = trained
    np.save(tmp_path / "x.npy", made_up.x)
    found = predict.predict(results.folder, "best", [tmp_path / "x.npy"], top=3)
    names = np.array([f"class {i}" for i in range(3)])
    assert found.name == "bn lr=0.1 seed=0, final weights"
    assert found.table["class"].tolist() == names[outputs.argmax(axis=1)].tolist()
    np.testing.assert_allclose(found.table["probability"], softmax(outputs).max(axis=1), rtol=1e-4)
    np.testing.assert_allclose(found.table.filter(like="probability").sum(axis=1), 1, rtol=1e-6)

    program = make_plan(save_models="final").cohorts[0].program
    test = split_rows(made_up, program.data, program.sizes, seed=0).test
    right = (found.table["class"].to_numpy() == names[made_up.y])[test].mean()
    assert right == pytest.approx(results.trials["test_accuracy"].iloc[0])

    table = "\n".join(",".join(map(repr, row)) for row in made_up.x[:4].astype(float).tolist())
    (tmp_path / "x.csv").write_text(table, encoding="utf-8")
    again = predict.predict(results.folder, "bn", [tmp_path / "x.csv"], top=3)
    ours, theirs = again.table.drop(columns="input"), found.table.drop(columns="input").head(4)
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-5)  # another number of rows at a time: other last bits


@pytest.mark.parametrize("trained", ["standard"], indirect=True)
def test_bad_input_is_told_before_tensorflow_is_asked_for(
    tmp_path: Path, trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, made_up, _ = trained
    np.save(tmp_path / "x.npy", made_up.x[:, :4])
    monkeypatch.setattr(predict.startup, "import_tensorflow", None)
    with pytest.raises(DataError, match=r"x.npy: an array of \(75, 4\), wanted \(5\) for one row or \(rows, 5\)"):
        predict.predict(results.folder, "best", [tmp_path / "x.npy"])


@pytest.mark.parametrize("trained", ["standard"], indirect=True)
def test_a_damaged_model_is_told(tmp_path: Path, trained: Any) -> None:
    results, made_up, _ = trained
    np.save(tmp_path / "x.npy", made_up.x)
    path = results_dir.model_path(results.folder, results.trials["trial"].iloc[0])
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(
        ResultsError, match=r"\.keras: cannot be loaded: .*; remove it, and the same run makes it again"
    ):
        predict.predict(results.folder, "best", [tmp_path / "x.npy"])
