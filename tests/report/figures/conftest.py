from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes


@pytest.fixture
def ax() -> Iterator[Axes]:
    """A panel to draw in."""
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)
