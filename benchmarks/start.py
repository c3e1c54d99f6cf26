"""The time from the command to the first training step of the Leaf sweep, next to that of `import keras`.

`cold` compiles everything, `warm` uses programs that an earlier run compiled. They take turns in separate processes.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

CONFIG = Path(__file__).parent.parent / "configs" / "leaf.yaml"
FIRST_STEP = """
import os, sys, bnbench
from bnbench.execution.progress import SilentProgress
class Watch(SilentProgress):
    # The first call is for the untrained model, when everything is compiled.
    def epoch(self, trial, epoch):
        os._exit(0)
bnbench.run(sys.argv[1], results_dir=sys.argv[2], watcher=Watch())
"""


def seconds(words: list[str], **environment: str) -> float:
    """Return the seconds that a Python process takes."""
    began = time.perf_counter()
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    subprocess.run(
        [sys.executable, *words], check=True, capture_output=True, env={**os.environ, **quiet, **environment}
    )
    return time.perf_counter() - began


def first_step(**environment: str) -> float:
    """Return the seconds until the first training step could begin."""
    with tempfile.TemporaryDirectory() as folder:
        return seconds(["-c", FIRST_STEP, str(CONFIG), folder], **environment)


def measure(pairs: int) -> pd.DataFrame:
    """Return one row per way and pair."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "bnbench", "run", "-q", "-o", "sweep.seeds=1", "--results-dir", folder, str(CONFIG)],
            check=True,
            capture_output=True,
        )  # fmt: skip
    rows = []
    for pair in range(pairs):
        imported = seconds(["-c", "import keras"])
        for way, more in (("warm", {}), ("cold", {"TF_XLA_FLAGS": "--tf_xla_persistent_cache_directory="})):
            total = first_step(**more)
            rows.append({"way": way, "pair": pair, "seconds": total, "imported": imported, "beyond": total - imported})
    return pd.DataFrame(rows)


def summary(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row per way: medians, and the lowest and highest time in addition to `import keras`."""
    return (
        measured.groupby("way", sort=False)
        .agg(
            seconds=("seconds", "median"),
            imported=("imported", "median"),
            beyond=("beyond", "median"),
            lowest=("beyond", "min"),
            highest=("beyond", "max"),
            pairs=("pair", "nunique"),
        )
        .reset_index()
    )
