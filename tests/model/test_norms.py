"""A norm is one record: everything else follows from it."""

import pytest

from bnbench.errors import ConfigError
from bnbench.model import norms
from bnbench.model.norms import Norm, find_norm, norm_names
from support.examples import make_plan

INSTANCE = Norm("instance", "GroupNormalization", {"groups": -1}, fast_in_xla=False)


def test_the_names_begin_with_none() -> None:
    assert norm_names()[:5] == ("none", "batch", "layer", "group", "rms")
    assert find_norm("none", "here") is None


def test_an_unknown_norm_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"here: 'batchh' is not one of none, batch, .*did you mean 'batch'"):
        find_norm("batchh", "here")


def test_a_made_up_norm_takes_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(norms, "NORMS", (*norms.NORMS, INSTANCE))
    variants = {
        "plain": {},
        "instance": {"norm": {"instance": {"epsilon": 0.1}}},
        "pairs": {"norm": {"instance": {"groups": 3}}},
    }
    plain, instance, pairs = (cohort.program for cohort in make_plan(variants=variants).cohorts)
    assert (instance.layers[1].class_name, instance.layers[1].arguments) == (
        "GroupNormalization",
        {"groups": -1, "epsilon": 0.1},
    )
    assert pairs.layers[1].arguments == {"groups": 3}
    assert plain.weights is not None
    assert instance.weights is not None
    assert instance.weights.total == plain.weights.total + 2 * 6
    with pytest.raises(ConfigError, match=r"variants.plain.norm: 'instanc' is not one of .*did you mean 'instance'"):
        make_plan(variants={"plain": {"norm": "instanc"}})
