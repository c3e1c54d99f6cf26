from typing import Any

import pytest
import yaml

from bnbench.config.load import check_config
from bnbench.config.smoke import cut_to_smoke
from bnbench.config.source_figures import FIGURE_KINDS
from bnbench.errors import ConfigError
from bnbench.planning.plan import Plan
from support.examples import facts, make_plan, values

CURVES: dict[str, Any] = {"source": "source 001, figure 1", "description": "four curves", "figure": "all-curves"}
RATES: dict[str, Any] = CURVES | {"figure": "score-against-rate", "metric": "test_loss"}
POINTS: dict[str, Any] = CURVES | {"figure": "predictions", "points": [[0.1, 0.2], [0.3, 0.2]]}
NUMBERS: dict[str, Any] = {
    "model__layers": [{"dense": "$units"}, "norm", {"activation": "relu"}, {"dense": 1}], "train__loss": "mse",
}  # fmt: skip


def plan_of_numbers(**changes: Any) -> Plan:
    return make_plan(facts(classes=0), **(NUMBERS | changes))


def test_a_figure_is_read_and_recorded() -> None:
    named = CURVES | {"variants": ["plain"], "at": 0.1}
    experiment = check_config(values(source_figures=[CURVES, named, RATES, POINTS]), "tiny.yaml")
    first, second, third, fourth = experiment.source_figures
    assert (first.variants, first.at, first.where, first.metric, first.points) == ([], "best", {}, None, [])
    assert first.shown_variants(experiment.variants) == ["plain", "batchnorm"]
    assert (second.shown_variants(experiment.variants), second.at) == (["plain"], 0.1)
    assert third.metric == "test_loss"
    assert fourth.points == [[0.1, 0.2], [0.3, 0.2]]
    assert check_config(yaml.safe_load(experiment.to_yaml()), "again") == experiment
    make_plan(source_figures=[CURVES, named, RATES])
    plan_of_numbers(source_figures=[POINTS])


def test_each_kind_of_figure_is_read() -> None:
    extra = {"score-against-rate": {"metric": "test_score"}}
    figures = [CURVES | {"figure": kind} | extra.get(kind, {}) for kind in FIGURE_KINDS]
    read = check_config(values(source_figures=figures), "tiny.yaml").source_figures
    assert [figure.figure for figure in read] == list(FIGURE_KINDS)


def test_the_ids_of_trials_do_not_depend_on_figures() -> None:
    assert [t.id for t in make_plan(source_figures=[CURVES]).trials] == [t.id for t in make_plan().trials]


def test_figures_stay_with_a_sweep_over_axes_and_with_variants_that_train_otherwise() -> None:
    variants = {"plain": {"train": {"epochs": 2}}, "batchnorm": {"norm": "batch"}}
    plan = make_plan(source_figures=[CURVES], sweep__grid={"model.params.units": [4, 6]}, variants=variants)
    assert [figure.figure for figure in plan.experiment.source_figures] == ["all-curves"]


def test_a_smoke_run_has_no_figures_of_a_source() -> None:
    named = CURVES | {"at": 0.1}
    assert cut_to_smoke(check_config(values(source_figures=[named]), "tiny.yaml")).source_figures == []


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (CURVES | {"figur": "x"}, "source_figures[0].figur: unknown key (did you mean 'figure'?)"),
        ({"figure": "all-curves"}, "source_figures[0].source: missing"),
        (CURVES | {"source": ""}, "source_figures[0].source: found '', wanted at least 1 characters"),
        (CURVES | {"figure": "all-curve"}, "source_figures[0].figure: 'all-curve' is not one of all-curves,"),
        (CURVES | {"figure": "all-curve"}, "(did you mean 'all-curves'?)"),
        (CURVES | {"variants": "plain"}, "source_figures[0].variants: found 'plain', wanted a list"),
        (CURVES | {"variants": ["plain", "plain"]}, "source_figures[0].variants: found 'plain' twice: remove one"),
        (CURVES | {"at": "bst"}, "source_figures[0].at: 'bst' is neither a number nor 'best'"),
        (CURVES | {"metric": "test_loss"}, "source_figures[0].metric: all-curves has no metric: leave 'metric' out"),
        (CURVES | {"points": [[1, 2]]}, "source_figures[0].points: all-curves has no points: leave 'points' out"),
        (CURVES | {"figure": "score-against-rate"}, "source_figures[0].metric: score-against-rate needs a metric"),
        (RATES | {"metric": "test_los"}, "(did you mean 'test_loss'?)"),
        (RATES | {"metric": "best_rate"}, "source_figures[0].metric: 'best_rate' is not one of validation_score,"),
        (RATES | {"at": 0.1}, "source_figures[0].at: score-against-rate shows all learning rates: leave 'at' out"),
        (POINTS | {"points": [[1, 2, 3]]}, "source_figures[0].points[0]: found 3 numbers, wanted two"),
        (POINTS | {"points": [[1, "2"]]}, "source_figures[0].points[0][1]: found '2', wanted a number"),
        ("all-curves", "source_figures[0]: found 'all-curves', wanted a mapping"),
    ],
)
def test_an_invalid_figure_is_refused(figure: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_config(values(source_figures=[figure]), "tiny.yaml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("tiny.yaml: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variants": ["plain", "batchnrm"]}, r"source_figures\[0\].variants\[1\]: 'batchnrm' is not one of plain, ba"),
        ({"at": 0.5}, r"source_figures\[0\].at: 0.5 is not one of 0.01, 0.1"),
        ({"where": {"model.params.unit": 4}}, r"source_figures\[0\].where: 'model.params.unit' is not one of .*units"),
        ({"where": {"model.params.units": 5}}, r"source_figures\[0\].where.model.params.units: 5 is not one of 4, 6"),
    ],
    ids=str,
)
def test_a_figure_of_something_unknown_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plan(source_figures=[CURVES | changes], sweep__grid={"model.params.units": [4, 6]})


def test_a_figure_needs_the_data_that_it_is_about() -> None:
    with pytest.raises(ConfigError, match=r"source_figures\[0\].figure: predictions needs data with a number for each"):
        make_plan(source_figures=[POINTS])
    with pytest.raises(ConfigError, match=r"source_figures\[0\].metric: test_r2, but the data have classes: use test"):
        make_plan(source_figures=[RATES | {"metric": "test_r2"}])
    spread = RATES | {"metric": "prediction_spread"}
    with pytest.raises(ConfigError, match=r"source_figures\[0\].metric: prediction_spread needs data with a number"):
        make_plan(source_figures=[spread])
    plan_of_numbers(source_figures=[spread])


def test_a_claim_about_the_spread_of_predictions_needs_numbers() -> None:
    claim = {"text": "x", "metric": "prediction_spread", "of": "plain", "value": {"at_most": 0.001}}
    with pytest.raises(ConfigError, match=r"claims\[0\].metric: prediction_spread needs data with a number for each"):
        make_plan(claims=[claim])
    assert len(plan_of_numbers(claims=[claim]).experiment.claims) == 1
