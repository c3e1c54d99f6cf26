import math

import pytest

from bnbench.analysis.labels import RateFormat, format_setting


@pytest.mark.parametrize(
    ("rates", "texts"),
    [
        ([0.001, 0.0031622776601, 1000.0], ["0.001", "0.00316", "1000"]),
        ([0.01, 0.01001, 0.02], ["0.01", "0.01001", "0.02"]),
        # Only the rates that look alike get more digits.
        ([0.0100001, 0.31622776601, 0.01], ["0.0100001", "0.316", "0.01"]),
        ([0.01, 0.0100000000000001], ["0.01", "0.0100000000000001"]),
        ([0.3, 0.1 + 0.2], ["0.3", "0.30000000000000004"]),
        # A rate may be rounded as long as no other gets the same text.
        ([1.00004, 1.00005, 1.00006], ["1", "1.00005", "1.00006"]),
    ],
)
def test_two_rates_never_look_alike(rates: list[float], texts: list[str]) -> None:
    show = RateFormat(rates)
    assert [show(rate) for rate in rates] == texts


def test_every_pair_of_neighboring_floats_is_told_apart() -> None:
    rates = [0.01]
    for _ in range(50):
        rates.append(math.nextafter(rates[-1], 1))
    show = RateFormat(rates)
    assert len({show(rate) for rate in rates}) == len(rates)
    assert all(float(show(rate)) == rate for rate in rates)


def test_a_missing_rate_is_none() -> None:
    assert RateFormat([math.nan, 0.1])(math.nan) == "none"


@pytest.mark.parametrize(("value", "text"), [
    (0.1, "0.1"), (0.10001, "0.10001"), (10.0, "10"), (1e-7, "1e-07"), (None, "none"), (5, "5"), (math.nan, "none"),
    ({"normal": {"stddev": 0.123456}}, "normal stddev 0.123456"), ([0.5, 0.500001], "0.5, 0.500001"), (1e6, "1e+06"),
    (123456.0, "123456.0"),
])  # fmt: skip
def test_a_value_of_an_axis_has_all_its_digits(value: object, text: str) -> None:
    assert format_setting(value) == text
