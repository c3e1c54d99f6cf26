import math
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from bnbench.report.figures import credit
from bnbench.report.headline.credit import describe_shares
from bnbench.report.latex import render_latex
from bnbench.report.tables.credit import credit_table
from support.credit import CELLS, credited
from support.figures import figures_of

NAMES = ("credit", "alone", "last")


def row(kind: str, label: str, *numbers: float) -> dict[str, object]:
    """Return a row with three numbers, each with an interval of 0.1 on either side."""
    known = dict(zip(NAMES, numbers, strict=False))
    ends = {f"{name}_{end}": known.get(name, math.nan) + sign * 0.1
            for name in NAMES for end, sign in (("low", -1), ("high", 1))}  # fmt: skip
    given = {name: known.get(name, math.nan) for name in NAMES}
    return {"kind": kind, "part": label, "label": label, "orders": 0, **given, **ends}


SHARES = pd.DataFrame(
    [
        row("part", "slot 1", 0.1, 0.2, 0.0), row("part", "slot 2", 0.5, 0.6, 0.4),
        row("total", "total", 0.6), row("overlap", "overlap", -0.2),
    ]
)  # fmt: skip


def test_a_bar_for_each_part_for_all_and_for_the_overlap() -> None:
    ax = Figure().subplots()
    credit.draw_shares(ax, SHARES)
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.1, 0.5, 0.6, -0.2])
    texts = [text.get_text() for text in ax.texts]
    assert texts == [
        "slot 1", "+0.10, × 1.3", "slot 2", "+0.50, × 3.2", "all together", "+0.60, × 4", "overlap", "−0.20"
    ]  # fmt: skip
    triangles = {line.get_xdata()[0] for line in ax.lines if line.get_marker() in "<>"}
    assert triangles == {0.2, 0.0, 0.6, 0.4}


def test_the_axis_above_has_factors() -> None:
    ax = Figure().subplots()
    credit.draw_shares(ax, SHARES)
    (above,) = ax.child_axes
    labels = [label.get_text() for label in above.get_xticklabels()]
    assert labels == ["× 0.5", "× 1", "× 2", "× 3", "× 5"]
    assert list(above.get_xticks()) == pytest.approx([math.log10(x) for x in (0.5, 1, 2, 3, 5)])


def test_an_open_interval_ends_with_an_arrow_at_the_border() -> None:
    ax = Figure().subplots()
    credit.draw_shares(ax, SHARES.assign(credit_high=[math.inf, 0.6, math.inf, -0.1], alone=math.nan, last=math.nan))
    arrows = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == ">"]
    assert arrows == [ax.get_xlim()[1]] * 2


def test_the_report_has_the_figure_and_the_table(tmp_path: Path) -> None:
    results = credited(tmp_path, CELLS)
    drawn = figures_of(results)["credit"]
    assert "All 2 parts together raise the highest rate that trains by 2.00 decades" in drawn.caption
    table = credit_table(results)
    assert table
    assert [line[0].text for line in table.rows] == ["a", "b", "all together", "overlap"]
    assert "all together & 2.0" in render_latex(results, "credit", None, None, None)


def test_each_setting_has_a_panel(tmp_path: Path) -> None:
    results = credited(tmp_path, CELLS, CELLS)
    drawn = figures_of(results)["credit"]
    assert [ax.get_title() for ax in drawn.panels] == ["units 4", "units 5"]
    assert drawn.caption.endswith("(Shapley values of log10 of the edge).")


def test_the_largest_share_is_named_first_and_the_overlap_last() -> None:
    assert describe_shares(SHARES) == (
        "All 2 parts together raise the highest rate that trains by 0.60 decades (0.50 to 0.70), a factor of 4: "
        "slot 2 0.50 decades (0.40 to 0.60); slot 1 0.10 decades (0.00 to 0.20). They partly replace each other: "
        "alone, they would add 0.20 decades more."
    )
