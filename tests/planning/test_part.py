"""A sweep is divided by seeds."""

import pytest

from bnbench.errors import ConfigError
from bnbench.planning.part import Part


def test_the_parts_share_the_seeds_out() -> None:
    seeds = [7, 3, 5, 11, 2]
    assert [Part(number, 3).seeds(seeds) for number in (1, 2, 3)] == [[7, 11], [3, 2], [5]]
    assert [Part(number, 3, overlap=1).seeds(seeds) for number in (1, 2, 3)] == [[7, 11], [7, 3, 2], [7, 5]]


def test_a_part_is_read_as_people_write_it() -> None:
    assert Part.parse("2/3", 1) == Part(2, 3, 1)
    assert Part.parse(" 2 / 3 ") == Part(2, 3)
    assert str(Part(2, 3)) == "2/3"
    assert [Part(2, 3).least_seeds, Part(2, 3, overlap=5).least_seeds] == [3, 5]
    assert Part(2, 3).suffix == "-part-2-of-3"


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "-1/3", "1/0", "a/b", "1/3/5", "1.5/3", "9999999/9999999"])
def test_other_texts_are_refused_with_what_is_wanted(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--part: found .*wanted NUMBER/COUNT"):
        Part.parse(text)


def test_more_parts_than_seeds_are_refused() -> None:
    with pytest.raises(ConfigError, match="found 1/3, but a sweep is divided by seeds, and this one has 2 of them"):
        Part(1, 3).seeds([0, 1])
    with pytest.raises(ConfigError, match="--overlap: found 3, but the sweep has 2 seeds"):
        Part(1, 2, overlap=3).seeds([0, 1])
