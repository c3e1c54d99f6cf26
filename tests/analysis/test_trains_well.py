import pytest

from bnbench.analysis.cells import Cells
from bnbench.analysis.trains_well import well_table
from support.tables import FAILED, NONFINITE, trials

RATES = [0.01, 0.1, 1.0, 10.0]
# The loss did not fall, whatever the score is.
CHANCE = {"train_loss": 2.4, "fitted_loss": 2.4}


def row(*by_rate: list[dict[str, object] | float]) -> dict[str, object]:
    """Return the row of a variant: for each rate how its seeds ended, with a score or as a row."""
    ends = [
        {"learning_rate": rate, "seed": seed, **(end if isinstance(end, dict) else {"validation_score": end})}
        for rate, seeds in zip(RATES, by_rate, strict=False)
        for seed, end in enumerate(seeds)
    ]
    (result,) = well_table(Cells(trials(*ends))).to_dict("records")
    return {key: value for key, value in result.items() if value == value and key != "variant"}


def to_the_end(last: float, n: int = 3) -> dict[str, float]:
    return {"well_to": last, "n": n, "trains_to": last, "n_not_ok": 0, "n_there": 0}


def test_every_rate_from_the_best_one_on_counts() -> None:
    assert row([0.9] * 3, [0.88] * 3, [0.86] * 3) == {"best_rate": 0.01, **to_the_end(1.0)}


def test_a_lower_mean_ends_the_rates_at_which_it_trains_well_but_not_those_at_which_it_trains() -> None:
    assert row([0.2] * 3, [0.9] * 3, [0.85] * 3, [0.84] * 3) == (
        {"best_rate": 0.1, "well_to": 1.0, "n": 3, "fails_at": 10.0, "score_lost": pytest.approx(0.06)}
        | {"trains_to": 10.0, "n_not_ok": 0, "n_there": 0}
    )


def test_one_low_seed_of_many_ends_nothing_but_most_of_them_do() -> None:
    one_low = [0.9] * 9 + [0.6]
    # A mean of 0.87
    assert row([0.9] * 10, one_low) == {"best_rate": 0.01, **to_the_end(0.1, 10)}
    assert row([0.9] * 10, [0.9] * 2 + [0.6] * 8)["well_to"] == 0.01


@pytest.mark.parametrize("end", [NONFINITE, CHANCE | {"validation_score": 0.9}], ids=["nan", "chance"])
def test_one_seed_that_does_not_train_ends_both(end: dict[str, object]) -> None:
    result = row([0.9] * 3, [0.9, 0.9, end], [0.9] * 3)
    assert (result["well_to"], result["fails_at"]) == (0.01, 0.1)
    assert (result["trains_to"], result["ends_at"], result["n_not_ok"], result["n_there"]) == (0.01, 0.1, 1, 3)


def test_a_best_rate_at_which_a_seed_fails() -> None:
    # The mean is 0.7; chance is 0.1.
    assert row([0.6] * 3, [0.99, 0.99, NONFINITE]) == (
        {"best_rate": 0.1, "n": 3, "fails_at": 0.1, "score_lost": 0.0, "ends_at": 0.1, "n_not_ok": 1, "n_there": 3}
    )


def test_the_fewest_seeds_of_these_rates_are_counted_and_failed_ones_are_not() -> None:
    result = row([0.2], [0.9] * 3, [0.9, FAILED, FAILED], [0.2])
    assert (result["best_rate"], result["well_to"], result["n"], result["trains_to"]) == (0.1, 1.0, 1, 10.0)


def test_each_value_of_the_further_axes_has_its_row() -> None:
    table = well_table(
        Cells(trials(*({"axes": f'{{"a": {a}}}', "learning_rate": rate, "validation_score": score}
                 for a, rate, score in ((1, 0.1, 0.9), (1, 1.0, 0.5), (2, 0.1, 0.5), (2, 1.0, 0.9)))))
    )  # fmt: skip
    assert table[["a", "best_rate", "well_to"]].to_numpy().tolist() == [[1, 0.1, 0.1], [2, 1.0, 1.0]]


def test_without_trials_there_is_no_row() -> None:
    table = well_table(Cells(trials({}).iloc[:0]))
    assert table.empty
    assert "well_to" in table
