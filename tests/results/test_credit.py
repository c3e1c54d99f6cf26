import math
from pathlib import Path

import pytest

from bnbench.config.credit import Credit
from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.report.headline.credit import describe_credit
from bnbench.results.credit import slot_labels
from support.credit import CELLS, credited, ends
from support.kept import compared


def test_a_grid_credits_its_parts(tmp_path: Path) -> None:
    results = credited(tmp_path, CELLS)
    table = results.credit.set_index(["kind", "part"])
    for part in "ab":
        row = table.loc[("part", part)]
        assert row["credit"] == pytest.approx(1, abs=0.1)
        assert row["credit_low"] < 1 < row["credit_high"]
        assert row["alone"] == pytest.approx(1, abs=0.1)
        assert row["last"] == pytest.approx(1, abs=0.1)
    assert table.loc[("total", ""), "credit"] == pytest.approx(2, abs=0.1)
    assert table.loc[("overlap", ""), "credit"] == pytest.approx(0, abs=0.1)
    assert math.isnan(table.loc[("total", ""), "alone"])
    assert results.why_no_credit({}) == ""
    (sentence,) = describe_credit(results)
    assert sentence.startswith("All 2 parts together raise the highest rate that trains by 2.00 decades (")
    assert "a factor of 100:" in sentence


def test_a_part_whose_variant_trains_at_all_rates_has_an_open_interval(tmp_path: Path) -> None:
    table = credited(tmp_path, CELLS | {"rms": ends(4)}).credit.set_index("part")
    assert table.loc["a", "credit_high"] == math.inf
    assert math.isfinite(table.loc["a", "credit_low"])


def test_without_some_edge_there_is_no_credit_and_a_reason(tmp_path: Path) -> None:
    results = credited(tmp_path, CELLS | {"batchnorm": [[None] * 5] * 4})
    assert results.credit.empty
    assert results.why_no_credit({}) == "no edge is known of batchnorm"
    assert describe_credit(results) == ["What each part adds is open: no edge is known of batchnorm."]


def test_each_value_of_an_axis_has_its_own_rows(tmp_path: Path) -> None:
    better = CELLS | {"rms": ends(2), "layernorm": ends(1)}
    table = credited(tmp_path, CELLS, better).credit
    assert table.columns[0] == "model.params.units"
    totals = table[table["kind"] == "total"].set_index("model.params.units")["credit"]
    assert totals.to_dict() == pytest.approx({4: 2, 5: 1}, abs=0.1)


def test_experiments_without_credit_have_no_rows(tmp_path: Path) -> None:
    results = compared(tmp_path, {"plain": ends(1), "batchnorm": ends(2)})
    assert results.credit.empty
    assert describe_credit(results) == []


def test_slots_are_called_by_their_neighbors() -> None:
    items = [{"dense": 4}, "norm", {"activation": "relu"}, {"residual": {"layers": [{"dense": 4}, "norm"]}}, "norm"]
    layers = flatten_layers([*items, {"dense": 2}], {}, NormSlot("batch"), "here", (5,))
    subsets = {"plain": [], "x": ["slot 1"], "y": ["rest"], "z": ["slot 1", "rest"]}
    credit = Credit.model_validate({"subsets": subsets})
    assert slot_labels(credit, layers, {"x": [1], "y": [2, 3]}) == {
        "slot 1": "slot 1 (dense_0 → relu)", "rest": "rest (slots 2, 3)"
    }  # fmt: skip
    single = Credit.model_validate({"subsets": {"plain": [], "x": ["slot 2"]}})
    assert slot_labels(single, layers, {}) == {"slot 2": "slot 2 (dense_1 → add_0)"}
    assert slot_labels(single, (), {}) == {}
