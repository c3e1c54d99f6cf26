from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bnbench.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BNBENCH_CACHE", str(tmp_path / "cache"))
    rows = "".join(f"{i};{i * 0.37:.2f};{'red' if i % 3 else 'blue'};{'ab'[i % 2]}\n" for i in range(40))
    (tmp_path / "own data.csv").write_text(f"id;size;color;label\n{rows}", encoding="utf-8")
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["init", *words])


def test_the_output_says_what_was_found_and_what_to_do_next(folder: Path) -> None:
    done = call("own data.csv")
    assert done.exit_code == 0, done.stderr
    found = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "40 rows of 4 columns, semicolons between them" in found["table"]
    assert "label: by its name" in found["target"]
    assert "id: it numbers the rows" in found["drop"]
    assert "color: blue, red" in done.stdout
    assert "66 trials" in done.stdout
    assert done.stdout.splitlines()[-1] == "Next: bnbench run own-data.yaml"
    assert (folder / "own-data.yaml").exists()


def test_an_existing_file_is_a_mistake_of_the_user(folder: Path) -> None:
    assert call("own data.csv").exit_code == 0
    done = call("own data.csv")
    assert done.exit_code == 2
    assert "own-data.yaml: the file exists" in done.stderr
    assert call("own data.csv", "--force", "--target", "color").exit_code == 0


def test_without_a_file_the_example_says_what_is_next(folder: Path) -> None:
    lines = call().stdout.splitlines()
    assert lines[0].startswith("digits.yaml: written, an example")
    assert lines[-2:] == ["Next: bnbench run digits.yaml", "For your own data: bnbench init FILE"]
