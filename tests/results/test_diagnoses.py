from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from bnbench.analysis.cells import Cells
from bnbench.analysis.cures import Setup
from bnbench.analysis.symptoms import SYMPTOMS
from bnbench.results.diagnoses import diagnosis_table, list_diagnoses
from support.tables import FAILED, NAN, NONFINITE, history, trials

ROWS = 900
RATES = [0.01, 0.1, 1.0, 10.0]
DEAD = {"validation_score": 0.1, "prediction_share": 1.0, "majority_share": 0.11, "train_loss": 2.4}
FINE = {"validation_score": 0.9, "prediction_share": 0.12, "majority_share": 0.11}
DEAD_UNITS = {"dead_share": 0.9, "dead_layer": "dense_1"}
BEST = {**FINE, "validation_score": 0.95}
CHANCE = {"validation_score": 0.1, "train_loss": 2.4}


def diagnosed(*cells: Any, **by_variant: Any) -> pd.DataFrame:
    """Return the table of variants by name: for each of the rates 0.01, 0.1, 1, 10 the rows of its seeds."""
    rows = [
        {"variant": name, "learning_rate": rate, "seed": seed} | row
        for name, at_rates in by_variant.items()
        for rate, seeds in zip(RATES, at_rates, strict=False)
        for seed, row in enumerate(seeds)
    ]
    return diagnosis_table(Cells(trials(*cells, *rows)), history({}), ROWS)


def lines_by_symptom(table: pd.DataFrame, axes: tuple[str, ...] = ()) -> dict[str, list[str]]:
    return {one.symptom: list(one.lines) for one in list_diagnoses(table, axes, settings=6)}


def test_healthy_trials_have_no_diagnosis() -> None:
    result = diagnosed(plain=[[FINE] * 3, [BEST] * 3])
    assert result.empty
    assert list(result.columns) == ["symptom", "variant", "rates", "at_best", "shown", "n", "evidence", "cures"]
    assert list_diagnoses(result, ()) == []


def test_a_symptom_has_its_rates_its_trials_and_its_evidence() -> None:
    result = diagnosed(plain=[[FINE] * 3, [BEST] * 3, [DEAD] * 3, [DEAD, DEAD, NONFINITE]], batchnorm=[[BEST] * 3] * 4)
    (row,) = result.to_dict("records")
    assert (row["symptom"], row["variant"], row["rates"]) == ("constant predictions", "plain", "from 1 on")
    assert (row["shown"], row["n"], row["at_best"]) == (5, 6, False)
    assert row["evidence"] == "100.0% of rows get one prediction, at most 11.0% can be right"
    assert row["cures"].split("; ")[0] == "a lower rate, at which it does not occur (shown by: higher-rates)"
    (one,) = list_diagnoses(result, ())
    assert one.lines == [f"plain from 1 on: 5 of 6 trials; {row['evidence']}"]
    assert one.meaning == SYMPTOMS["constant predictions"].meaning


@pytest.mark.parametrize(
    ("at_rates", "rates"),
    [
        ([DEAD, BEST, FINE, FINE], "at 0.01"),
        ([DEAD, DEAD, FINE, BEST], "up to 0.1"),
        ([BEST, FINE, DEAD, DEAD], "from 1 on"),
        ([BEST, DEAD, DEAD, FINE], "from 0.1 to 1"),
        ([DEAD, BEST, DEAD, DEAD], "at 0.01, 1 and 10"),
        # Weights that are not finite show no symptom.
        ([BEST, DEAD, DEAD, NONFINITE], "from 0.1 on"),
        ([DEAD, DEAD, DEAD, DEAD], "at every rate"),
        # If nothing trains, no rate is the best.
        ([DEAD, NONFINITE, NONFINITE, NONFINITE], "at 0.01"),
        ([DEAD, DEAD, NONFINITE, NONFINITE], "up to 0.1"),
        ([BEST | DEAD_UNITS, FINE, FINE, FINE], "at its best rate, 0.01"),
    ],
)
def test_rates_in_words(at_rates: list[dict[str, object]], rates: str) -> None:
    result = diagnosed(plain=[[row] for row in at_rates])
    assert result.loc[result["symptom"] != "divergence", "rates"].tolist() == [rates]


def test_a_divergence_counts_rates_without_finite_weights() -> None:
    result = diagnosed(plain=[[BEST], [FINE], [NONFINITE], [NONFINITE]])
    assert result[["symptom", "rates", "shown"]].to_numpy().tolist() == [["divergence", "from 1 on", 2]]


def test_the_best_rate_is_named_if_it_is_one_of_several() -> None:
    result = diagnosed(plain=[[FINE] * 4, [{**BEST, "dead_share": 0.7, "dead_layer": "dense_1"}] * 4,
                             [{**FINE, "dead_share": 0.9, "dead_layer": "dense_2"}] * 4, [FINE] * 4])  # fmt: skip
    assert result["rates"].tolist() == ["from 0.1 to 1 (its best rate, 0.1, among them)"]
    assert result["at_best"].tolist() == [True]
    # The median; the layer named most often
    assert result["evidence"].tolist() == ["80.0% of the units of dense_1"]


def test_at_the_best_rate_one_trial_is_enough_and_elsewhere_half() -> None:
    assert diagnosed(plain=[[BEST] * 4, [DEAD, FINE, FINE, FINE]]).empty
    assert lines_by_symptom(diagnosed(plain=[[BEST] * 4, [DEAD, DEAD, FINE, FINE]])) == {
        "constant predictions": [
            "plain at 0.1: 2 of 4 trials; 100.0% of rows get one prediction, at most 11.0% can be right"
        ]
    }
    better = {**FINE, "validation_score": 1.0}
    result = diagnosed(plain=[[{**FINE, "validation_score": 0.5}] * 4, [DEAD, better, better, better]])
    assert result[["rates", "shown", "n"]].to_numpy().tolist() == [["at its best rate, 0.1", 1, 4]]


COLD = {"bn_mode_gap": 0.3}


def test_symptoms_of_trainings_that_go_well_are_judged_at_the_best_rate() -> None:
    assert diagnosed(batchnorm=[[BEST] * 4, [FINE | COLD] * 4]).empty
    assert diagnosed(batchnorm=[[BEST | COLD, BEST, BEST, BEST]]).empty
    result = diagnosed(batchnorm=[[BEST | COLD] * 3 + [BEST], [FINE | COLD] * 4])
    assert lines_by_symptom(result) == {
        "statistics not warmed up": [
            "batchnorm at its best rate, 0.01: 3 of 4 trials; accuracy 30.0 points higher with the statistics of "
            "each batch than with the moving ones"
        ]
    }


def test_evidence_of_cold_statistics_has_the_scores_of_better_and_slower_ones() -> None:
    scores = (
        "accuracy 71.0% with the moving statistics, 12.0 points more with those of each batch, 84.0% with ones "
        "re-estimated over the training part"
    )
    known = {"validation_score": 0.71, "bn_mode_gap": 0.12, "reestimated_score": 0.84, "start_share": 0.0}
    (row,) = diagnosed(batchnorm=[[FINE | known]]).to_dict("records")
    assert row["evidence"] == scores
    known |= {"start_share": 0.05, "startless_score": 0.83, "longer_momentum_score": 0.12}
    (row,) = diagnosed(batchnorm=[[FINE | known]]).to_dict("records")
    assert row["evidence"] == (
        f"{scores}; the moving ones still hold 5% of their initial values (83.0% without these); "
        "a momentum ten times as long (0.999 for 0.99) would have given 12.0%"
    )


def test_if_no_seed_trains_no_rate_is_the_best() -> None:
    assert lines_by_symptom(diagnosed(plain=[[DEAD, DEAD, CHANCE], [DEAD, DEAD, DEAD]])) == {
        "constant predictions": [
            "plain at every rate: 5 of 6 trials; 100.0% of rows get one prediction, at most 11.0% can be right"
        ]
    }


def test_the_most_serious_symptom_comes_first() -> None:
    result = diagnosed(batchnorm=[[BEST | DEAD_UNITS | COLD], [CHANCE]], plain=[[BEST], [DEAD]])
    assert list(lines_by_symptom(result)) == [
        "constant predictions",
        "chance level",
        "dead units",
        "statistics not warmed up",
    ]


def test_a_cure_that_cannot_help_all_variants_names_those_that_it_can() -> None:
    relu = Setup(hidden_activations=frozenset({"relu"}), scale="standard", optimizer="Adam")
    setups = {"plain": relu, "layernorm": replace(relu, has_norm=True)}
    rows = [
        {"variant": name, "learning_rate": rate} | end for name in setups for rate, end in ((0.1, BEST), (1.0, CHANCE))
    ]
    table = diagnosis_table(Cells(trials(*rows)), history({}), ROWS, lambda variant, place: setups[variant])
    (one,) = list_diagnoses(table, ())
    assert one.cures == [
        "a lower rate, at which it does not occur (shown by: leaf)",
        "plain: He initialization for relu (signals keep their size from layer to layer, He et al. 2015) (shown by: "
        "initialisation)",
        "plain: batch normalization in front of the activations (Ioffe and Szegedy 2015) (shown by: initialisation)",
    ]


def test_evidence_of_chance_has_the_accuracy_of_guessing_and_both_losses() -> None:
    (row,) = diagnosed(plain=[[BEST], [CHANCE]]).to_dict("records")
    assert row["evidence"] == ("accuracy 10.0%, of guessing 10.0%; training loss 2.4, of the untrained network 2.3")
    (row,) = diagnosed(plain=[[{**CHANCE, "validation_score": NAN}]]).to_dict("records")
    assert row["evidence"] == "training loss 2.4, of the untrained network 2.3"
    # A dead network that began higher, and classes of which one has half of the rows.
    dead = {"train_loss": 2.1, "fitted_loss": 2.1, "initial_loss": 4.0, "constant_loss": 2.0, "constant_score": 0.5}
    (row,) = diagnosed(plain=[[BEST], [{**dead, "validation_score": 0.5}]]).to_dict("records")
    assert row["evidence"] == (
        "accuracy 50.0%, of always predicting the largest class 50.0%; training loss 2.1, of the untrained network 4, "
        "of the best constant prediction 2"
    )


def curve(accuracies: list[float], losses: list[float], **row: object) -> pd.DataFrame:
    ends = {"epochs": len(accuracies) - 1, "validation_score": accuracies[-1], "validation_loss": losses[-1]}
    epochs = history({"t0": accuracies}, {"t0": losses})
    return diagnosis_table(Cells(trials(ends | {"train_loss": 0.1} | row)), epochs, ROWS)


def test_evidence_from_learning_curves() -> None:
    table = curve([0.1, 0.5, *[0.9] * 9], [2.3, 1.0, 0.5, *(0.5 + i / 10 for i in range(1, 9))])
    assert table["evidence"].tolist() == [
        "validation loss 0.5 in epoch 2 of 10, 1.3 at the end; training loss 0.767 and 0.1"
    ]
    table = curve([0.1, 0.5, 0.9, *[0.3] * 8], [1.0] * 11, best_epoch=2)
    assert table["evidence"].tolist() == ["accuracy 90.0% at its best, in epoch 2, and 30.0% at the end"]
    flat, losses = [0.1, *[0.9] * 10], [1.0] * 11
    said = "accuracy 90.0% after the first epoch (10 steps), 90.0% over the second half of the epochs"
    assert curve(flat, losses)["evidence"].tolist() == [said]
    result = curve(flat, losses, majority_share=0.8, prediction_share=0.8)
    assert result["evidence"].tolist() == [f"{said}; the largest class has 80.0%"]


def at_units(*values: int, dead: int) -> pd.DataFrame:
    """Return a sweep of an axis, at whose first `dead` values the second of three rates leaves one prediction."""
    return diagnosis_table(
        Cells(
            trials(
                *(
                    {"variant": "plain", "learning_rate": rate, "axes": f'{{"model.params.units": {units}}}'} | row
                    for i, units in enumerate(values)
                    for rate, row in zip(RATES, (BEST, DEAD if i < dead else FINE, FINE), strict=False)
                )
            )
        ),
        history({}),
        ROWS,
    )


def test_a_few_axis_values_have_a_line_each_and_many_share_one() -> None:
    evidence = "100.0% of rows get one prediction, at most 11.0% can be right"
    axes = ("model.params.units",)
    assert lines_by_symptom(at_units(5, 6, 7, 8, dead=3), axes) == {
        "constant predictions": [f"plain (units {units}) at 0.1: 1 of 1 trials; {evidence}" for units in (5, 6, 7)]
    }
    assert lines_by_symptom(at_units(5, 6, 7, 8, dead=4), axes) == {
        "constant predictions": [
            f"plain at 4 of 6 settings, 4 of 4 trials; for example plain (units 5) at 0.1: 1 of 1 trials; {evidence}"
        ]
    }


def test_without_finished_trials_there_is_nothing_to_diagnose() -> None:
    assert diagnosed(FAILED).empty
    assert diagnosis_table(Cells(trials({}).iloc[:0]), history({}), 0).empty


def test_every_symptom_has_a_question_a_meaning_and_cures() -> None:
    for name, symptom in SYMPTOMS.items():
        assert symptom.name == name
        assert symptom.question.endswith("?")
        assert symptom.meaning.rstrip(")").endswith(".")
        assert symptom.cures
    assert len({symptom.severity for symptom in SYMPTOMS.values()}) == len(SYMPTOMS)
