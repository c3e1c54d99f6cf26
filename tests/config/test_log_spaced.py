import numpy as np
import pytest

import bnbench
from bnbench.config.schema import LogSpaced
from bnbench.errors import ConfigError


def test_rates_are_those_of_an_experiment_file() -> None:
    assert bnbench.log_spaced(0.01, 1, 3) == [0.01, 0.1, 1.0]
    wanted = LogSpaced.model_validate({"from": 1e-3, "to": 10, "points": 7}).rates()
    assert bnbench.log_spaced(np.float64(1e-3), 10, int(np.int64(7))) == wanted
    assert all(type(rate) is float for rate in bnbench.log_spaced(np.float64(1e-3), 10, 7))


@pytest.mark.parametrize(
    ("start", "stop", "points", "message"),
    [
        (0, 1, 3, "log_spaced: start: 0.0 is no learning rate"),
        (2, 1, 3, "log_spaced: 'from' is 2.0 and 'to' is 1.0: wanted from < to"),
        (1, "x", 3, "log_spaced: stop: found 'x', wanted a number"),
        (1, 2, 1, "log_spaced: points: found 1, wanted at least 2"),
    ],
)
def test_what_gives_no_rates_is_refused(start: float, stop: float, points: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bnbench.log_spaced(start, stop, points)
    assert message in str(caught.value)
