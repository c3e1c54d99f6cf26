import pytest

from bnbench.cli import format_plan
from bnbench.cli.format import AROUND
from bnbench.cli.format_plan import format_cohorts, format_estimate, format_matrix
from bnbench.planning.part import Part
from support.examples import make_plan


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
        "8 trials: 8 new; training: about 63 s, from steps timed here; about 23 kB on disk"
    )
    assert "training on 2 workers: about 35 s" in format_estimate(planned, states, timed, 2)
    assert "about 9 s, from arithmetic" in format_estimate(planned, states, {}, 1)
    partly = format_estimate(planned, states, {plain: 0.5}, 1)
    assert "about 45 s (4 trials from steps timed here, 4 from arithmetic)" in partly
    assert (
        format_estimate(planned, dict.fromkeys(states, "completed"), {}, 1) == "8 trials: 8 completed; nothing to train"
    )


def test_only_a_layer_that_keras_must_count_leaves_the_time_unknown() -> None:
    planned = make_plan(
        model__layers=[
            {"dense": "$units"},
            "norm",
            {"einsum_dense": {"equation": "ab,bc->ac", "output_shape": 6}},
            {"dense": "$classes"},
        ]
    )
    states = {trial.id: "new" for trial in planned.trials}
    assert "training: time unknown for 8 trials" in format_estimate(planned, states, {}, 1)
    half = {planned.cohorts[0].program.key: 0.5}
    estimate = format_estimate(planned, states, half, 1)
    assert "about 44 s, from steps timed here; time unknown for 4 trials" in estimate


def test_a_trial_that_is_not_stored_is_new() -> None:
    planned = make_plan()
    stored = {planned.trials[1].id: "failed", planned.trials[2].id: "diverged"}
    assert [line.split(maxsplit=4)[-1] for line in format_matrix(planned, stored).splitlines()[1:3]] == [
        "1 new, 1 failed", "1 diverged, 1 new",
    ]  # fmt: skip
    assert format_estimate(planned, stored, {}, 1).startswith("8 trials: 6 new, 1 failed, 1 diverged; training: ")


def test_the_trials_of_a_part_have_their_numbers() -> None:
    planned = make_plan(sweep__seeds=3)
    first, second = (planned.of_part(Part(number, 2)) for number in (1, 2))
    rows = [line.split(maxsplit=4) for line in format_matrix(first, {}).splitlines()[1:]]
    assert rows[0] == ["1,3", "plain", "0.01", "0,2", "2 new"]
    assert rows[3] == ["10,12", "batchnorm", "0.1", "0,2", "2 new"]
    assert format_matrix(second, {}).splitlines()[1].split()[:4] == ["2", "plain", "0.01", "1"]
    many = make_plan(sweep__seeds=40).of_part(Part(2, 4))
    assert format_matrix(many, {}).splitlines()[1].startswith("10 of 2-38 ")


def test_a_long_plan_has_a_row_per_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = make_plan(
        sweep={"learning_rate": {"from": 1e-3, "to": 10, "points": 300}, "seeds": list(range(7, 90, 2))}
    )
    lines = format_matrix(planned, {planned.trials[0].id: "completed"}).splitlines()
    assert len(lines) == 3
    assert " ".join(lines[1].split()) == "1-12600 plain 300 rates, 0.001 to 10 42 seeds 1 completed, 12599 new"
    monkeypatch.setenv("LINES", "24")
    assert format_matrix(make_plan(), {}).count("\n") == 4
    few = make_plan(sweep={"learning_rate": [0.1], "seeds": 1, "grid": {"train.epochs": list(range(1, 13))}})
    rows = format_matrix(few, {}).splitlines()
    assert " ".join(rows[1].split()) == "1 plain 1 0.1 0 1 new"
    assert len(rows) == 1 + (24 - AROUND) + 1
    assert rows[-1] == f"and {AROUND} cohorts more; --json lists every trial"
    monkeypatch.setattr(format_plan, "MAX_ROWS", 1)
    for table in (format_matrix(planned, {}), format_cohorts(planned)):
        assert len(table.splitlines()) == 3
        assert table.endswith("\nand 1 cohort more; --json lists every trial")
