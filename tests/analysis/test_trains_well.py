import pytest

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
    (result,) = well_table(trials(*ends)).to_dict("records")
    return {key: value for key, value in result.items() if value == value and key != "variant"}


def ended(fails_at: float, n_not_well: int, n_there: int) -> dict[str, float]:
    return {"fails_at": fails_at, "n_not_well": n_not_well, "n_there": n_there}


ALL = {"n_not_well": 0, "n_there": 0}


def test_every_rate_from_the_best_one_on_counts() -> None:
    assert row([0.9] * 3, [0.88] * 3, [0.86] * 3) == {"best_rate": 0.01, "well_to": 1.0, "n": 3, **ALL}
    assert row([0.2] * 3, [0.9] * 3, [0.85] * 3, [0.84] * 3) == (
        {"best_rate": 0.1, "well_to": 1.0, "n": 3} | ended(10.0, 3, 3)
    )


@pytest.mark.parametrize("end", [0.84, NONFINITE, CHANCE | {"validation_score": 0.9}], ids=["low", "nan", "chance"])
def test_one_seed_ends_the_range(end: dict[str, object] | float) -> None:
    assert row([0.9] * 3, [0.9, 0.9, end], [0.9] * 3) == (
        {"best_rate": 0.01, "well_to": 0.01, "n": 3} | ended(0.1, 1, 3)
    )


def test_a_best_rate_at_which_a_seed_fails() -> None:
    # The mean is 0.7.
    assert row([0.6] * 3, [0.99, 0.99, NONFINITE]) == {"best_rate": 0.1, "n": 3} | ended(0.1, 1, 3)


def test_the_fewest_seeds_of_these_rates_are_counted_and_failed_ones_are_not() -> None:
    assert row([0.2], [0.9] * 3, [0.9, FAILED, FAILED], [0.2]) == (
        {"best_rate": 0.1, "well_to": 1.0, "n": 1} | ended(10.0, 1, 1)
    )


def test_each_value_of_the_further_axes_has_its_row() -> None:
    table = well_table(
        trials(*({"axes": f'{{"a": {a}}}', "learning_rate": rate, "validation_score": score}
                 for a, rate, score in ((1, 0.1, 0.9), (1, 1.0, 0.5), (2, 0.1, 0.5), (2, 1.0, 0.9))))
    )  # fmt: skip
    assert table[["a", "best_rate", "well_to"]].to_numpy().tolist() == [[1, 0.1, 0.1], [2, 1.0, 1.0]]


def test_without_trials_there_is_no_row() -> None:
    table = well_table(trials({}).iloc[:0])
    assert table.empty
    assert "well_to" in table
