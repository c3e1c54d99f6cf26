from typing import Any

import pytest

from bnbench.location import Location
from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.planning.small_batches import Batches, describe_small_batches, log_small_batches
from support.examples import facts, make_plan

DENSE = ["flatten", {"dense": 8}, "norm", {"activation": "relu"}, {"dense": 3}]


def described(batches: Batches, layers: list[Any] = DENSE, **norm: Any) -> str:
    slot = NormSlot("batch", norm, where=Location.of("norm"))
    return describe_small_batches(flatten_layers(layers, {}, slot, "layers"), (4, 4, 2), batches)


@pytest.mark.parametrize(
    ("batches", "wanted"),
    [
        (Batches(100, 1, None), "each step has 1 row"),
        (Batches(100, 1, 5), "each step has 1 row"),
        (Batches(100, 2, None), "each step has 2 rows, so norm_0 normalizes two values at a time"),
        (Batches(101, 2, None), "each step has 2 rows"),
        (Batches(161, 32, None), "the last step of each epoch has 1 row (161 rows in batches of 32)"),
        (Batches(161, 32, 5), ""),
        (Batches(162, 32, None), ""),
        (Batches(160, 32, None), ""),
        (Batches(100, 100, None), ""),
    ],
    ids=str,
)
def test_steps_of_a_single_value_behind_a_dense_layer(batches: Batches, wanted: str) -> None:
    result = described(batches)
    assert result.startswith(wanted)
    assert bool(result) == bool(wanted)


def test_each_cure_can_be_written_and_helps() -> None:
    last = described(Batches(161, 32, None))
    # 161 rows leave 29 over in batches of 33.
    assert last.endswith(
        "What helps: another batch_size, as 33; steps_per_epoch: 5 (all steps then have 32 rows); norm: layer, which "
        "does not depend on the batch."
    )
    assert "a larger batch_size; norm: layer" in described(Batches(100, 1, None))
    # 3 divides 9, 10 = 2 x 4 + 2.
    assert "another batch_size, as 5;" in described(Batches(9, 4, None))
    # A layer normalization over one unit is constant, too.
    one_unit = ["flatten", {"dense": 1}, "norm", {"dense": 3}]
    assert "norm: layer" not in described(Batches(100, 1, None), one_unit)


CONVOLUTION = [{"conv2d": {"filters": 3, "kernel_size": 3}}, "norm", "flatten", {"dense": 3}]


def test_a_convolution_has_several_values_in_one_row() -> None:
    assert described(Batches(161, 32, None), CONVOLUTION) == ""
    assert described(Batches(100, 1, None), CONVOLUTION) == ""
    # A single position is left.
    whole = [{"conv2d": {"filters": 3, "kernel_size": 4}}, *CONVOLUTION[1:]]
    assert described(Batches(161, 32, None), whole).startswith("the last step")
    # One statistic for each row and channel of an image of 4 x 4: four values.
    assert described(Batches(100, 1, None), ["norm", "flatten", {"dense": 3}], axis=1) == ""


def test_only_statistics_of_the_batch_count() -> None:
    assert described(Batches(100, 1, None), trainable=False) == ""
    layer = flatten_layers(DENSE, {}, NormSlot("layer", where=Location.of("norm")), "layers")
    assert describe_small_batches(layer, (4, 4, 2), Batches(100, 1, None)) == ""
    # The shape behind a layer that only Keras knows.
    einsum = {"einsum_dense": {"equation": "ab,bc->ac", "output_shape": 4}}
    unknown = ["flatten", einsum, "norm", {"dense": 3}]
    assert described(Batches(100, 1, None), unknown) == ""


def test_a_plan_warns_once_for_all_cohorts_with_the_same_problem(caplog: pytest.LogCaptureFixture) -> None:
    # 45 training rows in batches of 11.
    plan = make_plan(facts(), train__batch_size=11, sweep__grid={"model.params.units": [4, 5]})
    log_small_batches(plan)
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "batchnorm (units 4), batchnorm (units 5): the last step of each epoch has 1 row (45 rows in batches of 11)"
    )
    caplog.clear()
    log_small_batches(make_plan(facts(), train__batch_size=8))
    assert not caplog.records
