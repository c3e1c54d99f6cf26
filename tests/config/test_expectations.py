from typing import Any

import pytest
import yaml

from bnbench.config.load import check_config
from bnbench.config.schema import default_baseline
from bnbench.config.smoke import cut_to_smoke
from bnbench.errors import ConfigError
from support.examples import make_plan, values

CLAIM: dict[str, Any] = {"text": "x", "metric": "max_stable_rate", "of": "batchnorm", "ratio": {"at_least": 3}}
SCORE: dict[str, Any] = {"text": "x", "metric": "aulc", "of": "batchnorm", "difference": {"at_least": 0}}


def test_a_claim_is_read_and_recorded() -> None:
    experiment = check_config(values(claims=[CLAIM, SCORE | {"at": 0.1}]), "tiny.yaml")
    assert [str(claim.bound) for claim in experiment.claims] == ["at least 3", "at least 0"]
    assert [claim.kind for claim in experiment.claims] == ["ratio", "difference"]
    assert [claim.at for claim in experiment.claims] == ["best", 0.1]
    assert check_config(yaml.safe_load(experiment.to_yaml()), "again") == experiment
    make_plan(claims=[CLAIM, SCORE | {"at": 0.1, "over": "plain"}])


def test_a_claim_may_have_a_rope() -> None:
    claims = [SCORE | {"rope": 0.02}, SCORE | {"difference": {"at_most": 0}, "rope": 1}, SCORE]
    experiment = check_config(values(claims=claims), "tiny.yaml")
    assert [claim.rope for claim in experiment.claims] == [0.02, 1, None]
    assert check_config(yaml.safe_load(experiment.to_yaml()), "again") == experiment


def test_one_claim_at_most_is_the_main_one() -> None:
    experiment = check_config(values(claims=[SCORE, SCORE | {"text": "main", "main": True}]), "tiny.yaml")
    assert [claim.main for claim in experiment.claims] == [False, True]
    assert check_config(yaml.safe_load(experiment.to_yaml()), "again") == experiment
    with pytest.raises(ConfigError, match="two claims are main, wanted one at most: 'x' and 'y'"):
        check_config(values(claims=[SCORE | {"main": True}, SCORE | {"text": "y", "main": True}]), "tiny.yaml")
    with pytest.raises(ConfigError, match="the main claim has the text of another one: 'x'"):
        check_config(values(claims=[SCORE, SCORE | {"main": True}]), "tiny.yaml")


def test_the_ids_of_trials_do_not_depend_on_claims() -> None:
    assert [t.id for t in make_plan(claims=[CLAIM]).trials] == [t.id for t in make_plan().trials]


def test_a_smoke_run_has_no_claims() -> None:
    assert cut_to_smoke(check_config(values(claims=[SCORE | {"at": 0.1}]), "tiny.yaml")).claims == []


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (CLAIM | {"metrc": "x"}, "claims[0].metrc: unknown key (did you mean 'metric'?)"),
        (CLAIM | {"ratio": {"at_leest": 3}}, "claims[0].ratio.at_leest: unknown key (did you mean 'at_least'?)"),
        (CLAIM | {"metric": "best_rat"}, "(did you mean 'best_rate'?)"),
        (
            CLAIM | {"difference": {"at_least": 0}},
            "found ratio and difference of value, ratio",
        ),
        ({"text": "x", "metric": "aulc", "of": "batchnorm"}, "found none of value, ratio, difference, probability"),
        (CLAIM | {"ratio": None, "value": {"at_least": 3}, "over": "plain"}, "a value is about one variant only"),
        (CLAIM | {"ratio": {}}, "claims[0].ratio: wanted at_least, at_most or both"),
        (CLAIM | {"ratio": {"at_least": 3, "at_most": 2}}, "no value is in that range"),
        (CLAIM | {"ratio": {"at_least": "3"}}, "claims[0].ratio.at_least: found '3', wanted a number"),
        (CLAIM | {"ratio": {"at_least": 0}}, "a ratio of at least 0, wanted more than 0"),
        (CLAIM | {"ratio": None, "probability": {"at_least": 2}}, "a probability of at least 2, wanted 0 to 1"),
        (CLAIM | {"ratio": None, "difference": {"at_least": 0}}, "a factor: give ratio"),
        (CLAIM | {"metric": "stable_width"}, "stable_width is a logarithm"),
        (CLAIM | {"metric": "ok"}, "ok needs the probability of one variant"),
        (CLAIM | {"at": 0.1}, "max_stable_rate belongs to all learning rates together: leave 'at' out"),
        (SCORE | {"at": "bst"}, "claims[0].at: 'bst' is neither a number nor 'best'"),
        (SCORE | {"target": 0.9}, "aulc has no target"),
        (SCORE | {"epoch": 1}, "claims[0].epoch: aulc is not measured after each epoch: leave 'epoch' out"),
        (SCORE | {"metric": "test_accuracy", "epoch": 1}, "claims[0].epoch: test_accuracy is not measured after each"),
        (SCORE | {"metric": "train_loss", "epoch": 0}, "claims[0].epoch: found 0, wanted at least 1"),
        (SCORE | {"metric": "train_loss", "epoch": "last"}, "claims[0].epoch: found 'last', wanted a whole number"),
        (SCORE | {"basis": "sad"}, "claims[0].basis: 'sad' is not one of said, read, ours (did you mean 'said'?)"),
        (SCORE | {"source": ""}, "claims[0].source: "),
        (SCORE | {"metric": "epochs_to_target", "target": 90}, "claims[0].target: found 90, wanted at most 1"),
        (SCORE | {"metric": "ok", "across": "x"}, "ok needs the probability"),
        (SCORE | {"metric": "epochs_to_target", "across": "x"}, "epochs_to_target has no range across an axis"),
        (SCORE | {"difference": None, "probability": {"at_least": 0.5}, "across": "x"}, "has no probability"),
        (SCORE | {"rope": 0}, "claims[0].rope: found 0, wanted greater than 0"),
        (SCORE | {"rope": True}, "claims[0].rope: found True, wanted a number"),
        (
            CLAIM | {"rope": 0.1},
            "claims[0].rope: a rope is a region around a difference of 0: give difference instead of",
        ),
        (
            SCORE | {"difference": {"at_least": 0.01}, "rope": 0.02},
            "claims[0].rope: a rope is a region around a difference of 0, and the bound is at least 0.01",
        ),
        (SCORE | {"difference": None, "value": {"at_least": 0}, "rope": 0.02}, "give difference instead of value"),
        ({"metric": "aulc"}, "claims[0].text: missing"),
        ("batchnorm is better", "claims[0]: found 'batchnorm is better', wanted"),
    ],
)
def test_an_invalid_claim_is_refused(claim: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_config(values(claims=[claim]), "tiny.yaml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("tiny.yaml: ")


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"of": "batchnrm"}, r"claims\[0\].of: 'batchnrm' is not one of plain, batchnorm \(did you mean 'batchnorm'\?"),
        ({"over": "plan"}, r"claims\[0\].over: 'plan' is not one of .*did you mean 'plain'"),
        ({"of": "plain"}, r"claims\[0\].over: 'plain' compared with itself"),
        ({"at": 0.5}, r"claims\[0\].at: 0.5 is not one of 0.01, 0.1"),
        (
            {"where": {"model.params.unit": 4}},
            r"claims\[0\].where: 'model.params.unit' is not one of model.params.units",
        ),
        ({"where": {"model.params.units": 5}}, r"claims\[0\].where.model.params.units: 5 is not one of 4, 6"),
        ({"across": "model.params.unit"}, r"claims\[0\].across: 'model.params.unit' is not one of .*units"),
        (
            {"across": "model.params.units", "where": {"model.params.units": 4}},
            r"claims\[0\].across: model.params.units is also under 'where'",
        ),
    ],
    ids=str,
)
def test_a_claim_about_something_unknown_is_refused(claim: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plan(claims=[SCORE | claim], sweep__grid={"model.params.units": [4, 6]})


LATER = {"text": "x", "metric": "train_loss", "of": "batchnorm", "difference": {"at_least": 0}, "epoch": 3}
OWN_EPOCHS = {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch", "train": {"epochs": 3}}}


def test_an_epoch_is_one_of_the_training() -> None:
    make_plan(claims=[LATER], train__epochs=3)
    with pytest.raises(
        ConfigError, match=r"claims\[0\].epoch: 3 is after the last epoch: batchnorm trains for 2 epochs"
    ):
        make_plan(claims=[LATER], train__epochs=2)


def test_a_variant_may_have_epochs_of_its_own() -> None:
    alone = {"text": "x", "metric": "train_loss", "of": "batchnorm", "value": {"at_least": 0}, "epoch": 3}
    make_plan(claims=[alone], variants=OWN_EPOCHS, train__epochs=2)
    # The other variant of a comparison needs the epoch, too.
    with pytest.raises(ConfigError, match=r"claims\[0\].epoch: 3 is after the last epoch: plain trains for 2 epochs"):
        make_plan(claims=[LATER], variants=OWN_EPOCHS, train__epochs=2)


def test_an_axis_of_epochs_counts_where_a_claim_looks_at_it() -> None:
    axis = {"sweep__grid": {"train.epochs": [2, 3]}}
    make_plan(claims=[LATER | {"where": {"train.epochs": 3}}], **axis)
    with pytest.raises(ConfigError, match="3 is after the last epoch: batchnorm trains for 2 epochs"):
        make_plan(claims=[LATER], **axis)


def test_an_experiment_that_is_cut_short_has_no_claims_about_later_epochs() -> None:
    experiment = check_config(values(claims=[LATER], published=[PUBLISHED | AFTER], train__epochs=5), "tiny.yaml")
    cut = cut_to_smoke(experiment)
    assert cut.train.epochs == 2
    assert make_plan(**cut.dump()).trials


def test_where_a_statement_comes_from_is_read_and_recorded() -> None:
    marked = {"basis": "said", "source": "source 002, part C"}
    experiment = check_config(
        values(claims=[SCORE | marked, SCORE], published=[PUBLISHED | {"basis": "read"}]), "tiny.yaml"
    )
    assert [(claim.basis, claim.source) for claim in experiment.claims] == [
        ("said", "source 002, part C"),
        (None, None),
    ]
    assert experiment.published[0].basis == "read"
    assert check_config(yaml.safe_load(experiment.to_yaml()), "again") == experiment


def test_a_claim_has_no_where_if_the_sweep_has_no_axes() -> None:
    with pytest.raises(ConfigError, match=r"claims\[0\].where: 'x': sweep.grid has no axes"):
        make_plan(claims=[SCORE | {"where": {"x": 1}}])


def test_the_baseline_is_plain_or_the_first() -> None:
    assert default_baseline(["batchnorm", "plain"]) == "plain"
    assert default_baseline(["batchnorm", "layernorm"]) == "batchnorm"


PUBLISHED: dict[str, Any] = {"source": "Table 1", "variant": "plain", "metric": "test_accuracy", "value": 0.9}
AFTER = {"metric": "validation_accuracy", "epoch": 4}


def test_a_published_value_is_read_and_recorded() -> None:
    timed = PUBLISHED | {
        "metric": "epochs_to_target",
        "value": 12.0,
        "target": 0.8,
        "at": 0.1,
        "note": "read off Fig. 2",
    }
    experiment = check_config(values(published=[PUBLISHED, timed]), "tiny.yaml")
    first, second = experiment.published
    assert (first.source, first.value, first.at, first.target, first.note) == ("Table 1", 0.9, "best", None, "")
    assert (second.at, second.target, second.note) == (0.1, 0.8, "read off Fig. 2")
    assert check_config(yaml.safe_load(experiment.to_yaml()), "again") == experiment


def test_the_ids_of_trials_do_not_depend_on_published_values() -> None:
    assert [t.id for t in make_plan(published=[PUBLISHED]).trials] == [t.id for t in make_plan().trials]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (PUBLISHED | {"sourc": "x"}, "published[0].sourc: unknown key (did you mean 'source'?)"),
        (PUBLISHED | {"source": ""}, "published[0].source"),
        (PUBLISHED | {"metric": "test_acuracy"}, "(did you mean 'test_accuracy'?)"),
        (PUBLISHED | {"value": "90%"}, "published[0].value: '90%' is neither a number nor 'never'"),
        (PUBLISHED | {"target": 0.9}, "test_accuracy has no target: leave 'target' out"),
        (
            PUBLISHED | {"metric": "best_rate", "at": 0.1},
            "best_rate belongs to all learning rates together: leave 'at' out",
        ),
        ({"source": "x"}, "published[0].variant: missing"),
        (PUBLISHED | {"epoch": 1}, "published[0].epoch: test_accuracy is not measured after each epoch"),
        (PUBLISHED | {"basis": "printed"}, "published[0].basis: 'printed' is not one of said, read, ours"),
        (PUBLISHED | {"value": "never"}, "never, wanted a number"),
    ],
)
def test_an_invalid_published_value_is_refused(entry: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_config(values(published=[entry]), "tiny.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"variant": "plan"}, r"published\[0\].variant: 'plan' is not one of .*did you mean 'plain'"),
        ({"at": 0.5}, r"published\[0\].at: 0.5 is not one of 0.01, 0.1"),
        (
            {"where": {"model.params.unit": 4}},
            r"published\[0\].where: 'model.params.unit' is not one of model.params.units",
        ),
        (AFTER, r"published\[0\].epoch: 4 is after the last epoch: plain trains for 3 epochs"),
        ({"where": {"model.params.units": 5}}, r"published\[0\].where.model.params.units: 5 is not one of 4, 6"),
    ],
    ids=str,
)
def test_a_published_value_for_something_unknown_is_refused(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plan(published=[PUBLISHED | entry], sweep__grid={"model.params.units": [4, 6]})
