import math

import pandas as pd

from bnbench.analysis import probe_values


def test_the_median_and_the_range_of_known_values() -> None:
    values = pd.DataFrame(
        {"layer": ["b"] * 4 + ["a"] * 3, "value": [3.0, 1.0, math.nan, 2.0, 1.0, math.inf, math.inf]},
    )
    found = probe_values.over_seeds(values, ["layer"])
    assert found.values.tolist() == [["b", 2.0, 1.0, 3.0, 3], ["a", math.inf, 1.0, math.inf, 3]]


def test_a_line_ends_where_a_seed_ends() -> None:
    table = pd.DataFrame({"layer": list("aabb"), "position": [1, 2, 1, 2], "n": [3, 2, 1, 1]})
    found = probe_values.of_all_seeds(table, ["layer"])
    assert found[["layer", "position"]].values.tolist() == [["a", 1], ["b", 1], ["b", 2]]


def test_rates_around_the_edge_are_three_different_ones() -> None:
    assert probe_values.rates_around_edge([0.01, 0.03, 0.1, 0.3, 1, 3], 0.3) == [0.1, 0.3, 1]
    # All of a third, the edge and three times it are nearest to 0.1.
    assert probe_values.rates_around_edge([10, 1, 0.1, 0.01], 0.1) == [0.01, 0.1, 1]
    assert probe_values.rates_around_edge([0.1, 1], 5) == [0.1, 1]
    assert probe_values.rates_around_edge([0.1], 5) == [0.1]


def test_the_nearest_rate_is_that_on_a_logarithmic_scale() -> None:
    assert probe_values.nearest_rate([1, 10], 4) == 10
    assert probe_values.nearest_rate([10, 1, 100], 3) == 1


def test_the_depth_counts_layers_with_a_kernel() -> None:
    order = ["flatten", "dense", "activation", "dense_1", "norm_1", "activation_1"]
    assert probe_values.layer_depths({"dense", "dense_1"}, order) == {
        "flatten": 1, "dense": 1, "activation": 1, "dense_1": 2, "norm_1": 2, "activation_1": 2,
    }  # fmt: skip


def test_names_are_in_the_order_of_their_numbers() -> None:
    assert probe_values.natural_order({"dense_10", "dense_2", "dense", "activation_2"}) == [
        "activation_2", "dense", "dense_2", "dense_10",
    ]  # fmt: skip
