from typing import Any

import pytest

from bnbench.config.load import check_config
from bnbench.config.schema import Experiment
from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.planning.credit import expand_credit
from bnbench.planning.plan import Plan
from bnbench.planning.plan import make_plan as make_planned
from support.examples import facts, values

HIDDEN = [{"dense": 4}, "norm", {"activation": "relu"}]
CHANGES = {"warmup": {"train": {"warmup": 0.1}}, "he": {"params": {"kernel": "he_normal"}}, "norm": {"norm": "batch"}}


def located(credit: object, slots: int = 3, **changes: object) -> tuple[Experiment, Location]:
    layers = [*HIDDEN * slots, {"dense": "$classes"}]
    settled = {"model": {"layers": layers}, "credit": credit, **changes}
    return expand_credit(check_config(values(**settled), "a.yaml"), "a.yaml")


def expand(credit: object, **changes: Any) -> Experiment:
    return located(credit, **changes)[0]


def plan(credit: object, **changes: Any) -> Plan:
    made, where = located(credit, **changes)
    return make_planned(made, lambda settings: facts(), where)


def test_each_subset_of_the_slots_is_a_variant() -> None:
    made = expand({"slots": "all"})
    assert {name: variant.norm_slots for name, variant in made.variants.items()} == {
        "plain": None, "batchnorm-1": [1], "batchnorm-2": [2], "batchnorm-3": [3], "batchnorm-1-2": [1, 2],
        "batchnorm-1-3": [1, 3], "batchnorm-2-3": [2, 3], "batchnorm": None,
    }  # fmt: skip
    assert made.baseline == "plain"
    assert made.credit
    assert made.credit.subsets
    assert made.credit.subsets["batchnorm-1-3"] == ["slot 1", "slot 3"]
    assert made.credit.sampled is None
    # The edge is searched for.
    assert made.sweep.adaptive
    assert made.sweep.adaptive.edge


def test_what_is_recorded_is_read_again_and_stays() -> None:
    made = expand({"slots": "all"})
    again = check_config(made.dump(), "config.yaml")
    assert again == made
    assert expand_credit(again, "config.yaml")[0] is again


def test_groups_of_slots_have_names() -> None:
    made = expand({"slots": {"early": [1, 2], "late": [3]}})
    assert {name: variant.norm_slots for name, variant in made.variants.items()} == {
        "plain": None, "batchnorm-early": [1, 2], "batchnorm-late": [3], "batchnorm": None
    }  # fmt: skip


def test_a_variant_that_differs_from_the_baseline_in_more_than_its_norm_has_a_baseline_of_its_own() -> None:
    variants = {"plain": {"norm": "none"}, "other": {"norm": "layer", "train": {"batch_size": 16}}}
    made = expand({"slots": "all"}, slots=1, variants=variants)
    assert list(made.variants) == ["other-none", "other"]
    assert made.variants["other-none"].train == {"batch_size": 16}
    assert made.baseline == "other-none"


def test_ingredients_are_named_changes_of_the_baseline() -> None:
    layers = [{"dense": {"units": 4, "kernel_initializer": "$kernel"}}, "norm", {"dense": "$classes"}]
    model = {"params": {"kernel": "glorot_uniform"}, "layers": layers}
    made = expand({"ingredients": CHANGES}, model=model)
    assert list(made.variants) == [
        "plain", "warmup", "he", "norm", "warmup-he", "warmup-norm", "he-norm", "warmup-he-norm"
    ]  # fmt: skip
    whole = made.variants["warmup-he-norm"]
    assert (whole.train, whole.params, whole.norm.name) == ({"warmup": 0.1}, {"kernel": "he_normal"}, "batch")
    assert len(plan({"ingredients": CHANGES}, model=model).cohorts) == 8


def test_labels_of_variants_that_are_not_trained_are_left_out() -> None:
    labels = {"plain": "without", "batchnorm": "with", "extra": "x"}
    variants = {"plain": {}, "batchnorm": {"norm": "batch"}, "extra": {"norm": "rms"}}
    made = expand({"slots": "all"}, slots=1, variants=variants, figures={"labels": labels})
    assert made.figures.labels == {"plain": "without", "batchnorm": "with"}


def test_beyond_five_slots_orders_are_sampled_in_pairs() -> None:
    made = expand({"slots": "all", "orders": 4}, slots=7)
    assert made.credit
    assert made.credit.sampled
    assert made.credit.subsets
    first, second, third, fourth = made.credit.sampled
    assert first == second[::-1]
    assert third == fourth[::-1]
    # Each of the four has six subsets on its way that the others may share, next to none and all.
    assert len(made.credit.subsets) <= 4 * 6 + 2
    assert expand({"slots": "all", "orders": 4}, slots=7) == made
    assert check_config(made.dump(), "config.yaml") == made


@pytest.mark.parametrize(
    ("credit", "changes", "message"),
    [
        ({"slots": "all"}, {"variants": {"plain": {}}}, "a.yaml: variants: no variant but the baseline has a norm"),
        ({"slots": "all", "variant": "plain"}, {}, "credit.variant: plain has no norm slot that it fills"),
        ({"slots": "all"}, {"slots": 0}, "no 'norm' slot for norm: batch"),
        ({"slots": {"late": [4]}}, {}, "found slot 4, but there are 3 norm slots"),
        ({"ingredients": {"a": {"train": {"epochs": 2}}, "b": {"train": {"epochs": 4}}}}, {},
         "credit.ingredients.b: a sets train.epochs, too: write the variants out, with credit.subsets"),
        ({"ingredients": {"a": {"nrm": "batch"}}}, {}, "credit.ingredients.a.nrm: unknown key (did you mean 'norm'?)"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(credit: object, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        plan(credit, **changes)
    assert message in str(error.value)
