from bnbench.analysis.labels import format_places


def test_a_few_settings_are_listed_and_many_are_counted() -> None:
    units = [f"plain (units {n})" for n in (50, 100, 200, 400)]
    assert format_places({"plain": ["plain"]}, 1) == "plain"
    assert format_places({"plain": units[:3]}, 20) == "plain (units 50), plain (units 100), plain (units 200)"
    labels = {"plain": units, "batchnorm": ["batchnorm (units 50)"]}
    assert format_places(labels, 20) == "plain at 4 of 20 settings, batchnorm (units 50)"
