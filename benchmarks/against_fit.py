"""A training step of bnbench against `model.fit`, side by side: same network, rows, batch, optimizer.

`python -m benchmarks.against_fit [--pairs 5] [NETWORK ...]` prints a table. Each measurement is a fresh process:
bnbench with the one thread that a trial has, `fit` as a user gets it, with all cores. The two alternate, so that a
machine that slows down slows both; the ratio is the median over pairs.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bnbench import config, data, plan
from bnbench.data import Places
from bnbench.plan import Program

NETWORKS = {  # name -> (config, overrides, steps of one measurement)
    "leaf, batch 10": ("leaf", {}, 690),
    "letters 600-400-200, batch 32": ("letters", {}, 188),
    "letter 128-128, batch 64": ("letter", {}, 207),
    "fashion 300-100, full batch": ("fashion_mnist", {"train.batch_size": "full"}, 3),
    "cifar10 CNN, batch 32": ("cifar10", {"train.steps_per_epoch": 30}, 30),
}
CONFIGS = Path(__file__).parent.parent / "configs"
REPEATS = 3  # of one measurement, after a warm-up; the fastest counts


def program_of(network: str, variant: str) -> Program:
    """The program of a network of NETWORKS."""
    name, overrides, _ = NETWORKS[network]
    places = Places.from_environment()
    experiment = config.load(CONFIGS / f"{name}.yaml", overrides)
    planned = plan.make(experiment, lambda settings: data.facts(settings, places, download=True), name)
    chosen = {cohort.variant: cohort.program for cohort in planned.cohorts}
    return chosen.get("600-400-200" if "600" in network and variant == "plain" else variant) or chosen["batchnorm"]


def variants(network: str) -> list[str]:
    """Plain and, where the config has one of the same shape, batch-normalised."""
    return ["plain"] if "600" in network else ["plain", "batchnorm"]


def ours(program: Program, steps: int) -> float:
    """Seconds a step of bnbench's compiled epoch."""
    from bnbench.compiled import CompiledProgram, use_threads

    use_threads(program.train.threads)
    dataset = data.load(program.data, Places.from_environment())
    compiled = CompiledProgram(program, dataset)
    start = compiled.start(0)
    order = np.resize(start.parts.train, epoch_rows(program))
    times = []
    for _ in range(REPEATS):
        compiled.reset(start, 1e-4)
        began = time.perf_counter()
        done = 0
        while done < steps:
            losses, _ = compiled.train_epoch(order)
            done += len(losses)
        times.append((time.perf_counter() - began) / done)
    return min(times)


def epoch_rows(program: Program) -> int:
    """Rows of one epoch."""
    steps = program.train.steps_per_epoch
    return steps * program.batch_size if steps else program.sizes.train


def fit(program: Program, steps: int) -> float:
    """Seconds a step of `model.fit` on the same rows, scaled beforehand."""
    import keras

    from bnbench import keras_names
    from bnbench.data.splits import apply, fit_scaling, split
    from bnbench.model import build_model

    dataset = data.load(program.data, Places.from_environment())
    rows = split(dataset, program.data, program.sizes, 0).train[: max(program.batch_size * steps, 1)]
    scaling = fit_scaling(dataset, program.data, rows)
    x, y = apply(scaling, np.asarray(dataset.x[rows])).astype("float32"), dataset.y[rows]
    model = build_model(program.layers, program.facts.shape, "float32", 0)
    kind = keras_names.resolve("optimizers", program.train.optimizer.name, "")
    optimizer = getattr(keras.optimizers, kind)(learning_rate=1e-4, **program.train.optimizer.arguments)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    size = program.batch_size
    per_epoch = -(-len(x) // size)
    epochs = max(1, steps // per_epoch)
    model.fit(x, y, batch_size=size, epochs=1, verbose=0)
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        model.fit(x, y, batch_size=size, epochs=epochs, verbose=0)
        times.append((time.perf_counter() - began) / (epochs * per_epoch))
    return min(times)


def measure(side: str, network: str, variant: str) -> float:
    """Seconds a step, in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.against_fit", "--one", json.dumps([side, network, variant])]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-1])


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", help=f"any of: {'; '.join(NETWORKS)}; default: all")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        side, network, variant = json.loads(options.one)
        run = {"ours": ours, "fit": fit}[side]
        print(run(program_of(network, variant), NETWORKS[network][2]))
        return
    print(
        f"| network | variant | engine | fit, us/step | bnbench, us/step | ratio (min-max of {options.pairs} pairs) |"
    )
    print("|---|---|---|---|---|---|")
    for network in options.networks or NETWORKS:
        for variant in variants(network):
            pairs = [tuple(measure(s, network, variant) for s in ("fit", "ours")) for _ in range(options.pairs)]
            ratios = [theirs / mine for theirs, mine in pairs]
            theirs, mine = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
            spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f})"
            engine = program_of(network, variant).train.engine
            print(f"| {network} | {variant} | {engine} | {theirs:,.0f} | {mine:,.0f} | {spread} |", flush=True)


if __name__ == "__main__":
    main()
