from pathlib import Path

import numpy as np
import pytest

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.datasets.sorted_windows import drifting_windows, sorted_windows, sorted_windows_long
from bnbench.data.types import DataDirs, ParsedArrays

PARSERS = (sorted_windows, sorted_windows_long, drifting_windows)


def share_of_second_class(parsed: ParsedArrays) -> tuple[float, float]:
    cut = round(0.8 * len(parsed.y))
    return float(parsed.y[:cut].mean()), float(parsed.y[cut:].mean())


@pytest.mark.parametrize("parse", PARSERS)
def test_the_last_fifth_has_the_class_that_is_rarer_before(parse: type) -> None:
    first, last = share_of_second_class(parse(()))
    assert first < 0.45
    assert last > 0.96


@pytest.mark.parametrize("parse", [sorted_windows, drifting_windows])
def test_a_constant_prediction_is_right_for_33_of_the_last_34_rows(parse: type) -> None:
    assert parse(()).y[-34:].tolist().count(1) == 33


def test_sorted_rows_change_their_class_once_apart_from_the_wrong_labels() -> None:
    for parsed, rows in ((sorted_windows(()), 170), (sorted_windows_long(()), 1_700)):
        moving = np.arange(rows) >= rows // 2
        wrong = np.flatnonzero(parsed.y != moving)
        assert np.diff(wrong).tolist() == [34] * (rows // 34 - 1)
        assert wrong[0] == 17


def test_the_share_of_worn_rows_rises_along_the_file() -> None:
    y = drifting_windows(()).y
    fifths = [float(part.mean()) for part in np.split(y, 5)]
    assert fifths == sorted(fifths)
    # Unlike sorted rows, these change their class more than once.
    assert np.count_nonzero(np.diff(y)) > 10


def test_one_sensor_reads_gravity_and_another_one_shows_the_class() -> None:
    parsed = sorted_windows_long(())
    means = parsed.x.mean(axis=(0, 2))
    assert means[2] == pytest.approx(9.81, abs=0.02)
    assert means[[1, 3, 4, 5]] == pytest.approx(np.zeros(4), abs=0.02)
    by_class = [parsed.x[parsed.y == label, 0].mean() for label in (0, 1)]
    # Three labels in a hundred are wrong, so the difference is a little below 0.3.
    assert by_class[1] - by_class[0] == pytest.approx(0.28, abs=0.02)


@pytest.mark.parametrize("parse", PARSERS)
def test_the_rows_are_the_same_each_time_and_need_no_file(parse: type, tmp_path: Path) -> None:
    loaded = access.load_dataset(Data(name=parse.__name__), DataDirs(cache_dir=tmp_path, offline=True))
    assert loaded.x.tobytes() == parse(()).x.tobytes()
    assert loaded.facts.form == "generated"
