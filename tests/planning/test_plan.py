import re
from typing import Any

import pytest

from bnbench.analysis.labels import format_value
from bnbench.cli.format_plan import format_matrix
from bnbench.config.load import check_config
from bnbench.data.splits import SplitSizes, split_sizes
from bnbench.errors import ConfigError
from bnbench.planning import identity, plan
from support.examples import facts, make_plan, values


def test_trials_are_variants_times_rates_times_seeds() -> None:
    planned = make_plan()
    assert [(t.number, t.variant, t.learning_rate, t.seed) for t in planned.trials] == [
        (1, "plain", 0.01, 0), (2, "plain", 0.01, 1), (3, "plain", 0.1, 0), (4, "plain", 0.1, 1),
        (5, "batchnorm", 0.01, 0), (6, "batchnorm", 0.01, 1), (7, "batchnorm", 0.1, 0), (8, "batchnorm", 0.1, 1),
    ]  # fmt: skip
    assert [len(cohort.trials) for cohort in planned.cohorts] == [4, 4]
    assert planned.trials[-1].name == "batchnorm lr=0.1 seed=1"
    assert re.fullmatch(r"[0-9a-f]{16}", planned.trials[0].id)


def test_ids_are_unique_and_stable() -> None:
    ids = [trial.id for trial in make_plan().trials]
    assert len(set(ids)) == 8
    assert ids == [trial.id for trial in make_plan().trials]


def test_parameter_counts_differ_by_what_the_norm_adds() -> None:
    plain, normed = (cohort.program.weights for cohort in make_plan().cohorts)
    assert plain is not None
    assert normed is not None
    assert (plain.trainable, plain.fixed) == (5 * 6 + 6 + 6 * 3 + 3, 0)
    assert (normed.trainable - plain.trainable, normed.fixed) == (2 * 6, 2 * 6)


@pytest.mark.parametrize(
    "changes",
    [
        {"train__epochs": 4},
        {"train__batch_size": 9},
        {"train__optimizer": {"name": "sgd", "momentum": 0.8}},
        {"train__optimizer": "adam"},
        {"train__schedule": {"cosine": {"decay_steps": 5}}},
        {"train__loss": {"categorical_crossentropy": {"from_logits": True}}},
        {"train__dtype": "float64"},
        {"train__engine": "graph"},
        {"train__threads": 2},
        {"train__on_divergence": "continue"},
        {"train__pre_activations": True},
        {"train__callbacks": ["early_stopping"]},
        {"data__scale": "unit"},
        {"data__split__validation": 0.3},
        {"data__limit": 20},
        {"model__params__units": 7},
        {"model__layers": [{"dense": "$units"}, "norm", {"activation": "tanh"}, {"dense": 3}]},
    ],
    ids=str,
)
def test_whatever_decides_the_outcome_changes_the_id(changes: dict[str, Any]) -> None:
    before = {trial.id for trial in make_plan().trials}
    assert before.isdisjoint(trial.id for trial in make_plan(**changes).trials)


def test_the_id_ignores_pre_activations_that_are_off() -> None:
    train = make_plan().cohorts[0].program.train
    assert "pre_activations" in train.model_dump()
    assert make_plan(train__pre_activations=False).trials == make_plan().trials


def test_pre_activations_need_an_activation_of_their_own() -> None:
    inside = [
        {"dense": {"units": "$units", "activation": "relu"}},
        "norm",
        {"dense": "$classes"},
        {"activation": "elu"},
    ]
    with pytest.raises(
        ConfigError, match=r"tiny.yaml: train.pre_activations: in variant plain no hidden activation is a layer"
    ):
        make_plan(train__pre_activations=True, model__layers=inside)


@pytest.mark.parametrize("key", ["claims", "published"])
def test_a_claim_about_pre_activations_needs_them(key: str) -> None:
    of = {"metric": "pre_activation_drift", "at": 0.1}
    statement = {"claims": {"text": "x", "of": "batchnorm", "ratio": {"at_most": 1}} | of}
    statement["published"] = {"source": "x", "variant": "plain", "value": 1.0} | of
    with pytest.raises(
        ConfigError, match=rf"{key}\[0\].metric: pre_activation_drift needs train.pre_activations: true"
    ):
        make_plan(**{key: [statement[key]]})
    assert make_plan(**{key: [statement[key]]}, train__pre_activations=True).trials


def test_other_data_change_the_id() -> None:
    before = {trial.id for trial in make_plan().trials}
    assert before.isdisjoint(trial.id for trial in make_plan(facts(rows=76)).trials)


def test_an_engine_or_library_of_another_version_changes_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    before = make_plan().trials[0].id
    monkeypatch.setattr(identity, "ENGINE_VERSION", identity.ENGINE_VERSION + 1)
    assert make_plan().trials[0].id != before
    monkeypatch.undo()
    monkeypatch.setattr(identity, "library_versions", lambda: {"keras": "9.9"})
    assert make_plan().trials[0].id != before


def test_titles_names_and_the_order_of_keys_do_not_change_the_id() -> None:
    before = {trial.id for trial in make_plan().trials}
    renamed = make_plan(
        title="other", name="other", save_models="best", variants={"b": {"norm": {"batch": {"momentum": 0.9}}}, "a": {}}
    )
    assert {trial.id for trial in renamed.trials} == before
    turned = {key: values()[key] for key in reversed(values())}
    again = plan.make_plan(check_config(turned, "tiny.yaml"), lambda settings: facts(), "tiny.yaml")
    assert [trial.id for trial in again.trials] == [trial.id for trial in make_plan().trials]


def test_an_extended_grid_keeps_the_trials_it_had() -> None:
    before = {trial.id for trial in make_plan().trials}
    after = {trial.id for trial in make_plan(sweep__learning_rate=[0.01, 0.1, 1.0], sweep__seeds=3).trials}
    assert before < after
    assert len(after) == 18


def test_a_further_axis_multiplies_the_cohorts() -> None:
    planned = make_plan(sweep__grid={"model.params.units": [4, 6], "train.batch_size": [4, 8]})
    assert len(planned.cohorts) == 8
    assert dict(planned.cohorts[0].axes) == {"model.params.units": 4, "train.batch_size": 4}
    assert planned.trials[0].name == "plain units=4 batch_size=4 lr=0.01 seed=0"
    assert {trial.id for trial in make_plan().trials} < {trial.id for trial in planned.trials}


def test_an_axis_may_sweep_a_norms_argument() -> None:
    variants = {"plain": {}, "batchnorm": {"norm": {"batch": {"momentum": "$momentum"}}}}
    params = {"units": 6, "momentum": 0.9}
    planned = make_plan(model__params=params, variants=variants, sweep__grid={"model.params.momentum": [0.5, 0.99]})
    normed = [cohort.program.layers[1].arguments for cohort in planned.cohorts if cohort.variant == "batchnorm"]
    assert normed == [{"momentum": 0.5}, {"momentum": 0.99}]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (
            {"train.optimizer": ["adam", "sgd", {"sgd": {}}]},
            "train.optimizer[2]: the same setting twice: {'sgd': {}} trains",
        ),
        (
            {"train.optimizer": ["sgd", {"sgd": {}}], "train.epochs": [1, 2]},
            "train.optimizer[1]: the same setting twice",
        ),
        (
            {"train.epochs": [1, 2], "train.optimizer": ["sgd", {"sgd": {}}]},
            "train.optimizer[1]: the same setting twice",
        ),
        (
            {"train.loss": ["sparse_categorical_crossentropy", {"name": "sparse_categorical_crossentropy"}]},
            "train.loss[1]: the same setting twice",
        ),
        ({"data.classes": [["0", "1", "2"], [0, 1, 2]]}, "data.classes[1]: the same setting twice"),
        ({"data.repeats": ["remove", "drop"]}, "data.repeats[1]: the same setting twice: 'drop' trains"),
        (
            {"data.repeats": ["remove", "keep"], "data.duplicates": ["drop", "keep"]},
            "data.duplicates: the same setting as data.repeats: remove one",
        ),
        (
            {"train.optimizer.momentum": [0.5, 0.9], "train.optimizer": ["sgd", "adam"]},
            "train.optimizer.momentum[1]: the same setting twice: 0.9 trains the same programs as 0.5",
        ),
    ],
)
def test_two_values_of_an_axis_that_are_one_setting_are_refused(grid: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_plan(sweep__grid=grid)
    assert str(caught.value).startswith(f"tiny.yaml: sweep.grid.{message}")


def test_an_axis_need_not_change_every_variant() -> None:
    variants = {"plain": {}, "batchnorm": {"norm": {"batch": {"momentum": "$momentum"}}}}
    grid = {"model.params.momentum": [0.5, 0.99], "train.batch_size": [4, 8]}
    planned = make_plan(model__params={"units": 6, "momentum": 0.9}, variants=variants, sweep__grid=grid)
    assert len(planned.cohorts) == 8
    assert len({cohort.program.key for cohort in planned.cohorts}) == 6


def test_an_axis_of_mappings_has_readable_names() -> None:
    planned = make_plan(sweep__grid={"train.optimizer": ["sgd", {"name": "adam"}]})
    assert planned.trials[-1].name == "batchnorm optimizer=name adam lr=0.1 seed=1"
    states = dict.fromkeys((trial.id for trial in planned.trials), "new")
    assert "name adam" in format_matrix(planned, states)


def test_a_variant_changes_training_and_parameters() -> None:
    variants = {"sgd": {}, "adam": {"train": {"optimizer": "adam"}}, "wide": {"params": {"units": 9}}}
    sgd, adam, wide = (cohort.program for cohort in make_plan(variants=variants).cohorts)
    assert (sgd.train.optimizer.name, adam.train.optimizer.name) == ("sgd", "adam")
    assert wide.layers[0].arguments == {"units": 9}


@pytest.mark.parametrize(
    ("layers", "engine"),
    [
        ([{"dense": 4}, "norm", {"dense": 3}], "xla"),
        ([{"dense": 4}, "norm", {"dropout": 0.1}, {"dense": 3}], "graph"),
        ([{"reshape": [5, 1]}, {"conv1d": {"filters": 2, "kernel_size": 2}}, "norm", "flatten", {"dense": 3}], "graph"),
    ],
)
def test_the_engine_follows_from_the_layers(layers: list[Any], engine: str) -> None:
    planned = make_plan(model={"layers": layers})
    assert {cohort.program.train.engine for cohort in planned.cohorts} == {engine}
    chosen = make_plan(model={"layers": layers}, train__engine="graph")
    assert chosen.cohorts[0].program.train.engine == "graph"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__batch_size": 46}, "train.batch_size: a batch of 46 is larger than the 45 training rows"),
        ({"data__split__validation": 0.001}, "leaves a part without rows: 60 train, 0 validation, 15 test"),
        ({"data__split__test": 0.9}, "leaves a part without rows"),
        ({"model__params": {"unit": 6}}, r"\$units is not set under model.params \(did you mean 'unit'\?\)"),
        (
            {"model__params": {"units": 6, "width": 3}},
            r"tiny.yaml: model.params.width: never used: no layer has \$width",
        ),
        ({"model__params": {"units": 6, "classes": 3}}, "choose another name"),
        ({"variants__plain__params": {"unit": 3}}, r"variants.plain.params.unit: not set .*\(did you mean 'units'\?\)"),
        ({"variants__plain__train": {"epochs": 0}}, "tiny.yaml: variants.plain.train.epochs: found 0"),
        (
            {"variants__plain__train": {"epoch": 1}},
            r"tiny.yaml: variants.plain.train.epoch: unknown key \(did you mean 'epochs'",
        ),
        (
            {"variants__batchnorm__norm": {"batch": {"momntum": 1}}},
            r"variants.batchnorm.norm.batch.momntum: .*'momentum'",
        ),
        (
            {"sweep__grid": {"model.params.unit": [1]}},
            r"tiny.yaml: sweep.grid.model.params.unit\[0\]: never used \(did you mean 'units'",
        ),
        (
            {"variants__plain__train": {"batch_size": 4}, "sweep__grid": {"train.batch_size": [8, 16]}},
            "variants.plain: sets train.batch_size, which sweep.grid sweeps",
        ),
        (
            {"variants__plain__params": {"units": 4}, "sweep__grid": {"model.params.units": [8, 16]}},
            "variants.plain: sets model.params.units, which sweep.grid sweeps",
        ),
        ({"model__params": {"units": 999_999_999}}, "weights: at most 1,000,000,000"),
        (
            {"model__params": {"units": 999_999_999_999}},
            "dense.units: found 999999999999, wanted at most 2,147,483,647",
        ),
        ({"sweep__grid": {"train.epoch": [1]}}, r"tiny.yaml: sweep.grid.train.epoch\[0\]: unknown key"),
        ({"sweep__grid": {"epochs": [1]}}, "sweep.grid.epochs: wanted a dotted key"),
        ({"sweep__grid": {"sweep.seeds": [1]}}, "sweep.grid.sweep.seeds: wanted a dotted key"),
        ({"model__layers": [{"dense": "$units"}, "norm"]}, r"dense_0 \(Dense\), gives \(6,\), wanted \(3,\)"),
        ({"model__layers": [{"dense": "$units"}, {"dense": 3}]}, "no 'norm' slot for norm: batch"),
        (
            {"model__layers": [{"dense": "$units"}, "norm", {"dense": {"units": 3, "activation": "softmax"}}]},
            "ends in softmax, but the loss takes logits",
        ),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_together_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        make_plan(**changes)
    assert "tiny.yaml" in str(caught.value)


def test_a_softmax_is_right_for_a_loss_from_probabilities() -> None:
    layers = [{"dense": "$units"}, "norm", {"dense": {"units": 3, "activation": "softmax"}}]
    make_plan(model__layers=layers, train__loss={"sparse_categorical_crossentropy": {"from_logits": False}})


def sizes(of: Any, **changes: Any) -> SplitSizes:
    return split_sizes(check_config(values(**changes), "x").data, of, "x")


def test_sizes_of_the_parts() -> None:
    own = facts(rows=100)
    official = facts(rows=100, test_rows=40)
    assert sizes(own) == SplitSizes(60, 20, 20)
    assert sizes(own, data__limit=30) == SplitSizes(30, 20, 20)
    assert sizes(own, data__split={"validation": "test", "test": 0.25}) == SplitSizes(75, 25, 25)
    assert sizes(official, data__split={"validation": 0.1}) == SplitSizes(54, 6, 40)
    assert sizes(official, data__split={"validation": "test"}) == SplitSizes(60, 40, 40)
    with pytest.raises(ConfigError, match="has an official test part of 40 rows"):
        sizes(official, data__split={"test": 0.1})


def test_steps_of_an_epoch() -> None:
    # 45 rows: five batches of 8 and one of 5.
    assert make_plan().cohorts[0].program.steps_per_epoch == 6
    assert make_plan(train__batch_size="full").cohorts[0].program.steps_per_epoch == 1
    assert make_plan(train__batch_size="full").cohorts[0].program.batch_size == 45
    assert make_plan(train__steps_per_epoch=11).cohorts[0].program.steps_per_epoch == 11


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4, "4"),
        (0.0031622776601683794, "0.003162"),
        (float("nan"), "none"),
        ([1, 2], "1, 2"),
        ({"random_normal": {"stddev": 0.001}}, "random_normal stddev 0.001"),
        ('{"random_normal": {"stddev": 0.001}}', "random_normal stddev 0.001"),
        (["Trouser", "Bag"], "Trouser, Bag"),
        ('["Trouser", "Bag"]', "Trouser, Bag"),
        ("[not JSON", "[not JSON"),
        (None, "none"),
        (True, "True"),
    ],
)
def test_a_value_of_an_axis_is_shown_without_brackets(value: object, text: str) -> None:
    assert format_value(value) == text


@pytest.mark.parametrize(
    "rates",
    [
        [0.01, 0.0100000000000001, 0.01000000001],
        [1.0, 1.00000001],
        [3.4e37, 3.40000001e37],
        {"from": 1.0, "to": 1.000001, "points": 50},
    ],
)
def test_rates_that_are_one_number_in_the_dtype_of_training_are_twice(rates: Any) -> None:
    with pytest.raises(ConfigError, match=r"tiny\.yaml: sweep\.learning_rate: has .* twice: .* in float32") as caught:
        make_plan(sweep__learning_rate=rates)
    assert "train.dtype: float64" in str(caught.value)
    assert len(make_plan(sweep__learning_rate=rates, train__dtype="float64").trials) > 4


def test_rates_are_compared_in_the_dtype_of_each_variant() -> None:
    rates = [0.01, 0.0100000000000001]
    double = {"train": {"dtype": "float64"}}
    assert len(make_plan(sweep__learning_rate=rates, variants={"one": double, "two": double}).trials) == 8
    with pytest.raises(ConfigError, match="twice"):
        make_plan(sweep__learning_rate=rates, variants={"one": double, "two": {}})


@pytest.mark.parametrize("rate", [1e-38, 1e-45, 3.5e38, 0.0, -1.0])
def test_a_rate_that_float32_does_not_have_is_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match=r"is no learning rate, wanted 1\.2e-38 to 3\.4e\+38"):
        make_plan(sweep__learning_rate=[rate])


def test_names_of_trials_and_rows_of_a_plan_show_the_digits_that_tell_rates_apart() -> None:
    planned = make_plan(sweep__learning_rate=[0.1, 0.01, 0.01000001], sweep__seeds=1, variants={"plain": {}})
    assert [t.name for t in planned.trials] == [f"plain lr={text} seed=0" for text in ("0.01", "0.01000001", "0.1")]
    rows = format_matrix(planned, {t.id: "new" for t in planned.trials}).splitlines()[1:]
    assert [row.split()[2] for row in rows] == ["0.01", "0.01000001", "0.1"]


def test_data_with_classes_and_data_with_numbers_do_not_share_a_sweep() -> None:
    kinds = {"digits": facts(classes=2), "distance": facts(classes=0)}
    experiment = values(
        sweep__grid={"train.epochs": [1, 2], "data.name": ["digits", "distance"]},
        train__loss="mse",
        model__layers=["norm", {"dense": 1}],
        model__params={},
    )
    with pytest.raises(ConfigError) as caught:
        plan.make_plan(check_config(experiment, "a.yaml"), lambda data: kinds[data.name], "a.yaml")
    assert "a.yaml: sweep.grid.data.name[1]" in str(caught.value)
    for words in ("number for each row", "classes", "R2", "accuracy"):
        assert words in str(caught.value)
