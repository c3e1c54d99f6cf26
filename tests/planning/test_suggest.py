import pytest

from bnbench.data.types import DatasetInfo
from bnbench.planning.suggest import (
    suggest_batch_norm,
    suggest_batch_size,
    suggest_efforts,
    suggest_network,
    suggest_scale,
    suggest_split,
)


def facts(*shape: int, dtype: str = "float32", classes: int = 2, rows: int = 100, **more: int) -> DatasetInfo:
    return DatasetInfo("own", "", "", shape, dtype, tuple(map(str, range(classes))), rows, more.get("test", 0), 0,
                       validation_rows=more.get("validation", 0))  # fmt: skip


def names(info: DatasetInfo) -> list[str]:
    entries = [entry for entry, _ in suggest_network(info).layers]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


@pytest.mark.parametrize(
    ("info", "first", "kind"),
    [
        (facts(13), "repeat", "dense"),
        (facts(8, 8, 1, dtype="uint8"), "flatten", "dense"),
        (facts(28, 28, 1, dtype="uint8"), "conv2d", "conv2d"),
        (facts(28, 28, dtype="uint8"), "reshape", "conv2d"),
        (facts(3, 32, 32, dtype="uint8"), "permute", "conv2d"),
        (facts(50, 3), "repeat", "conv1d"),
        (facts(4, 3), "flatten", "dense"),
    ],
)
def test_the_network_suits_the_shape(info: DatasetInfo, first: str, kind: str) -> None:
    found = names(info)
    assert found[0] == first
    assert (kind == "conv2d") == ("conv2d" in found)
    assert (kind == "conv1d") == ("global_average_pooling1d" in found)
    assert found[-1] == "dense"


def test_larger_images_are_halved_more_often() -> None:
    assert names(facts(28, 28, 1)).count("max_pooling2d") == 2
    assert names(facts(64, 48, 3)).count("max_pooling2d") == 3


def test_a_number_has_one_output() -> None:
    assert suggest_network(facts(13, classes=0)).layers[-1][0] == {"dense": 1}


def test_pixels_are_scaled_to_the_unit_range() -> None:
    assert suggest_scale(facts(28, 28, dtype="uint8"))[0] == "unit"
    assert suggest_scale(facts(13))[0] == "standard"


def test_official_parts_are_not_split_again() -> None:
    assert suggest_split(facts(3)) == {"validation": 0.2, "test": 0.2}
    assert suggest_split(facts(3, test=20)) == {"validation": 0.2}
    assert suggest_split(facts(3, test=20, validation=20)) == {}
    assert suggest_split(facts(3, rows=20_000), is_official_known=False) == {"validation": 0.1}


@pytest.mark.parametrize(("rows", "size"), [(100, 16), (97, 17), (1000, 32), (20_000, 64), (60_000, 128), (5, 5)])
def test_no_step_has_one_row(rows: int, size: int) -> None:
    assert suggest_batch_size(rows) == size
    assert rows % size != 1


def test_few_steps_need_a_lower_momentum() -> None:
    assert suggest_batch_norm(350)[0] == {"batch": {"momentum": 0.9}}
    assert suggest_batch_norm(5_000)[0] == "batch"


def test_efforts_become_smaller_and_limits_are_below_the_rows() -> None:
    efforts = list(suggest_efforts(facts(3, rows=3_000)))
    assert [effort.limit for effort in efforts if effort.limit] == [2_000, 1_000, 500]
    assert [effort.epochs for effort in efforts] == sorted((effort.epochs for effort in efforts), reverse=True)
