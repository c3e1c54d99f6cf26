"""The time from the command `bnbench run` to the first stored result, phase by phase, next to that of `import keras`.

`cold` compiles everything, `warm` uses programs that an earlier run compiled. They take turns in separate processes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

CONFIGS = Path(__file__).parent.parent / "configs"
HOOKS = Path(__file__).parent / "timeline"
# One rate that trains well, so that the first result is that of a whole trial. Claims are about other rates, too.
EXPERIMENTS = {
    "Leaf": ["leaf.yaml", "-o", "sweep.learning_rate=[0.01]", "-o", "sweep.seeds=2", "-o", "claims=[]"],
    "quickstart": ["quickstart.yaml", "-o", "sweep.learning_rate=[0.1]", "-o", "sweep.seeds=2", "-o", "claims=[]"],
}
NO_CACHE = {"TF_XLA_FLAGS": "--tf_xla_persistent_cache_directory="}
WAYS: dict[str, tuple[list[str], Mapping[str, str]]] = {
    "workers, warm": ([], {}),
    "workers, cold": ([], NO_CACHE),
    "in this process": (["--jobs", "0"], NO_CACHE),
}
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
FIRST, ALL = "first result", "command to first result"


def python(words: list[str], environment: Mapping[str, str]) -> float:
    """Run Python; return the time at which it began."""
    began = time.time()
    subprocess.run(
        [sys.executable, *words], check=True, capture_output=True, env={**os.environ, **QUIET, **environment}
    )
    return began


def command(experiment: str, more: list[str], folder: str) -> list[str]:
    """Return the words of a run of an experiment."""
    name, *settings = EXPERIMENTS[experiment]
    return ["-m", "bnbench", "run", "-q", *settings, *more, "--results-dir", folder, str(CONFIGS / name)]


def imported() -> float:
    """Return the seconds that `import keras` takes."""
    began = python(["-c", "import keras"], {})
    return time.time() - began


def first_result(experiment: str, way: str) -> pd.DataFrame:
    """Run an experiment up to its first result.

    Returns:
        A row per phase, in the order in which the phases began: `process` is `coordinator` or `worker` (the one that
        trained first), `phase`, `seconds` without the phases inside it, `end` in seconds after the command.
    """
    more, environment = WAYS[way]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "timeline"
        paths = os.pathsep.join(filter(None, [str(HOOKS), os.environ.get("PYTHONPATH", "")]))
        recorded = {"BNBENCH_TIMELINE": str(path), "PYTHONPATH": paths}
        began = python(command(experiment, more, folder), {**environment, **recorded})
        noted = pd.DataFrame([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    return read_timeline(noted, began)


def read_timeline(noted: pd.DataFrame, began: float) -> pd.DataFrame:
    """Return the phases of the coordinator and of the worker that trained first, up to the first result.

    Args:
        noted: a row per phase, with `pid`, `phase`, `begin` (a time) and `seconds`.
        began: the time of the command.
    """
    ended = noted[noted["phase"] == FIRST].iloc[0]
    noted = noted.assign(end=noted["begin"] + noted["seconds"] - began)
    trained = noted[noted["phase"] == "the first trial, other work"].sort_values("end")["pid"].iloc[0]
    noted = noted[(noted["begin"] <= ended["begin"]) & noted["pid"].isin([ended["pid"], trained])]
    noted = noted.assign(process=noted["pid"].map({trained: "worker", ended["pid"]: "coordinator"}))
    starts = _starts(noted, began)
    phases = pd.concat([starts, noted[~noted["phase"].isin({"python", "wait", FIRST})]])
    total = pd.DataFrame(
        [{"process": "", "phase": ALL, "seconds": ended["begin"] - began, "end": ended["begin"] - began}]
    )
    grouped = phases.groupby(["process", "phase"], sort=False).agg(seconds=("seconds", "sum"), end=("end", "max"))
    return pd.concat([grouped.reset_index(), total], ignore_index=True)


def _starts(noted: pd.DataFrame, began: float) -> pd.DataFrame:
    """Return for each process the time from its start to the first phase of the table: Python and its imports."""
    rows = []
    for process, of in noted.sort_values("begin").groupby("process"):
        python_began, first = of.iloc[0]["begin"], of.iloc[1]["begin"]
        start = began if process == "coordinator" else python_began
        rows.append({"process": process, "phase": "Python and bnbench", "seconds": first - start, "end": first - began})
    return pd.DataFrame(rows)


def measure(pairs: int) -> pd.DataFrame:
    """Return one row per experiment, way, pair and phase, with `imported`, the seconds of `import keras`."""
    with tempfile.TemporaryDirectory() as folder:
        for experiment in EXPERIMENTS:
            # The functions do not depend on the epochs.
            python(command(experiment, ["-o", "train.epochs=1"], folder), {})
    tables = []
    for pair in range(pairs):
        keras = imported()
        for experiment in EXPERIMENTS:
            for way in WAYS:
                known = {"experiment": experiment, "way": way, "pair": pair, "imported": keras}
                tables.append(first_result(experiment, way).assign(**known))
        print(f"  start: pair {pair + 1} of {pairs}", file=sys.stderr, flush=True)
    return pd.concat(tables, ignore_index=True)


def summary(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row per experiment, way, process and phase: medians, and the lowest and highest seconds.

    `beyond` is the time in addition to `import keras`, for the whole time alone.
    """
    measured = measured.assign(beyond=(measured["seconds"] - measured["imported"]).where(measured["phase"] == ALL))
    grouped = measured.groupby(["experiment", "way", "process", "phase"], sort=False)
    return grouped.agg(
        seconds=("seconds", "median"), lowest=("seconds", "min"), highest=("seconds", "max"), end=("end", "median"),
        imported=("imported", "median"), beyond=("beyond", "median"), pairs=("pair", "nunique"),
    ).reset_index()  # fmt: skip
