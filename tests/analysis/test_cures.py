"""No cure is given that the network already follows, that cannot work, or of which nothing is known."""

from dataclasses import replace
from typing import Any

import pytest

from bnbench.analysis import cures
from bnbench.analysis.cures import Cure, Facts, Setup, ShownCure, helpful_cures
from bnbench.analysis.symptoms import SYMPTOMS
from support.paths import ROOT

RELU = frozenset({"relu"})
PLAIN = Setup(hidden_activations=RELU)
# The symptom shows from 0.1 on.
HIGH = Facts([0.01, 0.1, 1.0], [0.1, 1.0], [0.01], "accuracy", 500.0, 50.0, knows_largest_class=True, setup=PLAIN)


def given(cure: Cure, facts: Facts = HIGH, **setup: Any) -> bool:
    return bool(cure(replace(facts, setup=replace(facts.setup or PLAIN, **setup))))


def test_a_lower_rate_helps_if_lower_rates_do_not_show_the_symptom() -> None:
    assert cures.lower_rate(HIGH) == "a lower rate, at which it does not occur"
    assert cures.other_rates(HIGH) == cures.higher_rate(HIGH) == ""
    low = replace(HIGH, shown=[0.01], sound=[0.1, 1.0])
    assert cures.lower_rate(low) == ""
    assert cures.higher_rate(low) == "a higher rate or more epochs, as higher rates do not show it"
    assert cures.warm_up(low) == ""
    both = replace(HIGH, shown=[0.01, 1.0], sound=[0.1])
    assert cures.lower_rate(both)
    assert cures.higher_rate(both)


def test_if_every_tried_rate_fails_other_rates_are_left() -> None:
    nowhere = replace(HIGH, shown=[0.01, 0.1, 1.0], sound=[])
    assert cures.other_rates(nowhere) == "rates below and above those that were tried"
    assert cures.lower_rate(nowhere) == ""
    assert cures.higher_rate(nowhere) == ""


def test_one_rate_says_nothing_about_lower_or_higher_ones() -> None:
    one = replace(HIGH, rates=[0.1], shown=[0.1], sound=[])
    assert cures.other_rates(one) == "other rates (a single one was tried)"
    assert cures.lower_rate(one) == ""
    assert cures.higher_rate(one) == ""
    assert cures.rates_beyond(one).startswith("other rates (a single one was tried)")


def test_rates_beyond_the_grid_are_advised_at_its_ends_alone() -> None:
    assert cures.rates_beyond(replace(HIGH, shown=[0.1])) == ""
    assert cures.rates_beyond(replace(HIGH, shown=[1.0])).startswith("rates beyond this end of the grid")


@pytest.mark.parametrize(
    ("cure", "useless"),
    [
        (cures.warm_up, {"warms_up": True}),
        (cures.standardized_inputs, {"scale": "standard"}),
        (cures.standardized_inputs, {"norms_inputs": True}),
        # The numbers of words have no mean.
        (cures.standardized_inputs, {"takes_numbers": False}),
        (cures.adam, {"optimizer": "Adam"}),
        (cures.adam, {"optimizer": "RMSprop"}),
        (cures.larger_batch, {"batch_size": None}),
        # A norm of any kind
        (cures.batch_norm, {"has_norm": True}),
        (cures.batch_norm_for_units, {"has_norm": True}),
        (cures.batch_norm, {"batch_size": 1}),
        (cures.batch_norm, {"hidden_activations": frozenset()}),
        (cures.he_initialization, {"good_initializers": frozenset({"he"})}),
        (cures.he_initialization, {"hidden_activations": frozenset({"tanh"})}),
        # A norm sets the size of signals anyway.
        (cures.he_initialization, {"has_norm": True}),
        (cures.leaky_units, {"hidden_activations": frozenset({"sigmoid"})}),
        (cures.falling_rate, {"has_schedule": True}),
        (cures.best_weights, {"saves_best": True}),
        (cures.early_stopping, {"stops_early": True}),
        (cures.dropout, {"dropout": (0.5,)}),
        (cures.penalties, {"has_penalty": True}),
        (cures.more_rows, {"is_limited": False}),
        (cures.augmentation, {"is_augmented": True}),
        (cures.augmentation, {"is_image": False}),
        (cures.distinct_parts, {"keeps_duplicates": False}),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_what_is_done_already_or_cannot_be_done_is_not_advised(cure: Cure, useless: dict[str, Any]) -> None:
    assert given(cure)
    assert not given(cure, **useless)


@pytest.mark.parametrize(
    ("cure", "useful"),
    [
        (cures.modest_dropout, {"dropout": (0.2, 0.5)}),
        (cures.glorot_initialization, {"hidden_activations": frozenset({"tanh"})}),
        (cures.unsaturated_units, {"hidden_activations": frozenset({"tanh"})}),
        (cures.no_output_norm, {"norms_outputs": True}),
        (cures.faster_statistics, {"momentum": 0.99}),
        (cures.more_steps, {"momentum": 0.999}),
        (cures.falling_rate_for_statistics, {"momentum": 0.9}),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_what_needs_a_premise_is_advised_with_it_alone(cure: Cure, useful: dict[str, Any]) -> None:
    assert given(cure, **useful)
    assert not given(cure)


def test_a_linear_output_is_for_numbers_whose_output_is_bounded() -> None:
    of_numbers = replace(HIGH, score_name="R²")
    assert given(cures.linear_output, of_numbers, output_activation="sigmoid")
    assert not given(cures.linear_output, of_numbers)
    assert not given(cures.linear_output, output_activation="softmax")


def test_statistics_that_are_warm_need_no_more_steps() -> None:
    # 0.99 ** 500 = 0.0066, 0.999 ** 500 = 0.61
    assert not given(cures.more_steps, momentum=0.99)
    assert "follow the weights faster" in cures.faster_statistics(replace(HIGH, setup=replace(PLAIN, momentum=0.99)))
    cold = cures.faster_statistics(replace(HIGH, setup=replace(PLAIN, momentum=0.999)))
    assert cold.endswith("(after 500 steps 0.999 keeps 61% of its start)")
    # With a momentum of 1 no number of steps helps, and one of 0.9 is fast enough.
    assert not given(cures.more_steps, momentum=1.0)
    assert given(cures.faster_statistics, momentum=1.0)
    assert not given(cures.faster_statistics, momentum=0.9)


def test_the_largest_class_and_shorter_epochs() -> None:
    assert cures.largest_class(HIGH) == ""
    unknown = replace(HIGH, knows_largest_class=False)
    assert cures.largest_class(unknown)
    assert cures.largest_class(replace(unknown, score_name="R²")) == ""
    assert cures.shorter_epochs(HIGH)
    assert cures.shorter_epochs(replace(HIGH, steps_per_epoch=1.0)) == ""
    assert cures.larger_batch(replace(HIGH, steps_per_epoch=1.0)) == ""


def test_without_a_config_the_usual_cures_are_given() -> None:
    unknown = replace(HIGH, setup=None)
    for symptom in SYMPTOMS.values():
        given_cures = helpful_cures(symptom.cures, unknown)
        assert given_cures
        assert not any(cures.APART in cure for cure in given_cures)
    assert "batch normalization in front of the activations (Ioffe and Szegedy 2015) (shown by: initialisation)" in (
        helpful_cures(SYMPTOMS["chance level"].cures, unknown)
    )


def test_a_cure_that_cannot_help_names_no_experiment() -> None:
    shown = ShownCure(cures.adam, "leaf")
    assert shown(HIGH) == "Adam (it scales the step of each weight) (shown by: leaf)"
    assert not given(shown, optimizer="Adam")
    assert ShownCure(cures.adam, "leaf", uncured="letters")(HIGH).endswith("(shown by: leaf against letters)")


@pytest.mark.parametrize(
    ("symptom", "cure"),
    [(name, cure) for name, one in SYMPTOMS.items() for cure in one.cures if isinstance(cure, ShownCure)],
    # Not the cure: its text has the address of a function, and the processes of a run would collect other tests.
    ids=lambda value: getattr(value, "experiment", value),
)
def test_the_committed_report_of_the_experiment_of_a_cure_has_the_symptom(symptom: str, cure: ShownCure) -> None:
    heading = f"**{symptom.capitalize()}.**"
    reports = {}
    for name in filter(None, (cure.experiment, cure.uncured)):
        assert len(list(ROOT.glob(f"configs/**/{name}.yaml"))) == 1
        reports[name] = (ROOT / "results" / name / "report.md").read_text(encoding="utf-8")
    assert heading in reports[cure.uncured or cure.experiment]
    if cure.uncured:
        assert heading not in reports[cure.experiment]
