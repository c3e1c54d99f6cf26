"""What the seeds of a sweep can show, and how many more it takes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bnbench.cli.main import main
from bnbench.commands.power import read_power
from bnbench.errors import ResultsError
from support.kept import compared

PLAIN = [[0.90, 0.91, 0.92, 0.93, 0.94], [0.5] * 5]
# 1, 2, 3, 4 and 5 points better.
NORMED = [[0.91, 0.93, 0.95, 0.97, 0.99], [0.5] * 5]


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [*map(str, words)], prog_name="bnbench", catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return compared(tmp_path, {"plain": PLAIN, "batchnorm": NORMED}).folder


def test_the_numbers_come_from_the_spread_of_the_differences(folder: Path) -> None:
    summary = read_power(folder, 0.01)
    (row,) = summary.rows
    sd = 0.015811388
    assert (row.variant, row.n) == ("batchnorm", 5)
    assert row.half == pytest.approx(1.2417 * sd, rel=1e-3)
    assert row.detectable == pytest.approx(1.6827 * sd, rel=1e-3)
    # t SD / sqrt(n) is at most 0.01 from 13 seeds on; with 0.82 and 1.56 times the SD from 9 and from 26 on.
    assert (row.least, row.needed, row.most) == (9, 13, 26)
    assert read_power(folder, 0.05).rows[0].needed == 3


def test_a_line_says_it(folder: Path) -> None:
    lines = call("power", folder).stdout.splitlines()
    assert lines[0] == "Differences in test accuracy to plain, each variant at its own best rate, in points:"
    assert lines[1].startswith(
        "  batchnorm: 5 seeds give \u00b12; a true difference of 2.7 is shown four times in five. "
        "\u00b11 takes 13 seeds, probably 9 to 26."
    )
    assert "That is within \u00b110." in call("power", folder, "--within", "0.1").stdout
    assert "\u00b10.01 takes more than 1,000 seeds." in call("power", folder, "--within", "0.0001").stdout


def test_json_has_the_same_numbers(folder: Path) -> None:
    values = json.loads(call("power", folder, "--json").stdout)
    assert (values["baseline"], values["score"], values["within"]) == ("plain", "test_score", 0.01)
    assert values["rows"][0]["needed"] == 13


def test_few_or_equal_seeds_are_said(tmp_path: Path) -> None:
    few = compared(tmp_path / "few", {"plain": [[0.9, 0.91]], "batchnorm": [[0.92, 0.95]]}).folder
    assert "batchnorm: 2 seeds; 3 are needed for an interval" in call("power", few).stdout
    equal = compared(tmp_path / "equal", {"plain": [[0.9] * 4], "batchnorm": [[0.95] * 4]}).folder
    assert "batchnorm: 4 seeds; the differences are all equal" in call("power", equal).stdout


def test_without_a_comparison_there_is_nothing_to_say(tmp_path: Path) -> None:
    alone = compared(tmp_path, {"plain": [[0.9, 0.91, 0.93]]}).folder
    with pytest.raises(ResultsError, match="no variant has finished a seed together with plain"):
        read_power(alone, 0.01)


@pytest.mark.parametrize("width", ["0", "-1", "nan", "inf", "narrow"])
def test_a_width_that_is_none_is_refused(folder: Path, width: str) -> None:
    result = call("power", folder, "--within", width)
    assert result.exit_code == 2
    assert "--within" in result.stderr
