from pathlib import Path

import pandas as pd
import pytest

from bnbench.results import digest
from bnbench.results.digest import Digest
from bnbench.results.results import Results
from bnbench.store import results_dir
from bnbench.store.csv_safety import escape_formulas, unescape_formulas
from support.kept import keep

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x","y")', "'=1", "''-1"]
HARMLESS = ["plain", "0.5", "'quoted'", "'", "", "a=1", "x-1", " "]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_escaped_and_restored(text: str) -> None:
    escaped = escape_formulas(pd.DataFrame({text: [text, "b"]}))
    assert list(escaped.columns) == escaped[f"'{text}"].tolist()[:1] == [f"'{text}"]
    assert unescape_formulas(escaped).to_dict("list") == {text: [text, "b"]}


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_is_unchanged(text: str) -> None:
    table = pd.DataFrame({"a": [text, None]})
    pd.testing.assert_frame_equal(escape_formulas(table), table)
    pd.testing.assert_frame_equal(unescape_formulas(table), table)


def test_numbers_stay_numbers() -> None:
    table = pd.DataFrame({"loss": [-1.5, float("-inf")], "seed": [-1, 2], "axis": pd.Series([-1, "=x"], dtype=object)})
    escaped = escape_formulas(table)
    assert escaped["axis"].tolist() == [-1, "'=x"]
    pd.testing.assert_frame_equal(escaped[["loss", "seed"]], table[["loss", "seed"]])


def test_every_written_table_is_escaped_and_read_back_unchanged(tmp_path: Path) -> None:
    results = Results(
        keep(
            tmp_path / "tiny", [0.8] * 8,
            claims=[{"text": "=1+1", "metric": "ok", "of": "plain", "probability": {"at_least": 0.5}}],
            published=[{"source": "@x", "variant": "plain", "metric": "test_accuracy", "value": 0.5, "note": "-1"}],
        )
    )  # fmt: skip
    summary = digest.make_digest(results)
    paths = digest.write_digest(tmp_path, summary)
    paths += results_dir.write_tables(tmp_path, {"trials": results.trials.assign(reason="=cmd|' /C calc'!A0")})
    for path in paths[1:]:
        cells = pd.read_csv(path, dtype=str, keep_default_na=False).to_numpy().ravel()
        assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))], path
    again = digest.read_digest(tmp_path)
    assert isinstance(again, Digest)
    assert again.claims["text"].tolist() == ["=1+1"]
    assert again.published[["source", "note"]].to_numpy().tolist() == [["@x", "-1"]]
