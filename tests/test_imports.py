import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import ROOT


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["run", "--help"],
        ["plan", "configs/quickstart.yaml"],
        ["data", "list"],
        ["plan", "configs/smoke.yaml", "--json"],
        ["compare", "--help"],
        ["predict", "--help"],
        ["reproduce", "quickstart", "--smoke", "--budget", "0s"],
    ],
    ids=" ".join,
)
def test_commands_that_train_nothing_load_no_tensorflow(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from bnbench.cli.main import main\n"
        f"try: main({words!r})\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "loaded = {'tensorflow', 'keras'} & set(sys.modules); assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
