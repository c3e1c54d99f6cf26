"""The probe of the statistics gap: its values, and that it changes nothing."""

from typing import Any

import numpy as np
import pytest

from bnbench.planning.trial import Result
from bnbench.training import moving_statistics as moving
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.small_trials import EVEN, cohorts, compiled_program, results, trained, values_of

LAYERS = [{"dense": 6}, "norm", {"activation": "relu"}, {"dense": 4}, "norm", {"dense": "$classes"}]
COLD = {"plain": {"norm": "none"}, "bn": {"norm": {"batch": {"momentum": 0.99}}}}
SMALL = {"model": {"layers": LAYERS}, "variants": COLD, "train__batch_size": EVEN, "sweep__learning_rate": [0.1]}
ASKED = SMALL | {"probes": ["statistics_gap"], "sweep__seeds": 1}
NAMES = {"start_share", "startless_score", "longer_momentum_score", "reestimated_score", "reestimated_rows"}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def measured(result: Result) -> dict[str, float]:
    return {one.name: float(one.values[-1]) for one in result.measurements if one.name in NAMES}


def accuracy(compiled: CompiledProgram, rows: Any) -> float:
    outputs = compiled.model(compiled.data.x.numpy()[rows], training=False).numpy()
    return float(np.mean(outputs.argmax(axis=1) == compiled.dataset.y[rows]))


def test_the_scores_are_those_of_the_final_weights_with_other_statistics() -> None:
    cohort = cohorts(**ASKED)[1]
    compiled = compiled_program(cohort)
    values = measured(trained(compiled, cohort.trials[0]))
    start, norms = compiled.start(0), moving.learning_norms(compiled)
    now, first = moving.current_statistics(norms), moving.initial_statistics(compiled, norms, start)
    # Three epochs of three steps.
    assert values["start_share"] == pytest.approx(0.99**9)
    assert values["reestimated_rows"] == 45
    assert [mean.tolist() for mean, _ in first] == [[0.0] * 6, [0.0] * 4]
    rows = start.parts.validation
    moving.set_statistics(norms, moving.without_start(now, first, [0.99**9] * 2))
    assert values["startless_score"] == pytest.approx(accuracy(compiled, rows))
    moving.reestimate(compiled, norms, start.parts.train)
    assert values["reestimated_score"] == pytest.approx(accuracy(compiled, rows))


def test_a_training_with_the_longer_momentum_scores_what_was_foretold() -> None:
    longer = {"plain": {"norm": "none"}, "bn": {"norm": {"batch": {"momentum": 0.999}}}}
    (foretold,) = results(cohorts(**ASKED)[1])
    (real,) = results(cohorts(**SMALL | {"variants": longer, "sweep__seeds": 1})[1])
    assert measured(foretold)["longer_momentum_score"] == pytest.approx(real.epochs[-1].validation_accuracy)
    assert measured(real) == {}


def test_a_training_has_the_same_bits_with_and_without_it() -> None:
    found = []
    for probes in (["statistics_gap"], []):
        cohort = cohorts(**ASKED | {"probes": probes, "train__optimizer": "adam"})[1]
        compiled = compiled_program(cohort)
        result = trained(compiled, cohort.trials[0])
        state = [variable.numpy().tobytes() for variable in compiled.model.variables]
        found.append((values_of(result), result.bn_mode_gap, result.fitted, state))
    assert found[0] == found[1]


def test_of_restored_weights_the_statistics_are_those_of_their_epoch() -> None:
    stop = {"early_stopping": {"monitor": "val_loss", "patience": 1, "restore_best_weights": True, "mode": "max"}}
    (result,) = results(cohorts(**ASKED | {"train__callbacks": [stop], "train__epochs": 5})[1])
    (short,) = results(cohorts(**ASKED | {"train__epochs": 1})[1])
    assert [one.values.tolist() for one in result.measurements if one.name == "restored_epoch"] == [[1.0]]
    assert measured(result) == measured(short)


def test_there_is_nothing_to_measure_without_batch_normalization() -> None:
    (result,) = results(cohorts(**ASKED)[0])
    assert measured(result) == {}
