import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray

import bnbench
from bnbench.commands import predict
from bnbench.commands.predict_rows import InputRows
from bnbench.data import access
from bnbench.data.splits import Scaling, apply_scaling, split_rows
from bnbench.data.targets import TargetScale
from bnbench.errors import DataError, ResultsError
from bnbench.results.results import Results
from bnbench.store import results_dir
from bnbench.store.model_card import ModelCard
from bnbench.training import loop
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan, values
from support.kept import keep
from support.quick import write_no_report

CARD = ModelCard("best", "digits", (5,), (0.0, 1.0), ("a", "b", "c"), "softmax")
ENDS: list[float | str] = [0.8, 0.9, 0.95, "nonfinite", 0.85, 0.95, "failed", 0.7]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Mean accuracies: plain 0.85 at rate 0.01 and 0.64 at 0.1, batchnorm 0.9 at 0.01 and 0.7 at 0.1."""
    return Results(keep(tmp_path_factory.mktemp("results") / "tiny", ENDS))


def chosen(results: Results, which: str, saved: list[int]) -> int:
    """Return the number of the chosen trial if the trials with the numbers `saved` have a saved model."""
    ids = results.trials["trial"].tolist()
    return ids.index(predict.choose_trial(results, {ids[number]: CARD for number in saved}, which))


@pytest.mark.parametrize(
    ("saved", "best"),
    [
        # This is the better seed of batchnorm at 0.01.
        (list(range(8)), 5),
        # The better seed has no model.
        ([0, 1, 2, 4], 4),
        # Plain has 0.95 at 0.1, but its other seed diverged.
        ([0, 1, 2, 7], 1),
        ([3], 3),
    ],
)
def test_best_is_a_trial_of_the_best_variant_and_rate(results: Results, saved: list[int], best: int) -> None:
    assert chosen(results, "best", saved) == best


def test_the_beginning_of_an_id_or_name_identifies_a_trial(results: Results) -> None:
    every = list(range(8))
    trial = results.trials["trial"].iloc[2]
    assert chosen(results, trial, every) == chosen(results, trial[:12], every) == 2
    assert chosen(results, "plain lr=0.01 seed=1", every) == 1


@pytest.mark.parametrize(
    ("which", "message"),
    [
        (
            "plain lr=0.01",
            r"'plain lr=0.01' matches 2 trials:\n  \w{16}  plain lr=0.01 seed=0\n  \w{16}  plain lr=0.01 s",
        ),
        ("", "matches 8 trials"),
        ("plian lr=0.1 seed=0", r"no trial .* \(did you mean 'plain lr=0.1 seed=0'\?\); the trials are\n"),
        ("plain lr=0.1 seed=1", r"no model was saved of plain lr=0.1 seed=1 \(\w{16}\): it diverged"),
        ("batchnorm lr=0.1 seed=0", "it failed"),
        ("batchnorm lr=0.1 seed=1", r"trains the trials without a model .*: bnbench run \S*/tiny/config.yaml -o"),
    ],
)
def test_a_trial_without_a_model_or_an_unclear_name_is_an_error(results: Results, which: str, message: str) -> None:
    with pytest.raises(ResultsError, match=message):
        chosen(results, which, [0, 1, 2, 4, 5])


def test_without_any_model_the_error_says_how_to_save_them(results: Results) -> None:
    with pytest.raises(ResultsError, match=r"tiny: no model was saved; .*-o save_models=best"):
        predict.predict_files(results.folder, "best", [Path("x.csv")])


def test_probabilities_depend_on_the_kind_of_outputs() -> None:
    outputs = np.log([[1.0, 2.0, 5.0]])
    assert predict.probabilities(outputs, "softmax")[0] == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert predict.probabilities(outputs, "given") is outputs
    assert np.isnan(predict.probabilities(outputs, "none")).all()
    assert predict.probabilities(np.array([[1e5, -1e5]]), "softmax").tolist() == [[1, 0]]


def test_the_table_has_one_row_per_input_row_and_top_classes() -> None:
    rows = [
        InputRows(Path("x.csv"), np.zeros((2, 5))),
        InputRows(Path("y.png"), np.zeros((1, 5))),
    ]
    outputs = np.log([[1.0, 2.0, 5.0], [4.0, 3.0, 1.0], [1.0, 1.0, 2.0]])
    table = predict.rank_classes(outputs, rows, CARD, top=2)
    assert table[["input", "row", "class", "class_2"]].to_numpy().tolist() == [
        ["x.csv", 1, "c", "b"], ["x.csv", 2, "a", "b"], ["y.png", 1, "c", "a"],
    ]  # fmt: skip
    assert table["probability"].tolist() == pytest.approx([5 / 8, 4 / 8, 2 / 4])
    assert table["probability_2"].tolist() == pytest.approx([2 / 8, 3 / 8, 1 / 4])
    assert list(predict.rank_classes(outputs, rows, CARD, top=9).columns)[-1] == "probability_3"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The small experiment's batch-normalized trial, run on made-up data with its model saved.

    Returns the results, the data and the outputs of the model for every row when it was saved.
    """
    use_threads(1)
    made_up, outputs = dataset(facts()), []
    with_scaling = loop.with_scaling

    def recording(
        layers: Any, model: keras.Model, scaling: Scaling, shape: tuple[int, ...], target_scale: TargetScale
    ) -> keras.Model:
        outputs.append(model(apply_scaling(scaling, made_up.x), training=False).numpy())
        return with_scaling(layers, model, scaling, shape, target_scale)

    settings = values(
        data__scale=request.param, save_models="final", variants={"bn": {"norm": "batch"}},
        sweep={"learning_rate": [0.1], "seeds": 1}, train__engine="graph",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("trained")
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "dataset_info", lambda settings, places, download=False: facts())
        patch.setattr(access, "load_dataset", lambda settings, places, download=True: made_up)
        patch.setattr(loop, "with_scaling", recording)
        write_no_report(patch)
        results = bnbench.run(path, results_dir=folder / "results", jobs=0)
        # A prediction needs no data set.
        patch.setattr(access, "load_dataset", None)
        yield results, made_up, outputs[-1]


def softmax(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("trained", ["none", "unit", "standard", "l2"], indirect=True)
def test_predictions_are_those_of_the_trained_model(tmp_path: Path, trained: Any) -> None:
    results, made_up, outputs = trained
    np.save(tmp_path / "x.npy", made_up.x)
    predictions = predict.predict_files(results.folder, "best", [tmp_path / "x.npy"], top=3)
    names = np.array([f"class {i}" for i in range(3)])
    assert predictions.name == "bn lr=0.1 seed=0, final weights"
    assert predictions.table["class"].tolist() == names[outputs.argmax(axis=1)].tolist()
    np.testing.assert_allclose(predictions.table["probability"], softmax(outputs).max(axis=1), rtol=1e-4)
    np.testing.assert_allclose(predictions.table.filter(like="probability").sum(axis=1), 1, rtol=1e-6)

    program = make_plan(save_models="final").cohorts[0].program
    test = split_rows(made_up, program.data, program.sizes, seed=0).test
    right = (predictions.table["class"].to_numpy() == names[made_up.y])[test].mean()
    assert right == pytest.approx(results.trials["test_score"].iloc[0])

    table = "\n".join(",".join(map(repr, row)) for row in made_up.x[:4].astype(float).tolist())
    (tmp_path / "x.csv").write_text(table, encoding="utf-8")
    again = predict.predict_files(results.folder, "bn", [tmp_path / "x.csv"], top=3)
    ours, theirs = again.table.drop(columns="input"), predictions.table.drop(columns="input").head(4)
    # The last bits depend on the number of rows per call.
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("trained", ["standard"], indirect=True)
def test_bad_input_is_an_error_before_tensorflow_is_imported(
    tmp_path: Path, trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, made_up, _ = trained
    np.save(tmp_path / "x.npy", made_up.x[:, :4])
    monkeypatch.setattr(predict.startup, "import_tensorflow", None)
    with pytest.raises(DataError, match=r"x.npy: the shape is \(75, 4\), expected \(5\) for one row or \(rows, 5\)"):
        predict.predict_files(results.folder, "best", [tmp_path / "x.npy"])


@pytest.mark.parametrize("trained", ["standard"], indirect=True)
def test_a_damaged_model_is_an_error(tmp_path: Path, trained: Any) -> None:
    results, made_up, _ = trained
    np.save(tmp_path / "x.npy", made_up.x)
    folder = shutil.copytree(results.folder, tmp_path / "damaged")
    path = results_dir.model_path(folder, results.trials["trial"].iloc[0])
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ResultsError, match=r"\.keras: cannot be loaded: .*; remove it, and the same run makes it"):
        predict.predict_files(folder, "best", [tmp_path / "x.npy"])
