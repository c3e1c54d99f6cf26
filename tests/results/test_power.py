import pytest

from bnbench.results.power import Power, describe_seeds


@pytest.mark.parametrize(
    ("needed", "least", "most", "seconds", "text"),
    [
        (19, 8, 40, 120.0, "19 seeds, probably 8 to 40; 6 min to 70 min more"),
        (19, 8, 40, 0.0, "19 seeds, probably 8 to 40"),
        (19, 4, 40, 120.0, "19 seeds, probably 4 to 40; up to 70 min more"),
        (900, 700, None, 1.0, "900 seeds, probably 700 to more than 1,000; 12 min more"),
        (3, 3, 3, 60.0, "3 seeds"),
        (None, None, None, 60.0, "more than 1,000 seeds"),
    ],
)
def test_the_seeds_have_a_range_and_a_time(
    needed: int | None, least: int | None, most: int | None, seconds: float, text: str
) -> None:
    power = Power("batchnorm", {}, 5, 0.01, 0.02, needed, least, most)
    assert describe_seeds(power, seconds) == text
