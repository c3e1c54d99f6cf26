import json
import subprocess
import sys

import pytest

from support.paths import ROOT

COMMANDS = [
    ["--help"],
    ["run", "--help"],
    ["plan", "configs/quickstart.yaml", "--budget", "30m"],
    ["data", "list"],
    ["validate", "configs/quickstart.yaml"],
    ["schema"],
    ["list", "results"],
    ["prune", "--help"],
    ["plan", "configs/smoke.yaml", "--json"],
    ["compare", "--help"],
    ["predict", "--help"],
    ["reproduce", "quickstart", "--smoke", "--budget", "0s"],
]
# Run each command, and after each print a line with its exit code and the heavy modules that are loaded.
EACH_IN_TURN = """
import json, sys
from bnbench.cli.main import main
for words in json.loads(sys.argv[1]):
    try: main(words)
    except SystemExit as end: print("ended", json.dumps([end.code, sorted({"tensorflow", "keras"} & set(sys.modules))]))
"""


@pytest.fixture(scope="module")
def endings() -> list[list[object]]:
    """Return for each command its exit code and the heavy modules that are loaded after it, all in one new process."""
    words = [sys.executable, "-c", EACH_IN_TURN, json.dumps(COMMANDS)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return [json.loads(line.removeprefix("ended")) for line in done.stdout.splitlines() if line.startswith("ended ")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_that_train_nothing_load_no_tensorflow(words: list[str], endings: list[list[object]]) -> None:
    assert len(endings) == len(COMMANDS)
    assert endings[COMMANDS.index(words)] == [0, []]
