from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bnbench.cli.format import format_answer
from bnbench.report import write
from bnbench.report.figures.style import STYLE
from bnbench.results.results import Results
from bnbench.store import results_dir
from support.kept import keep
from support.stored import MIXED, change, finished


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A folder and the files of its report; tests change neither."""
    folder = finished(tmp_path_factory.mktemp("written"), MIXED)
    return folder, write.write_report(folder)


def test_everything_is_made_from_the_store_alone(written: tuple[Path, list[Path]]) -> None:
    folder, paths = written
    names = ("rates", "curves", "differences", "times", "heat", "effort", "ranges")
    drawn = [f"{name}.{kind}" for name in names for kind in ("png", "svg")]
    tables = ["trials.csv", "history.csv", "summary.csv"]
    assert [path.name for path in paths] == ["report.html", "report.md", "captions.md", "run.json", *tables, *drawn]
    assert all(path.stat().st_size > 80 for path in paths)
    trials = pd.read_csv(folder / "trials.csv")
    assert trials["outcome"].tolist() == ["ok"] * 3 + ["nonfinite"] + ["ok"] * 2 + ["nonfinite"] * 2
    assert trials["test_loss"].isna().tolist() == [False] * 3 + [True] + [False] * 2 + [True] * 2
    # A missing value is an empty cell.
    assert ",," in (folder / "trials.csv").read_text()
    assert list(pd.read_csv(folder / "history.csv").columns)[:3] == ["trial", "epoch", "step"]


def test_pre_activations_are_reported_if_they_were_recorded(tmp_path: Path) -> None:
    folder = finished(tmp_path, MIXED)
    assert not any("pre_activation" in name for name in Results(folder).history)
    change(folder, "UPDATE trials SET pre_activations = '[[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]' WHERE steps > 2")
    assert "pre-activations.png" in {path.name for path in write.write_report(folder, ("png",))}
    assert "(plots/pre-activations.png)" in (folder / "report.md").read_text()
    result = pd.read_csv(folder / "history.csv")
    assert result.groupby("epoch")["pre_activation_p50"].max().tolist() == [1, 2, 3, 4]
    # Of those that diverged
    assert result["pre_activation_p85"].isna().sum() == 3


def test_the_same_results_give_the_same_files(written: tuple[Path, list[Path]]) -> None:
    folder, paths = written
    first = {path.name: path.read_bytes() for path in paths}
    assert {path.name: path.read_bytes() for path in write.write_report(folder)} == first


def test_a_figure_that_is_no_longer_drawn_is_removed_and_no_other_file(tmp_path: Path) -> None:
    folder = finished(tmp_path, MIXED)
    plots = folder / "plots"
    plots.mkdir()
    old = {"rates-2.png", "rates-2.svg", "curves-10.pdf", "source-3.png", "pre-activations.png"}
    # A figure of another type, those of a user, and names that only look alike.
    kept = {"rates.pdf", "mine.png", "rates-2.txt", "rates-old.png", "my-rates-2.png"}
    for name in old | kept:
        (plots / name).write_text("drawn before")
    write.write_report(folder, ("png",))
    found = {path.name for path in plots.iterdir()}
    assert kept <= found
    assert not old & found


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw few pixels, as a third of the time of a report goes into them."""
    monkeypatch.setattr(write, "style_of", lambda settings: {**STYLE, "figure.dpi": 30})


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize(
    "accuracies", [[], [0.9], [None] * 8, [0.2] * 8], ids=["none", "one", "all diverged", "all at chance"]
)
def test_odd_results_still_make_a_report(tmp_path: Path, accuracies: list[float | None]) -> None:
    folder = finished(tmp_path, accuracies)
    assert write.write_report(folder, ("png",))
    assert len(Results(folder).trials) == len(accuracies)


def unknown(folder: Path, columns: str) -> None:
    """Make the values of every epoch except the first missing."""
    change(folder, f"UPDATE history SET {columns} WHERE epoch > 0")  # noqa: S608


X = "nonfinite"
ENDS = [0.8, 0.9, 0.7, X, 0.9, 0.95, X, X]
CLAIM = {"text": "x", "metric": "epochs_to_target", "of": "batchnorm", "ratio": {"at_most": 1.0}}
PUBLISHED = {"source": "x", "variant": "plain", "metric": "test_score", "value": 0.9}


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize(
    ("ends", "damage", "changes"),
    [
        (["failed"] * 8, None, {}),
        (["failed"] * 16, None, {"sweep__grid": {"model.params.units": [4, 6]}}),
        (["failed"] * 4 + [0.9] * 4, None, {}),
        (ENDS[:5], None, {}),
        (ENDS[:5], None, {"sweep__grid": {"model.params.units": [4, 6]}}),
        ([X] * 4 + [0.9] * 4, None, {}),
        (ENDS * 2, None, {"sweep__grid": {"train.steps_per_epoch": [None, 3]}}),
        (ENDS, lambda folder: (folder / results_dir.CONFIG).unlink(), {}),
        (ENDS, lambda folder: results_dir.write_text(folder / results_dir.CONFIG, "a: ["), {}),
        (ENDS, lambda folder: results_dir.write_text(folder / results_dir.ENVIRONMENT, "[1, 2"), {}),
        (ENDS, lambda folder: unknown(folder, "validation_accuracy = NULL"), {}),
        (ENDS, lambda folder: unknown(folder, "train_loss = NULL, validation_loss = NULL"), {}),
        (ENDS, lambda folder: unknown(folder, "train_loss = 0, validation_loss = 0"), {}),
    ],
    ids=[
        "all failed", "all failed at axes", "baseline failed", "unfinished", "unfinished at axes", "baseline diverged",
        "null on an axis", "no config", "broken config", "broken environment", "accuracy unknown", "losses unknown",
        "losses of zero",
    ],
)  # fmt: skip
def test_incomplete_results_have_an_answer_and_a_report(
    tmp_path: Path, ends: list[float | str], damage: Callable[[Path], None] | None, changes: dict[str, Any]
) -> None:
    keep(tmp_path, ends, claims=[CLAIM], published=[PUBLISHED], **changes)
    if damage:
        damage(tmp_path)
    results = Results(tmp_path)
    finished = len([end for end in ends if end != "failed"])
    assert format_answer(results).startswith(f"{finished} of {results.planned} trials")
    assert tmp_path / results_dir.REPORT in write.write_report(tmp_path, ("png",))


@pytest.mark.usefixtures("coarse")
def test_further_axes_become_rows_and_figures(tmp_path: Path) -> None:
    folder = finished(tmp_path, [0.9] * 16, sweep__grid={"model.params.units": [4, 6]})
    names = {path.name for path in write.write_report(folder, ("png",))}
    assert {"curves-1.png", "curves-2.png"} < names
    assert Results(folder).axes == ["model.params.units"]
    assert len(Results(folder).variants) == 4


def test_tables_on_python_side_are_those_of_the_files(written: tuple[Path, list[Path]]) -> None:
    folder, _ = written
    results = Results(folder)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "summary.csv"), results.summary, check_dtype=False)
    assert list(results.trials.columns) == list(pd.read_csv(folder / "trials.csv").columns)
    assert repr(results) == f"Results({str(folder)!r}, 8 of 8 trials, variants: plain, batchnorm)"


def test_the_tables_of_the_analysis(tmp_path: Path) -> None:
    results = Results(finished(tmp_path, MIXED))
    assert results.baseline == "plain"
    assert results.variants["best_rate_ratio"].tolist() == [1, 1]
    assert results.learning_curves["n_reached"].tolist() == [2, 2]
    assert results.tuning["tried"].tolist() == [1, 2, 1, 2]
    assert results.differences()["n"].tolist() == [2, 2]
    assert results.differences()["mean"].tolist() == pytest.approx([0.075, (1 / 3 - 0.7) / 2])
    assert results.differences_at_best()["mean"].tolist() == pytest.approx([0.075])
    assert results.pooled_differences()["cells"].tolist() == [1]
    assert results.claims.empty
    assert results.diagnoses["symptom"].tolist() == ["divergence"] * 2 + ["dead units"] * 2
    dead = results.diagnoses[results.diagnoses["symptom"] == "dead units"]
    assert dead["rates"].tolist() == ["at every rate", "at its best rate, 0.01"]
    assert dead["shown"].tolist() == [3, 2]
