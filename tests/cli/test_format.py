from pathlib import Path

import pytest

from bnbench.analysis.labels import format_duration
from bnbench.cli.format import AROUND, cut_to_screen, fit_trials, format_answer, format_columns, format_verdicts
from support.kept import Cells, compared


def test_columns_line_up() -> None:
    assert format_columns(["a", "long"], [[1, "x"], ["wide", ""]]) == "a     long\n1     x\nwide"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (9000, "2.5 h")]
)
def test_durations_have_the_unit_that_fits(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_the_answer_ends_with_diagnoses(tmp_path: Path) -> None:
    healthy = format_answer(compared(tmp_path / "healthy", {"plain": [[0.8], [0.9]]}))
    assert "iagnos" not in healthy
    sick = format_answer(compared(tmp_path / "sick", {"plain": [[0.9], ["constant"]]})).splitlines()
    first = sick.index("Diagnoses (their usual cures are in the report):")
    assert sick[first + 1].startswith("- constant predictions: plain at 0.1: 1 of 1 trials; ")
    assert sick[first + 2].startswith("- dead units: plain at 0.1: 1 of 1 trials; ")


def test_what_was_measured_about_a_claim_is_in_the_style_of_its_metric(tmp_path: Path) -> None:
    claim = {"text": "x", "of": "batchnorm", "metric": "test_score", "difference": {"at_least": -0.01}}
    cells: Cells = {"plain": [[0.8] * 3], "batchnorm": [[0.88, 0.9, 0.92]]}
    _, row = format_verdicts(compared(tmp_path, cells, claims=[claim]).claims, "accuracy").splitlines()
    # 10 ± 4.303 * 2 / sqrt(3)
    assert "difference at least -1 points" in row
    assert "+10.0 points, 5.0 to 15.0" in row


def test_of_many_rows_those_of_one_setting_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells: Cells = {"plain": [[0.8], [0.7]], "batchnorm": [[0.9], [0.75]]}
    results = compared(tmp_path, cells, {"plain": [[0.8], [0.7]], "batchnorm": [[0.95], [0.75]]})
    assert [line.split()[0] for line in format_answer(results).splitlines()[2:7]] == ["units", "4", "4", "5", "5"]
    monkeypatch.setattr("bnbench.cli.format.MAX_RATES", 3)
    text = format_answer(results).splitlines()
    assert "at units 5 (1 of 2 settings, the report has all)" in text[0]
    assert [line.split()[0] for line in text[2:5]] == ["units", "5", "5"]


def test_a_table_ends_with_the_screen_and_says_where_the_rest_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = compared(tmp_path, {"plain": [[0.8]] * 4, "batchnorm": [[0.9]] * 4})
    whole = format_answer(results).splitlines()
    assert [line.split()[0] for line in whole[2:7]] == ["rate", "0.01", "0.1", "1", "10"]
    monkeypatch.setattr("bnbench.cli.format.AROUND", 13)
    monkeypatch.setenv("LINES", "15")
    text = format_answer(results).splitlines()
    assert text[2:6] == [*whole[2:5], f"and 2 more rows: {results.folder / 'summary.csv'} has all"]


def test_rows_of_a_table_are_cut_to_the_screen_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[str(number)] for number in range(20)]
    assert cut_to_screen(rows, "here") == (rows, "")
    monkeypatch.setenv("LINES", str(AROUND + 20))
    assert cut_to_screen(rows, "here") == (rows, "")
    monkeypatch.setenv("LINES", str(AROUND + 19))
    assert cut_to_screen(rows, "here") == (rows[:19], "and 1 more row: here")


def test_verdicts_say_where_a_claim_comes_from(tmp_path: Path) -> None:
    claim = {"text": "x", "metric": "ok", "of": "plain", "probability": {"at_least": 0.5}}
    marked = [claim | {"basis": "said", "source": "source 002, part C"}, claim]
    results = compared(tmp_path / "marked", {"plain": [[0.8] * 3]}, claims=marked)
    header, first, second, explained = format_verdicts(results.claims, "accuracy").splitlines()
    assert header.split()[:3] == ["verdict", "claim", "basis"]
    assert "x      said (source 002, part C)  plain trains" in first
    assert "said" not in second
    assert explained.startswith("Basis: 'said' is in a source's own words")
    results = compared(tmp_path / "plain", {"plain": [[0.8] * 3]}, claims=[claim])
    assert "asis" not in format_verdicts(results.claims, "accuracy")


CLAIMED = {"text": "It trains at every rate that anybody would use " * 2, "metric": "ok", "of": "plain"}
CELLS = {
    "plain": [[0.9, 0.9], ["constant", "nonfinite"]],
    "batchnorm": [[0.9, 0.9], [0.9, 0.9]],
    "layernorm": [[0.9] * 2] * 2,
}


def test_the_tables_of_an_answer_fit_a_terminal_of_80_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    claim = CLAIMED | {"probability": {"at_least": 0.5}}
    results = compared(tmp_path, CELLS | {"layernorm": CELLS["plain"]}, claims=[claim])
    verdicts = format_verdicts(results.claims, "accuracy")
    _, rates, _, ranking, *_ = format_answer(results).split("\n\n")
    # The caption of a table is a sentence, which the terminal breaks.
    rows = [*rates.splitlines(), *ranking.splitlines()[:-1], *verdicts.splitlines()]
    assert max(map(len, rows)) <= 80
    assert "1c 1d" in rates
    assert rates.splitlines()[-1] == "9c 1d: 9 seeds at chance, 1 diverged"


def test_a_pipe_has_no_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    rates = format_answer(compared(tmp_path, CELLS)).split("\n\n")[1]
    assert "1 of 2 at chance, 1 of 2 diverged" in rates


def test_a_narrow_terminal_leaves_out_what_matters_least(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bnbench.results.query import shown_columns

    monkeypatch.setenv("COLUMNS", "80")
    trials = compared(tmp_path, CELLS | {"plain": [[0.9, 0.9], ["constant"] * 2]}).trials
    text, left_out = fit_trials(trials[shown_columns(trials)], ["train_loss", "epochs", "status", "diverged_at_step"])
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert left_out[0] in ("status", "diverged_at_step")
    assert set(left_out) <= {"train_loss", "epochs", "status", "diverged_at_step"}
    assert trials["trial"].iloc[0][:8] in lines[-len(trials)]
