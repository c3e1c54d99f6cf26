from pathlib import Path

import numpy as np
import pytest

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.datasets.generated import (
    TYPICAL,
    bag_of_words,
    distance,
    great_circle,
    road_distance,
    road_distance_in_meters,
    windows,
)
from bnbench.data.types import DataDirs


@pytest.fixture
def places(tmp_path: Path) -> DataDirs:
    return DataDirs(cache_dir=tmp_path, offline=True)


def test_a_great_circle_has_the_geometric_length() -> None:
    quarter = np.pi * 6_371_008.8 / 2
    points = np.array([[0, 0, 90, 0], [0, 0, 0, 90], [45, 10, 45, 10], [0, 0, 0, 180]], float)
    assert great_circle(points) == pytest.approx([quarter, quarter, 0, 2 * quarter])


def test_distances_are_those_of_the_points_in_the_box() -> None:
    parsed = distance(())
    assert parsed.x.min(axis=0) == pytest.approx([55.589537, 37.344735] * 2, abs=1e-3)
    assert parsed.x.max(axis=0) == pytest.approx([55.901819, 37.832254] * 2, abs=1e-3)
    # In such a small box the earth is nearly flat: Pythagoras is right to a tenth of a percent.
    degree = np.pi * 6_371_008.8 / 180
    north = (parsed.x[:, 2] - parsed.x[:, 0]) * degree
    east = (parsed.x[:, 3] - parsed.x[:, 1]) * degree * np.cos(np.radians(55.75))
    assert parsed.y == pytest.approx(np.hypot(north, east), rel=5e-3)


def test_road_distance_has_a_hundred_pairs_of_the_box_in_two_units(places: DataDirs) -> None:
    scaled, meters = (
        access.load_dataset(Data.model_validate({"name": "road_distance", "unit": unit}), places)
        for unit in (None, "meters")
    )
    assert (scaled.facts.rows, meters.facts.rows, scaled.facts.test_rows, scaled.facts.repeated_rows) == (
        100,
        100,
        0,
        0,
    )
    assert scaled.facts.fingerprint != meters.facts.fingerprint
    np.testing.assert_allclose(scaled.x * 100, meters.x, rtol=1e-6)
    np.testing.assert_allclose(scaled.y * 100_000, meters.y, rtol=1e-6)
    assert meters.x.min(axis=0) == pytest.approx([55.589537, 37.344735] * 2, abs=0.03)
    assert meters.x.max(axis=0) == pytest.approx([55.901819, 37.832254] * 2, abs=0.03)
    np.testing.assert_allclose(meters.y, great_circle(meters.x.astype(np.float64)), rtol=1e-6)
    # docs/reference/data.md names these numbers.
    assert [round(float(number)) for number in (meters.y.min(), meters.y.max(), meters.y.mean())] == [
        2210,
        34467,
        15502,
    ]
    # The values of a saved model are compared with the range of its own unit.
    assert scaled.value_range == pytest.approx((0.37344735, 0.55901819))
    assert meters.value_range == (37.344735, 55.901819)


def test_road_distance_draws_other_pairs_than_distance(places: DataDirs) -> None:
    few, many = road_distance_in_meters(()).x, distance(()).x
    assert not (few[:, np.newaxis] == many).all(axis=2).any()
    default, named = (
        access.load_dataset(Data.model_validate({"name": "road_distance", "unit": unit}), places)
        for unit in (None, "scaled")
    )
    assert default.facts == named.facts
    assert access.dataset_info(Data(name="road_distance"), places) == default.facts
    assert access.verify_dataset("road_distance", places) == default.facts
    assert default.x.tobytes() == road_distance(()).x.tobytes()


def test_one_window_in_five_is_mislabeled() -> None:
    parsed = windows(())
    rises = parsed.x[:, -1, 0] > parsed.x[:, 0, 0]
    assert np.mean(rises != parsed.y) == pytest.approx(0.2, abs=0.04)
    # Other readings do not predict the label.
    assert abs(np.corrcoef(parsed.x[:, 2, 5], parsed.y)[0, 1]) < 0.1


def test_only_some_words_show_the_kind_of_a_review() -> None:
    parsed = bag_of_words(())
    assert set(np.unique(parsed.x)) == {0, 1}
    shares = np.array([parsed.x[parsed.y == kind].mean(axis=0) for kind in (0, 1)])
    apart = np.abs(shares[1] - shares[0]) / np.sqrt(shares.mean(axis=0).clip(1e-3) / 500)
    # By chance, none of a thousand words differs so much.
    assert (apart > 4).sum() > 20
    assert (apart > 3).sum() <= 2 * TYPICAL + 10


def test_generated_data_are_the_same_each_time_and_need_no_file(places: DataDirs) -> None:
    for name, drawn in (("distance", distance), ("windows", windows), ("bag_of_words", bag_of_words)):
        loaded = access.load_dataset(Data(name=name), places)
        assert loaded.x.tobytes() == drawn(()).x.tobytes()
        assert loaded.facts.form == "generated"


def test_a_config_can_choose_some_classes(places: DataDirs) -> None:
    settings = Data.model_validate({"name": "digits", "classes": [3, 8]})
    loaded = access.load_dataset(settings, places)
    assert (loaded.facts.classes, loaded.facts.rows) == (("3", "8"), 357)
    assert access.dataset_info(settings, places) == loaded.facts
