from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from bnbench.report.figures import style
from bnbench.report.figures.rates import draw_share_of_seeds
from bnbench.results.results import Results
from support.figures import BATCHNORM, LOOKS, PLAIN
from support.stored import finished


def test_variants_look_different_and_each_the_same_everywhere() -> None:
    looks = style.variant_looks([f"v{i}" for i in range(8)])
    assert len({to_rgba(look.color) for look in looks.values()}) == 8
    assert len({look.marker for look in looks.values()}) == 8
    assert style.variant_looks(["v0", "v1"])["v1"].color == looks["v1"].color


def test_many_variants_differ_without_their_lines_too() -> None:
    looks = style.variant_looks([f"v{i}" for i in range(40)]).values()
    assert (
        len({(look.color, look.marker) for look in looks})
        == len({(look.color, str(look.dash)) for look in looks})
        == 40
    )


def test_a_shift_separates_variants_at_the_same_rate() -> None:
    assert (PLAIN.shift, BATCHNORM.shift) == (-style.DODGE / 2, style.DODGE / 2)
    assert style.variant_looks(["plain"])["plain"].shift == 0


def test_a_single_rate_has_a_decade_around_it(ax: Axes, tmp_path: Path) -> None:
    results = Results(finished(tmp_path, [0.9, 0.9, 0.8, 0.8], sweep__learning_rate=[0.01]))
    draw_share_of_seeds(ax, results.cells, LOOKS)
    low, high = ax.get_xlim()
    assert (low, high) == (pytest.approx(0.01 / 10**0.5, rel=0.1), pytest.approx(0.01 * 10**0.5, rel=0.1))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01, "10⁻²"), (1.0, "10⁰"), (1000.0, "10³"), (1e-5, "10⁻⁵"), (0.02, "0.02"), (0.0, "0")],
)
def test_ticks_are_powers(value: float, text: str) -> None:
    assert style.format_tick(value) == text


def test_rates_have_three_digits_or_as_many_as_tell_them_apart() -> None:
    labels = style.rate_labels([0.00316227766, 1000.0, 0.1, 0.100001])
    assert list(labels.values()) == ["0.00316", "0.1", "0.100001", "1000"]


@pytest.mark.parametrize(
    ("score", "name", "label"),
    [
        ("validation_score", "accuracy", "validation accuracy"),
        ("test_score", "R²", "test R²"),
        ("train_loss", "R²", "train loss"),
    ],
)
def test_labels_name_the_score(score: str, name: str, label: str) -> None:
    assert style.score_label(score, name) == label


@pytest.mark.parametrize(
    ("low", "high"), [(0.75, 1.8), (0.9, 1.1), (0.05, 1.0), (1e-6, 10.0), (1e-3, 0.02), (0.23, 7.0), (0.15, 9.0)]
)
def test_a_logarithmic_axis_has_at_least_two_labels(ax: Axes, low: float, high: float) -> None:
    ax.set_ylim(low, high)
    style.format_log_axis(ax)
    places = zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
    shown = {label.get_text() for tick, label in places if low <= tick <= high}
    assert len(shown) >= 2
