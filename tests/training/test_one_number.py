"""Models with one output per row: a predicted number, or the score of the second of two classes."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import bnbench
from bnbench.analysis.trials import chance_bound
from bnbench.data.splits import apply_scaling
from bnbench.errors import ConfigError
from bnbench.planning.plan import Cohort, Trial
from bnbench.planning.trial import Epoch, Result, Saving
from bnbench.report.document import make_document, render_markdown
from bnbench.report.tables.claims import published_table
from bnbench.results.results import Results
from bnbench.training import loop
from bnbench.training.builder import build_model
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan
from support.tables import trials

# This must come before any computation.
use_threads(1)
ONE = [{"dense": 8}, "norm", {"activation": "tanh"}, {"dense": 1}]
SIGMOID = [*ONE[:-1], {"dense": {"units": 1, "activation": "sigmoid"}}]
PROBABILITIES = {"binary_crossentropy": {"from_logits": False}}


def cohort(classes: int, **changes: Any) -> Cohort:
    """Return the batch-normalized cohort of the small experiment on numbers (no classes), or on two classes."""
    made = make_plan(facts(rows=75, classes=classes), **({"model": {"layers": ONE}} | changes))
    return next(one for one in made.cohorts if one.variant == "batchnorm")


def compiled_program(of: Cohort) -> CompiledProgram:
    return CompiledProgram(of.program, dataset(of.program.facts))


def trained(compiled: CompiledProgram, trial: Trial) -> Result:
    return loop._train(compiled, trial, Saving(Path()), lambda trial, epoch: None)


def by_fit(compiled: CompiledProgram, trial: Trial, loss: keras.losses.Loss, metric: Any) -> list[tuple[float, ...]]:
    """Return loss and metric of training and validation from `model.fit` with the same rows in the same order."""
    program, data, start = compiled.program, compiled.dataset, compiled.start(trial.seed)
    x, y = apply_scaling(start.scaling, data.x), data.y[:, np.newaxis].astype(np.float64)
    model = build_model(program.layers, program.facts.shape, "float64", trial.seed)
    optimizer = keras.optimizers.SGD(trial.learning_rate, momentum=0.9)
    model.compile(optimizer, loss, metrics=[metric], jit_compile=False)
    rows = start.parts.validation
    found = []
    for order in loop.epoch_orders(program, start.parts.train, trial.seed):
        logs = model.fit(
            x[order],
            y[order],
            batch_size=program.batch_size,
            shuffle=False,
            verbose=0,
            validation_data=(x[rows], y[rows]),
        )
        found.append(tuple(values[0] for values in logs.history.values()))
    return found


def scores_of(epoch: Epoch) -> tuple[float | None, ...]:
    return epoch.train_accuracy, epoch.train_loss, epoch.validation_accuracy, epoch.validation_loss


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("layers", "loss", "theirs", "threshold"),
    [
        (ONE, "binary_crossentropy", keras.losses.BinaryCrossentropy(from_logits=True), 0.0),
        (SIGMOID, PROBABILITIES, keras.losses.BinaryCrossentropy(), 0.5),
        (SIGMOID, "mse", keras.losses.MeanSquaredError(), 0.5),
        (SIGMOID, "binary_focal_crossentropy", keras.losses.BinaryFocalCrossentropy(), 0.5),
    ],
    ids=["from logits", "from probabilities", "squared", "focal"],
)
def test_two_classes_as_one_number_train_as_in_fit(layers: list[Any], loss: Any, theirs: Any, threshold: float) -> None:
    named = {loss: {"from_logits": False}} if "focal" in str(loss) else loss
    # For the compiler these cases differ only in the loss, so only the first uses XLA and has a short last batch.
    compiles = {"train__engine": "xla"} if layers is ONE else {"train__engine": "graph", "train__batch_size": 15}
    of = cohort(2, model={"layers": layers}, train__loss=named, train__dtype="float64", **compiles)
    compiled, trial = compiled_program(of), of.trials[-1]
    expected = by_fit(compiled, trial, theirs, keras.metrics.BinaryAccuracy(threshold=threshold, dtype="float64"))
    for ours, fitted in zip(trained(compiled, trial).epochs[1:], expected, strict=True):
        assert scores_of(ours) == pytest.approx(fitted, rel=1e-6)


@pytest.mark.usefixtures("float64")
def test_a_number_is_trained_as_in_fit_and_scored_against_the_training_mean() -> None:
    of = cohort(0, train__loss="mse", train__dtype="float64", train__epochs=10, sweep__learning_rate=[0.01])
    compiled, trial = compiled_program(of), of.trials[-1]
    parts, y = compiled.start(trial.seed).parts, compiled.dataset.y.astype(np.float64)
    spread = {name: np.mean((y[rows] - y[parts.train].mean()) ** 2) for name, rows in vars(parts).items()}
    metric = keras.metrics.MeanSquaredError(dtype="float64")
    expected = by_fit(compiled, trial, keras.losses.MeanSquaredError(), metric)
    result = trained(compiled, trial)
    for ours, (train_loss, train_error, validation_loss, validation_error) in zip(
        result.epochs[1:], expected, strict=True
    ):
        assert (ours.train_loss, ours.validation_loss) == pytest.approx((train_loss, validation_loss), rel=1e-6)
        r2 = max(0, 1 - train_error / spread["train"]), max(0, 1 - validation_error / spread["validation"])
        assert (ours.train_accuracy, ours.validation_accuracy) == pytest.approx(r2, rel=1e-6)
    # An untrained network is worse than the mean.
    assert result.epochs[0].validation_accuracy == 0
    assert 0.5 < result.epochs[-1].validation_accuracy < 1  # type: ignore[operator]
    assert 0.3 < result.test.accuracy < 1  # type: ignore[operator]
    assert result.test.accuracy == pytest.approx(1 - result.test.loss / spread["test"])  # type: ignore[operator]
    assert result.bn_mode_gap is not None
    assert abs(result.bn_mode_gap) < 1


@pytest.mark.parametrize(
    ("classes", "changes", "message"),
    [
        (0, {}, "is a loss for classes, but digits has a number for each row: use huber"),
        (0, {"train__loss": "binary_crossentropy"}, "is a loss for classes"),
        (0, {"train__loss": "mse", "model": {"layers": [{"dense": 2}, "norm"]}}, r"gives \(2,\), wanted \(1,\)"),
        (
            0,
            {"train__loss": "mse", "model": {"layers": ["norm", {"dense": "$classes"}]}},
            r"\$classes is the number of classes, but the data have numbers to predict: write 1",
        ),
        (2, {}, r"gives \(1,\), wanted \(2,\): one output per class;"),
        (3, {"train__loss": "mse"}, r"gives \(1,\), wanted \(3,\): one output per class;"),
        (2, {"train__loss": "mse", "model": {"layers": [{"dense": 4}, "norm"]}}, r"or a single output.*\(1,\)"),
        (2, {"train__loss": "bce", "model": {"layers": SIGMOID}}, "ends in sigmoid, but the loss takes logits"),
        (2, {"train__loss": "mean_square_error"}, "did you mean 'mean_squared_error'"),
    ],
)
def test_a_loss_or_output_that_does_not_fit_is_refused(classes: int, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cohort(classes, **changes)


def claim(metric: str) -> dict[str, Any]:
    return {"text": "better", "metric": metric, "of": "batchnorm", "difference": {"at_least": 0}}


def test_a_claim_names_the_score_that_the_data_have() -> None:
    cohort(0, train__loss="mse", claims=[claim("test_r2")])
    with pytest.raises(ConfigError, match="test_accuracy, but the data have no classes: use test_r2"):
        cohort(0, train__loss="mse", claims=[claim("test_accuracy")])
    with pytest.raises(ConfigError, match=r"claims\[0\].metric: test_r2, but the data have classes: use test_acc"):
        cohort(3, model={"layers": [{"dense": 3}, "norm"]}, claims=[claim("test_r2")])


def test_one_number_for_all_rows_is_at_chance() -> None:
    """A constant fitted to the training part exceeds the bound about as often as three standard errors predict."""
    generator = np.random.default_rng(0)
    rows, above = 100, 0
    for _ in range(4000):
        train, validation = generator.normal(size=100_000 // 50), generator.normal(size=rows)
        # The best possible constant, which no training can know: the validation mean itself.
        spread = np.mean((validation - train.mean()) ** 2)
        above += 1 - validation.var() / spread > chance_bound(0, rows)
    # 0.0027 of a normal distribution lies beyond three standard errors.
    assert above / 4000 < 0.006
    assert chance_bound(0, rows) == pytest.approx(0.09)


def test_a_table_of_numbers_has_chance_at_no_r2() -> None:
    found = trials(
        {"classes": 0, "validation_rows": 100, "validation_score": 0.05},
        {"classes": 0, "validation_rows": 100, "validation_score": 0.2},
    )
    assert found["outcome"].tolist() == ["chance", "ok"]
    assert found["chance"].tolist() == [0, 0]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return the results of a whole sweep on generated distances."""
    folder = tmp_path_factory.mktemp("one_number")
    config = folder / "far.yaml"
    config.write_text(
        """
name: far
data: {name: distance, limit: 300}
model: {layers: [{dense: 20}, norm, {activation: relu}, {dense: 1}]}
variants: {plain: {norm: none}, batchnorm: {norm: batch}}
train: {epochs: 20, batch_size: 15, optimizer: adam, loss: mse, engine: graph}
sweep: {learning_rate: [0.1, 1.0], seeds: 3}
published: [{source: nobody, variant: plain, metric: test_r2, value: 0.5}]
claims: [{text: better, metric: test_r2, of: batchnorm, difference: {at_least: 0}}]
"""
    )
    return bnbench.run(config, results_dir=folder, jobs=0)


def test_tables_name_the_score(results: Results) -> None:
    for table in (results.trials, results.summary):
        assert set(table["score_name"]) == {"R²"}
    assert {"train_score", "validation_score", "test_score"} <= set(results.trials.columns)
    assert (results.folder / "trials.csv").read_text().startswith("trial,variant,learning_rate,seed,status")
    assert "validation_score" in (results.folder / "history.csv").read_text().splitlines()[0]
    best = results.variants.set_index("variant").loc["batchnorm"]
    assert best["test_score_mean"] > 0.5


def test_the_report_names_r2(results: Results) -> None:
    document = make_document(results, [])
    text = render_markdown(document)
    assert "test R², each at its own best rate" in text
    assert "test R² ± SD" in text
    assert "accuracy" not in text
    assert document.data["score"] == "R²"
    page = (results.folder / "report.html").read_text(encoding="utf-8")
    assert "R² regret" in page
    assert "points of accuracy" not in page
    assert published_table(results).rows[0][4].text != ""  # type: ignore[union-attr]
    assert results.claims["n"].tolist() == [3]
