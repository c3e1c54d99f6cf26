"""The probe of F1, top-k accuracy and confusions, with real trials on made-up data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, top_k_accuracy_score

from bnbench.planning.trial import Result, Saving
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan

QUICK: dict[str, Any] = {"train__engine": "graph", "train__batch_size": 15, "train__epochs": 1, "sweep__seeds": 1}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def trained(classes: int = 4, **changes: Any) -> tuple[Result, CompiledProgram]:
    cohort = make_plan(facts(rows=75, classes=classes), **(QUICK | changes)).cohorts[-1]
    compiled = CompiledProgram(cohort.program, dataset(cohort.program.facts))
    return loop._train(compiled, cohort.trials[-1], Saving(Path("unused")), lambda trial, epoch: None), compiled


def measured(result: Result, name: str) -> dict[float, float]:
    """Return position -> value."""
    found = [one for one in result.measurements if one.name == name]
    return dict(zip(found[0].positions.tolist(), found[0].values.tolist(), strict=True)) if found else {}


def test_the_values_are_those_of_the_outputs_on_both_parts() -> None:
    result, compiled = trained()
    start = compiled.start(0)
    for part in ("validation", "test"):
        outputs, targets = compiled.predict(getattr(start.parts, part))
        predicted = outputs.argmax(axis=1)
        (f1,) = measured(result, f"{part}_macro_f1").values()
        assert f1 == pytest.approx(f1_score(targets, predicted, average="macro", zero_division=0))
        expected = {k: top_k_accuracy_score(targets, outputs, k=k, labels=range(4)) for k in (2, 3)}
        assert measured(result, f"{part}_top_k") == pytest.approx(expected)
    counts = np.zeros(16)
    for cell, rows in measured(result, "test_confusion").items():
        counts[int(cell)] = rows
    assert counts.reshape(4, 4).tolist() == confusion_matrix(targets, predicted, labels=range(4)).tolist()
    assert np.trace(counts.reshape(4, 4)) / len(targets) == pytest.approx(result.test.accuracy)


def test_one_output_for_two_classes_has_an_f1_and_no_top_k() -> None:
    layers = [{"dense": "$units"}, {"dense": 1}]
    result, compiled = trained(2, model__layers=layers, variants={"plain": {}}, train__loss="binary_crossentropy")
    outputs, targets = compiled.predict(compiled.start(0).parts.test)
    expected = f1_score(targets, outputs[:, 0] > 0, average="macro", zero_division=0)
    assert list(measured(result, "test_macro_f1").values()) == pytest.approx([expected])
    assert measured(result, "test_top_k") == {}


def test_numbers_have_none_of_these() -> None:
    layers = [{"dense": "$units"}, {"dense": 1}]
    result, _ = trained(0, model__layers=layers, variants={"plain": {}}, train__loss="mse")
    assert {one.name for one in result.measurements} & {"test_macro_f1", "test_top_k", "test_confusion"} == set()


def test_masked_rows_do_not_count() -> None:
    layers = [{"masking": {"mask_value": 0.0}}, {"dense": "$classes"}]
    cohort = make_plan(
        facts(rows=75), **(QUICK | {"model__layers": layers, "model__params": {}, "variants": {"plain": {}}}),
        data__scale="none",
    ).cohorts[0]  # fmt: skip
    rows = dataset(cohort.program.facts)
    rows.x[::3] = 0
    result = loop._train(
        CompiledProgram(cohort.program, rows), cohort.trials[0], Saving(Path("unused")), lambda *_: None
    )
    # Every third row is of class 0.
    assert all(cell >= 3 for cell in measured(result, "test_confusion"))
    assert sum(measured(result, "test_confusion").values()) == 10


def test_label_smoothing_changes_the_loss_and_the_scores_count_the_labels_as_they_are() -> None:
    loss = {"categorical_crossentropy": {"label_smoothing": 0.5}}
    result, compiled = trained(train__loss=loss)
    outputs, targets = compiled.predict(compiled.start(0).parts.test)
    assert result.test.accuracy == pytest.approx(np.mean(outputs.argmax(axis=1) == targets))
    logs = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    smooth = 0.5 * np.eye(4)[targets] + 0.5 / 4
    assert result.test.loss == pytest.approx(float(-(smooth * logs).sum(axis=1).mean()), rel=1e-5)
