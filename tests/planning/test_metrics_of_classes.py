"""Claims about F1 and the top k need data with enough classes."""

from typing import Any

import pytest

from bnbench.errors import ConfigError
from support.examples import facts, make_plan

NUMBERS: dict[str, Any] = {
    "model__layers": [{"dense": "$units"}, "norm", {"dense": 1}],
    "train__loss": "mean_squared_error",
}


def claims(metric: str) -> dict[str, Any]:
    return {"claims": [{"text": "x", "metric": metric, "of": "batchnorm", "difference": {"at_least": 0}}]}


@pytest.mark.parametrize(
    ("classes", "metric", "changes", "message"),
    [
        (3, "test_top_k", {}, r"test_top_k is 1 for any network: top_k is 5 of 3 classes; set top_k below 3"),
        (2, "test_top_k", {"top_k": 2}, r"top_k is 2 of 2 classes; name another metric"),
        (0, "validation_macro_f1", NUMBERS, r"validation_macro_f1 needs data with classes"),
        (3, "test_macro_f", {}, r"did you mean 'test_macro_f1'"),
        (3, "test_top_k", {"top_k": 1}, r"top_k: "),
        (3, "test_top_k", {"top_k": 11}, r"top_k: "),
    ],
)
def test_a_metric_that_says_nothing_is_refused(
    classes: int, metric: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plan(facts(classes=classes), **changes, **claims(metric))


def test_with_enough_classes_it_is_taken_and_the_k_is_no_part_of_an_id() -> None:
    two, ten = (make_plan(facts(classes=11), top_k=k, **claims("test_top_k")) for k in (2, 10))
    assert [trial.id for trial in two.trials] == [trial.id for trial in ten.trials]
