"""Standard streams that are closed, full, or a pipe without a reader: the exit code says how the command ended."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.kept import keep
from support.paths import ROOT

CODE = "import sys; from bnbench.cli.main import main; main(sys.argv[1:], prog_name='bnbench')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keep(tmp_path_factory.mktemp("results") / "tiny", [0.8] * 8)


def exit_code(redirected: str, *words: str, **environment: str) -> tuple[int, str]:
    """Run a command in a shell with its streams redirected; return its exit code, and what it writes elsewhere."""
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "$CODE" "$@" {redirected}', sys.executable, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CODE": CODE, **environment},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "redirected", ["2>/dev/full", "2>&-", "<&- >&- 2>&-", "2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}"]
)
@pytest.mark.parametrize("words", [["repair", "none"], ["shwo"]], ids=" ".join)
def test_a_mistake_has_its_exit_code_when_nobody_can_read_the_message(redirected: str, words: list[str]) -> None:
    assert exit_code(redirected, *words) == (2, "")


@pytest.mark.parametrize("redirected", [">&-", "<&- >&- 2>&-", "| true; exit ${PIPESTATUS[0]}"])
def test_results_that_nobody_reads_leave_the_exit_code(redirected: str, folder: Path, tmp_path: Path) -> None:
    other = keep(tmp_path / "tiny", [0.5] * 8)
    code, message = exit_code(redirected, "compare", str(folder), str(other), "--tolerance", "0.1")
    assert code == 3
    assert "Traceback" not in message


@pytest.mark.parametrize("words", [["--help"], ["show", "FOLDER"]], ids=" ".join)
def test_a_full_disk_behind_stdout_is_an_error(words: list[str], folder: Path) -> None:
    words = [str(folder) if word == "FOLDER" else word for word in words]
    assert exit_code(">/dev/full", *words) == (2, "bnbench: standard output: No space left on device\n")
    assert exit_code(">/dev/full 2>/dev/full", *words) == (2, "")


@pytest.mark.parametrize("encoding", ["ascii", "cp437"])
def test_an_encoding_that_lacks_a_character_is_no_error(encoding: str, folder: Path) -> None:
    code, output = exit_code("| cat -v; exit ${PIPESTATUS[0]}", "show", str(folder), PYTHONIOENCODING=encoding)
    assert (code, "mean" in output) == (0, True)


def test_a_closed_stream_is_not_the_number_of_another_file(tmp_path: Path) -> None:
    code = "from bnbench.cli.streams import protect_streams; protect_streams(); import sys; "
    code += "assert open(sys.argv[1], 'w').fileno() > 2"
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "{code}" "$1" <&- >&- 2>&-', sys.executable, str(tmp_path / "x")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0
