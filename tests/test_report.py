from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from bnbench import plots, report
from bnbench.results import Results
from stored import MIXED, finished


def test_everything_is_made_from_the_store_alone(tmp_path: Path) -> None:
    paths = report.write(finished(tmp_path, MIXED))
    names = ("rates", "curves", "differences", "times", "heat", "effort", "ranges")
    drawn = [f"{name}.{kind}" for name in names for kind in ("png", "svg")]
    tables = ["trials.csv", "history.csv", "summary.csv"]
    assert [path.name for path in paths] == ["report.html", "report.md", *tables, *drawn]
    assert all(path.stat().st_size > 100 for path in paths)
    trials = pd.read_csv(tmp_path / "trials.csv")
    assert trials["outcome"].tolist() == ["ok"] * 3 + ["nonfinite"] + ["ok"] * 2 + ["nonfinite"] * 2
    assert trials["test_loss"].isna().tolist() == [False] * 3 + [True] + [False] * 2 + [True] * 2
    assert ",," in (tmp_path / "trials.csv").read_text()  # missing is empty
    assert list(pd.read_csv(tmp_path / "history.csv").columns)[:3] == ["trial", "epoch", "step"]


def test_the_same_results_give_the_same_files(tmp_path: Path) -> None:
    folder = finished(tmp_path, MIXED)
    first = {path.name: path.read_bytes() for path in report.write(folder)}
    assert {path.name: path.read_bytes() for path in report.write(folder)} == first


@pytest.mark.parametrize(
    "accuracies", [[], [0.9], [None] * 8, [0.2] * 8], ids=["none", "one", "all diverged", "all at chance"]
)
def test_odd_results_still_make_a_report(tmp_path: Path, accuracies: list[float | None]) -> None:
    folder = finished(tmp_path, accuracies)
    assert report.write(folder)
    assert len(Results(folder).trials) == len(accuracies)


def test_further_axes_become_rows_and_figures(tmp_path: Path) -> None:
    folder = finished(tmp_path, [0.9] * 16, sweep__grid={"model.params.units": [4, 6]})
    names = {path.name for path in report.write(folder)}
    assert {"curves-1.png", "curves-2.png"} < names
    assert Results(folder).axes == ["model.params.units"]
    assert len(Results(folder).variants) == 4


def test_a_figure_draws_the_numbers_of_the_table(tmp_path: Path) -> None:
    results = Results(finished(tmp_path, MIXED))
    looks = plots.looks(["plain", "batchnorm"])
    figure, ax = plt.subplots()
    plots.score_against_rate(ax, results.summary, results.points, "validation_accuracy", looks)
    means = [line.get_ydata().tolist() for line in ax.lines if line.get_linestyle() != "None"]
    chance = 1 / 3
    assert means[0] == pytest.approx([0.85, (0.7 + chance) / 2])
    assert means[1] == pytest.approx([0.925, chance])
    crosses = [c for c in ax.collections if list(c.get_sizes()) == [plots.CROSS]]
    assert sum(len(c.get_offsets()) for c in crosses) == 3
    assert all(y == pytest.approx(chance) for c in crosses for _, y in c.get_offsets())
    assert ax.get_xscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate", "validation accuracy")
    plt.close(figure)


def test_a_variant_looks_the_same_everywhere_and_unlike_the_others() -> None:
    looks = plots.looks([f"v{i}" for i in range(8)])
    assert len({to_rgba(look.colour) for look in looks.values()}) == 8
    assert len({look.marker for look in looks.values()}) == 8
    assert plots.looks(["v0", "v1"])["v1"].colour == looks["v1"].colour


def test_tables_on_python_side_are_those_of_the_files(tmp_path: Path) -> None:
    results = Results(finished(tmp_path, MIXED))
    report.write(tmp_path)
    written = pd.read_csv(tmp_path / "summary.csv")
    pd.testing.assert_frame_equal(written, results.summary, check_dtype=False)
    assert list(results.trials.columns) == list(pd.read_csv(tmp_path / "trials.csv").columns)
    assert repr(results) == f"Results({str(tmp_path)!r}, 8 of 8 trials)"


def test_the_tables_of_the_analysis(tmp_path: Path) -> None:
    results = Results(finished(tmp_path, MIXED))
    assert results.baseline == "plain"
    assert results.variants["best_rate_ratio"].tolist() == [1, 1]
    assert results.courses["n_reached"].tolist() == [2, 2]
    assert results.tuning["tried"].tolist() == [1, 2, 1, 2]
    assert results.differences()["n"].tolist() == [2, 2]
    assert results.differences()["mean"].tolist() == pytest.approx([0.075, (1 / 3 - 0.7) / 2])
    assert results.differences_at_best()["mean"].tolist() == pytest.approx([0.075])
    assert results.pooled_differences()["cells"].tolist() == [1]
    assert results.claims.empty
