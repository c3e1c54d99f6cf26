"""The Leaf sweep as a whole command: 7 rates x 2 variants x 100 epochs, with validation after each, and a test.

bnbench runs as a user runs it. A loop over `fit` takes minutes, and each of its trainings takes the same time. So only
one rate per variant is trained, for 10 epochs, and the whole loop is estimated as start + 7 x (building, first epoch +
99 x a later one, test). bnbench ends a trial at a loss that is not finite, 6 of these 14; `fit` continues.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.networks import VARIANTS

CONFIG = Path(__file__).parent.parent / "configs" / "leaf.yaml"
RATES, EPOCHS, TRAINED = 7, 100, 10
JOBS = {"28 trials, 1 job": "1", "28 trials, 2 jobs": "2"}
ONE_SEED = ["-o", "sweep.seeds=1"]
LOOPS = ("Keras fit", "Keras fit, tuned", "KerasTuner grid search")


def ours(words: list[str]) -> dict[str, float]:
    """Return the seconds of the whole command, and of training: the sum over the trials of the busiest worker."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bnbench", "run", str(CONFIG), "-q", "--results-dir", folder, *words]
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds = time.perf_counter() - began
        trials = pd.read_csv(Path(folder) / "leaf" / "trials.csv")
        busiest = trials.groupby("worker")["seconds"].sum().max()
    return {"seconds": seconds, "training": float(busiest)}


def loop(title: str) -> dict[str, float]:
    """Return the seconds that the whole loop would take."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sweeps", title], check=True, capture_output=True, text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    parts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    start = time.perf_counter() - began - sum(part["all"] for part in parts)
    training = RATES * sum(part["all"] + part["epoch"] * (EPOCHS - TRAINED) for part in parts)
    return {"seconds": start + training, "training": training}


def measure(pairs: int) -> pd.DataFrame:
    """Return one row per way and pair: `seconds` of the whole command."""
    ways: dict[str, Callable[[], dict[str, float]]] = {"bnbench": lambda: ours(ONE_SEED)}
    ways |= {title: (lambda title=title: loop(title)) for title in LOOPS}
    twice = ["-o", "sweep.seeds=2", "--jobs"]
    ways |= {title: (lambda jobs=jobs: ours([*twice, jobs])) for title, jobs in JOBS.items()}
    # This run parses the data and fills the cache of compiled programs.
    ours(ONE_SEED)
    rows = []
    for pair in range(pairs):
        for title, way in ways.items():
            rows.append({"way": title, "pair": pair, **way()})
        print(f"  sweep: pair {pair + 1} of {pairs}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def summary(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row per way: median, lowest and highest seconds, and their ratio to bnbench's."""
    ours = measured[measured["way"] == "bnbench"].set_index("pair")["seconds"].rename("ours")
    table = measured.join(ours, on="pair")
    table["ratio"] = table["seconds"] / table["ours"]
    grouped = table.groupby("way", sort=False)
    return grouped.agg(
        seconds=("seconds", "median"), lowest=("seconds", "min"), highest=("seconds", "max"),
        training=("training", "median"), ratio=("ratio", "median"), ratio_lowest=("ratio", "min"),
        ratio_highest=("ratio", "max"), pairs=("pair", "nunique"),
    ).reset_index()  # fmt: skip


def main() -> None:
    """Train one rate per variant in the named way, and print the seconds of each part."""
    import keras
    import numpy as np

    from benchmarks.networks import work
    from benchmarks.peers import keras_fit

    title = sys.argv[1]
    given = work("leaf", "plain")
    x, y, parts = given.x, given.y, np.arange(len(given.x))
    # bnbench validates and tests on the same numbers of rows.
    held, tested = parts[:99], parts[:198]

    def build(variant: str) -> Any:
        model = keras_fit.model("leaf", variant)
        tuning = {"steps_per_execution": 69, "jit_compile": True} if "tuned" in title else {}
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras_fit.optimizer(given), loss, metrics=["accuracy"], **tuning)
        return model

    for variant in VARIANTS:
        began = time.perf_counter()
        ends: list[float] = []
        arguments = {
            "batch_size": 10, "epochs": TRAINED, "verbose": 0, "validation_data": (x[held], y[held]),
            "callbacks": [ends_of_epochs(ends)],
        }  # fmt: skip
        if "Tuner" in title:
            search(lambda hp, variant=variant: build(variant), x, y, arguments)
        else:
            model = build(variant)
            model.fit(x, y, **arguments)
            model.evaluate(x[tested], y[tested], verbose=0)
        seconds = time.perf_counter() - began
        print(json.dumps({"all": seconds, "epoch": (ends[-1] - ends[0]) / (len(ends) - 1)}), flush=True)


def ends_of_epochs(ends: list[float]) -> Any:
    """Return a callback that records when each epoch ends."""
    import keras

    class Ends(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            ends.append(time.perf_counter())

        # KerasTuner copies callbacks.
        def __deepcopy__(self, memo: Any) -> "Ends":
            return self

    return Ends()


def search(build: Callable[[Any], Any], x: Any, y: Any, arguments: dict[str, Any]) -> None:
    """Run KerasTuner's grid search with one rate."""
    import keras_tuner

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.GridSearch(build, "val_accuracy", max_trials=1, directory=folder, project_name="leaf")
        tuner.oracle.hyperparameters.Choice("learning_rate", [1e-3])
        tuner.search(x, y, **arguments)


if __name__ == "__main__":
    main()
