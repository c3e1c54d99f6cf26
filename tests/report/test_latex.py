from pathlib import Path
from typing import Any

import pytest

import bnbench
from bnbench.errors import ResultsError
from bnbench.report.latex import TABLES, escape_latex
from bnbench.results.results import Results
from support.figures import CELLS
from support.kept import compared

CLAIM = {"text": "50% & {more} of_it #1 $x$ a\\b ~^ <i>|", "metric": "ok", "of": "plain"}


def open_with(folder: Path, **changes: Any) -> Results:
    compared(folder, CELLS, **changes)
    return bnbench.open(folder)


def test_a_table_has_the_lines_of_booktabs_and_the_text_of_the_report(tmp_path: Path) -> None:
    lines = open_with(tmp_path).to_latex(columns=["variant", "best rate", "test accuracy ± SD"]).splitlines()
    assert lines == [
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"variant & best rate & test accuracy $\pm$ SD \\",
        r"\midrule",
        r"plain & 0.1 & 90.0\% $\pm$ 0.0 \\",
        r"batchnorm & 0.1 & 92.5\% $\pm$ 3.5 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_a_caption_and_a_label_make_a_table_environment(tmp_path: Path) -> None:
    results = open_with(tmp_path)
    text = results.to_latex("differences", caption=r"Paired $\Delta$", label="tab:differences")
    assert text.startswith("\\begin{table}\n\\caption{Paired $\\Delta$}\n\\label{tab:differences}\n")
    # Two seeds have no interval, so that column is left out.
    assert r"95\% interval" not in text
    assert "at equal rate, validation accuracy" in text


def test_text_of_a_config_is_escaped(tmp_path: Path) -> None:
    claim = CLAIM | {"probability": {"at_least": 0.5}}
    text = open_with(tmp_path, claims=[claim]).to_latex("claims")
    assert (
        r"50\% \& \{more\} of\_it \#1 \$x\$ a\textbackslash{}b \textasciitilde{}\textasciicircum{} "
        r"\textless{}i\textgreater{}\textbar{} &"
    ) in text


def test_every_table_has_the_name_of_an_attribute(tmp_path: Path) -> None:
    results = open_with(tmp_path)
    assert all(hasattr(results, name) for name in TABLES)
    assert results.to_latex("summary").count(r"\\") == 1 + 4
    assert results.to_latex().count(r"\\") == 1 + 2


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        ("variant", None, r"table: 'variant' is not one of variants, summary, .* \(did you mean 'variants'\?\)"),
        ("variants", ["best"], r"columns: 'best' is not one of variant, best rate"),
        ("published", None, r"the table 'published' has no rows"),
        ("claims", None, r"the table 'claims' has no rows"),
    ],
)
def test_what_does_not_exist_is_named(tmp_path: Path, table: str, columns: list[str] | None, message: str) -> None:
    with pytest.raises(ResultsError, match=message):
        open_with(tmp_path).to_latex(table, columns=columns)


def test_line_breaks_become_spaces() -> None:
    assert escape_latex("a\n b\tc²") == r"a b c\textsuperscript{2}"
