"""What probes cost: `python -m benchmarks.probes` trains the same trial with and without each of them, by turns.

Each line is one probe on one network: the time of its first use, in which its functions are made, and how much longer
each later trial takes than one without, as a share, with the interval of the median over the pairs. `failure` is what
every trial does: it keeps the weights at the start of each epoch in case that it diverges.
"""

import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from bnbench.analysis.asked_probes import ASKED_PROBES
from bnbench.config.load import load_config
from bnbench.data import access
from bnbench.data.types import DataDirs
from bnbench.planning.plan import Program, make_plan
from bnbench.planning.trial import Saving

RESULTS = Path(__file__).parent / "results" / "probes.csv"
CONFIGS = Path(__file__).parent.parent / "configs"
# Experiments, and settings that keep one trial at seconds.
NETWORKS: dict[str, dict[str, object]] = {
    "quickstart": {},
    "letter-mlp": {},
    "fashion-a": {"data.limit": 6_000},
    "cifar10-small": {"data.limit": 3_000, "train.epochs": 3},
}
FAILURE = "failure"


def compare(networks: Sequence[str], pairs: int) -> list[dict[str, Any]]:
    """Return a row for each network and probe."""
    from bnbench.training import startup

    startup.import_tensorflow()
    return [row for name in networks for row in _compare_network(name, pairs)]


def _compare_network(name: str, pairs: int) -> list[dict[str, Any]]:
    from bnbench.training.threads import use_threads

    use_threads(1)
    config = CONFIGS / f"{name}.yaml"
    plan = make_plan(load_config(config, NETWORKS[name]), lambda data: access.dataset_info(data, DataDirs()), config)
    program, rates = plan.cohorts[-1].program, sorted(plan.experiment.sweep.rates())
    rate = rates[len(rates) // 2]
    trial = replace(plan.cohorts[-1].trials[0], learning_rate=rate)
    rows = access.load_planned(program.data, DataDirs(), program.facts)
    train = _trainer(program, trial, rows)
    found = []
    for probe in (FAILURE, *ASKED_PROBES):
        first, ratios = _by_turns(train, probe, pairs)
        low, high = np.sort(ratios)[_ranks(len(ratios))]
        row = {
            "network": name, "probe": probe, "pairs": pairs, "trial_seconds": round(train(()), 3),
            "first_use_seconds": round(first, 2), "ratio": round(float(np.median(ratios)), 4),
            "low": round(float(low), 4), "high": round(float(high), 4),
        }  # fmt: skip
        found.append(row)
        click.echo(found[-1])
    return found


def _trainer(program: Program, trial: Any, rows: Any) -> Callable[[Sequence[str]], float]:
    """Return a function that trains the trial with some probes and returns the seconds."""
    from bnbench.training import loop
    from bnbench.training.compiled_program import CompiledProgram
    from bnbench.training.keras_objects import keras_defaults

    with keras_defaults(program.train.dtype):
        compiled = CompiledProgram(program, rows)
    looks = {name: probe.looks or 0 for name, probe in ASKED_PROBES.items()}
    watch = loop.FailureWatch

    def train(probes: Sequence[str]) -> float:
        compiled.program = replace(program, probes=tuple((name, looks[name]) for name in probes if name in looks))
        loop.FailureWatch = watch if FAILURE in probes else _NoWatch
        began = time.perf_counter()
        with keras_defaults(program.train.dtype):
            loop._train(compiled, trial, Saving(Path("unused")), lambda *_: None)
        return time.perf_counter() - began

    train(())
    return train


class _NoWatch:
    """Keeps nothing."""

    def __init__(self, compiled: object) -> None:
        pass

    def begin_epoch(self, order: object, step: int) -> None:
        pass

    def end_epoch(self, losses: object) -> None:
        pass

    def note_nonfinite(self) -> None:
        pass


def _by_turns(train: Callable[[Sequence[str]], float], probe: str, pairs: int) -> tuple[float, list[float]]:
    """Return the seconds that the first use takes longer, and the ratio of the times of each later pair."""
    without = train(())
    first = train((probe,)) - without
    ratios = []
    for i in range(pairs):
        # The order changes, so that what slows down the machine for a while does not hit one of them.
        times = {used: train(used) for used in (((), (probe,)) if i % 2 else ((probe,), ()))}
        ratios.append(times[(probe,)] / times[()])
    return first, ratios


def _ranks(n: int) -> list[int]:
    """Return the positions, among n sorted values, of an interval that holds their median with at least 95%."""
    from scipy.stats import binom

    low = int(binom.ppf(0.025, n, 0.5))
    return [max(low - 1, 0), min(n - low, n - 1)]


@click.command()
@click.option("--pairs", default=21, show_default=True)
@click.option("--network", "networks", multiple=True, type=click.Choice(list(NETWORKS)), default=list(NETWORKS))
def main(pairs: int, networks: Sequence[str]) -> None:
    """Measure and write benchmarks/results/probes.csv."""
    rows = compare(networks, pairs)
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
