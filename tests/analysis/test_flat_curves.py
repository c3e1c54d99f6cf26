import math

import pandas as pd
import pytest

from bnbench.analysis import flat_curves
from bnbench.analysis.trials import scored_trials
from support.tables import BLOWN, NONFINITE, history, trials

CHANCE = {"validation_score": 0.1}


def flat(train_losses: list[float], scores: list[float] | None = None, **changes: object) -> tuple[float, float]:
    """Return from which epoch on the training loss and the validation score are flat; the initial loss is 2.3."""
    table = scored_trials(trials({"trial": "a"} | changes))
    epochs = history({"a": scores or [0.1] * len(train_losses)}, train_losses={"a": train_losses})
    row = flat_curves.flat_from(table, epochs).loc["a"]
    return float(row["train_loss_flat_from"]), float(row["validation_score_flat_from"])


def drop(*scores: float, **changes: object) -> float:
    table = scored_trials(trials({"trial": "a"} | changes))
    return float(flat_curves.score_drop(table, history({"a": list(scores)}))["a"])


def test_a_training_loss_is_flat_from_the_first_epoch_of_the_rest_within_a_twentieth_of_its_fall() -> None:
    # It falls from 2.3 to 0.3: near is up to 0.4. Epoch 0 has no training loss.
    assert flat([math.nan, 1.5, 0.41, 0.4, 0.3, 0.35])[0] == 3
    # A later epoch is not near.
    assert flat([math.nan, 1.5, 0.41, 0.4, 0.3, 0.45, 0.35])[0] == 6
    assert flat([math.nan, 0.3, 0.3, 0.3])[0] == 1


def test_the_fall_starts_at_the_loss_of_a_constant_prediction_if_that_is_lower() -> None:
    # From 1.3 to 0.3: near is up to 0.35.
    assert flat([math.nan, 1.0, 0.4, 0.35, 0.3], constant_loss=1.3)[0] == 3
    assert flat([math.nan, 1.0, 0.4, 0.35, 0.3], constant_loss=math.nan)[0] == 2


def test_a_loss_that_still_falls_is_flat_from_one_of_the_last_epochs() -> None:
    # 2.2, 2.1, ... 0.3: near is up to 0.4, the last two of twenty.
    assert flat([math.nan, *(2.2 - 0.1 * i for i in range(20))])[0] == 19


def test_a_curve_that_leaves_its_level_at_the_end_is_flat_after_the_last_epoch() -> None:
    assert flat([math.nan, 1.0, 0.3, 0.9]) == (4, 1)
    assert flat([math.nan, *[0.3] * 20], [0.1, *[0.9] * 18, 0.88, 0.92])[1] == 21


def test_a_score_is_flat_from_the_first_epoch_of_the_rest_within_a_hundredth_of_its_final_level() -> None:
    rise = [0.1, 0.5, 0.8, 0.89, 0.91, 0.9]
    assert flat([1.0] * 6, rise)[1] == 3
    # The level is the mean over the last tenth: of twenty epochs, 0.88 and 0.92.
    assert flat([1.0] * 21, [0.1, 0.5, *[0.9] * 16, 0.907, 0.893, 0.907])[1] == 2
    # Of nineteen epochs, the last one alone.
    assert flat([1.0] * 20, [0.1, 0.5, *[0.9] * 15, 0.93, 0.88, 0.9])[1] == 19
    # It is above its final level before: it is not flat from the first time that it reaches it.
    assert flat([1.0] * 6, [0.1, 0.9, 0.95, 0.93, 0.9, 0.9])[1] == 4


@pytest.mark.parametrize("changes", [NONFINITE, BLOWN, CHANCE], ids=["nonfinite", "blown", "chance"])
def test_a_trial_that_is_not_ok_is_never_flat(changes: dict[str, object]) -> None:
    assert flat([math.nan, 0.3, 0.3, 0.3], **changes) == (math.inf, math.inf)


def test_a_trial_that_diverged_before_the_end_of_its_first_epoch_is_no_fault() -> None:
    table = scored_trials(trials({"trial": "a"} | NONFINITE))
    assert flat_curves.flat_from(table, history({"a": [0.1]})).empty
    assert flat_curves.flat_from(table.iloc[:0], history({})).empty
    assert drop(0.1, **NONFINITE) == 0


def test_the_drop_is_from_the_highest_score_to_the_last() -> None:
    assert drop(0.1, 0.97, 0.5, 0.12) == pytest.approx(0.85)
    assert drop(0.1, 0.5, 0.9) == 0
    # A trial at chance counts with its own scores: it may have been better before.
    assert drop(0.1, 0.97, 0.12, **CHANCE) == pytest.approx(0.85)


def test_a_diverged_trial_drops_to_chance() -> None:
    assert drop(0.1, 0.9, 0.95, **NONFINITE | {"diverged_at_step": 15}) == pytest.approx(0.8)
    # It continues after its divergence, and is better by luck.
    assert drop(0.1, 0.9, 0.95, **BLOWN | {"diverged_at_step": 15}) == pytest.approx(0.8)
    # It was below chance before.
    assert drop(0.05, 0.06, **NONFINITE | {"diverged_at_step": 15}) == 0


def test_each_trial_has_its_own_curve() -> None:
    table = scored_trials(trials({"trial": "a"}, {"trial": "b", "seed": 1}, {"trial": "a", "variant": "other"}))
    epochs = history(
        {"a": [0.1, 0.9, 0.8], "b": [0.1, 0.5, 0.9]},
        train_losses={"a": [math.nan, 0.3, 0.3], "b": [math.nan, 1.0, 0.3]},
    )
    assert flat_curves.flat_from(table, epochs)["train_loss_flat_from"].to_dict() == {"a": 1, "b": 2}
    wanted = pd.Series({"a": 0.1, "b": 0.0}, name="score_drop").rename_axis("trial")
    pd.testing.assert_series_equal(flat_curves.score_drop(table, epochs), wanted)
