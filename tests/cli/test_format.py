import math
from pathlib import Path

import pytest

from bnbench.analysis.labels import format_duration
from bnbench.cli.format import _interval, _spread, format_answer, format_columns, format_estimate, format_matrix
from support.examples import make_plan
from support.kept import compared


def test_columns_line_up() -> None:
    assert format_columns(["a", "long"], [[1, "x"], ["wide", ""]]) == "a     long\n1     x\nwide"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (9000, "2.5 h")]
)
def test_durations_have_the_unit_that_fits(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_spread_is_shown_if_there_is_one() -> None:
    assert _spread(0.98141, 0.0016) == "0.9814 ± 0.0016"
    assert _spread(0.5, math.nan) == "0.5000"
    assert _spread(math.nan, math.nan) == "not finite"


def test_the_matrix_has_a_row_per_variant_and_rate() -> None:
    planned = make_plan(sweep__seeds=[0, 1, 2, 7])
    states = {trial.id: "new" for trial in planned.trials}
    states[planned.trials[0].id] = "completed"
    lines = format_matrix(planned, states).splitlines()
    assert lines[0].split() == ["trials", "variant", "rate", "seeds", "state"]
    assert lines[1].split(maxsplit=4) == ["1-4", "plain", "0.01", "0,1,2,7", "1 completed, 3 new"]
    assert len(lines) == 1 + 4


def test_the_estimate_is_that_of_the_cost_model_and_names_its_basis() -> None:
    planned = make_plan()
    states = {trial.id: "new" for trial in planned.trials}
    plain, normed = (cohort.program.key for cohort in planned.cohorts)
    # Four trials of three epochs of six steps are 72 steps a variant: 54 s, 6 s to start and 2 x 1.5 s to compile.
    timed = {plain: 0.5, normed: 0.25}
    assert format_estimate(planned, states, timed, 1) == (
        "8 trials: 8 new; training: about 63 s, from steps timed here"
    )
    assert "training on 2 workers: about 35 s" in format_estimate(planned, states, timed, 2)
    assert "about 9 s, from arithmetic" in format_estimate(planned, states, {}, 1)
    partly = format_estimate(planned, states, {plain: 0.5}, 1)
    assert "about 45 s (4 trials from steps timed here, 4 from arithmetic)" in partly
    assert (
        format_estimate(planned, dict.fromkeys(states, "completed"), {}, 1) == "8 trials: 8 completed; nothing to train"
    )


def test_only_a_layer_that_keras_must_count_leaves_the_time_unknown() -> None:
    planned = make_plan(model__layers=[{"dense": "$units"}, "norm", "p_re_lu", {"dense": "$classes"}])
    states = {trial.id: "new" for trial in planned.trials}
    assert "training: time unknown for 8 trials" in format_estimate(planned, states, {}, 1)
    half = {planned.cohorts[0].program.key: 0.5}
    estimate = format_estimate(planned, states, half, 1)
    assert "about 44 s, from steps timed here; time unknown for 4 trials" in estimate


def test_the_answer_ends_with_diagnoses(tmp_path: Path) -> None:
    healthy = format_answer(compared(tmp_path / "healthy", {"plain": [[0.8], [0.9]]}))
    assert "iagnos" not in healthy
    sick = format_answer(compared(tmp_path / "sick", {"plain": [[0.9], ["constant"]]})).splitlines()
    first = sick.index("Diagnoses (their usual cures are in the report):")
    assert sick[first + 1].startswith("- constant predictions: plain at 0.1: 1 of 1 trials; ")
    assert sick[first + 2].startswith("- dead units: plain at 0.1: 1 of 1 trials; ")


def test_an_estimate_with_and_without_its_interval() -> None:
    assert _interval(0.21, 0.18, 0.24) == "0.21, 0.18 .. 0.24"
    assert _interval(10.0, 1.0, math.inf) == "10, 1 .. inf"
    assert _interval(0.5, math.nan, math.nan) == "0.5"
    assert _interval(math.nan, math.nan, math.nan) == "unknown"
