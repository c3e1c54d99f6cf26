"""Whole commands of this checkout and of an earlier one, by turns: `python -m benchmarks.versions ../earlier`.

Each command is measured as a user sees it, from its start to its end, and its processor time is that of all its
processes. `cold` begins with an empty cache of compiled programs, `warm` with what the cold run has left.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "versions.csv"
EPOCHS_AXIS = """
name: epochs-axis
data: {name: digits, split: {validation: 0.2, test: 0.2, stratify: true}, scale: unit}
model:
  layers:
    - flatten
    - repeat: {times: 3, layers: [{dense: 64}, norm, {activation: relu}]}
    - dense: $classes
variants: {plain: {norm: none}, batchnorm: {norm: {batch: {momentum: 0.9}}}}
train: {epochs: 1, batch_size: 32, optimizer: {name: sgd, momentum: 0.9}}
sweep:
  learning_rate: [0.01]
  seeds: 1
  grid: {train.epochs: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]}
"""
# 2 variants x 500 rates x 1,000 seeds.
MILLION = ("-o", "sweep.learning_rate={from: 1e-6, to: 1, points: 500}", "-o", "sweep.seeds=1000")


@dataclass(frozen=True)
class Case:
    """A command to measure."""

    title: str
    # Of `bnbench`. `{configs}` has experiment files that both versions can read; `{work}` is an empty folder.
    words: Sequence[str]
    # Whether the command is measured a second time with the same cache.
    has_cache: bool = False


# The option has this name in both versions.
RUN = ("run", "-q", "--results", "{work}/results")
CASES = {
    "quickstart": Case("`run configs/quickstart.yaml`", (*RUN, "{configs}/quickstart.yaml"), True),
    "leaf": Case("`run configs/leaf.yaml` with one seed", (*RUN, "{configs}/leaf.yaml", "-o", "sweep.seeds=1"), True),
    "epochs": Case("20 values of `train.epochs`", (*RUN, "{work}/axis.yaml"), True),
    "initialisation": Case(
        "`run configs/claims/initialisation.yaml`", (*RUN, "{configs}/claims/initialisation.yaml"), True
    ),
    "plan": Case("`plan` of 10^6 trials", ("plan", "{configs}/quickstart.yaml", *MILLION)),
}


def measure(earlier: Path, configs: Path, names: Sequence[str], pairs: int) -> Iterator[dict[str, object]]:
    """Yield a row per case, cache, version and pair, with the seconds and the processor seconds."""
    for name in names:
        for pair in range(pairs):
            # The order changes, so that neither version always finds the files of the other in memory.
            versions = [("before", earlier), ("after", HERE)]
            for version, checkout in versions if pair % 2 == 0 else versions[::-1]:
                for cache, times in _run(CASES[name], checkout, configs):
                    print(f"{name}, {cache}, {version}: {times['seconds']:.1f} s", file=sys.stderr, flush=True)
                    yield {"case": CASES[name].title, "cache": cache, "version": version, "pair": pair, **times}


def _run(case: Case, checkout: Path, configs: Path) -> Iterator[tuple[str, dict[str, float]]]:
    with tempfile.TemporaryDirectory() as kept:
        for cache in ("cold", "warm") if case.has_cache else ("none",):
            with tempfile.TemporaryDirectory() as work:
                (Path(work) / "axis.yaml").write_text(EPOCHS_AXIS, encoding="utf-8")
                # Overrides have braces, too.
                words = [word.replace("{configs}", str(configs)).replace("{work}", work) for word in case.words]
                yield cache, time_command(words, checkout, Path(kept))


def time_command(words: Sequence[str], checkout: Path, cache: Path) -> dict[str, float]:
    """Return the seconds, the processor seconds and the peak memory, in MB, of a command of one version.

    Raises:
        RuntimeError: the command failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(checkout), "BNBENCH_CACHE": str(cache)}
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            # Without -P, the bnbench of the present folder would be run for both versions.
            [sys.executable, "-P", "-m", "bnbench", *words],
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment,
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        # wait4 took the exit status, which Popen would wait for.
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{checkout}: {words}: {said.read().decode()}")
    return {"seconds": seconds, "processor": used.ru_utime + used.ru_stime, "megabytes": used.ru_maxrss / 1024}


def summarize(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per case and cache: medians of both versions, and median and range of the ratios of the pairs."""
    wide = rows.pivot_table(
        index=["case", "cache", "pair"], columns="version", values=["seconds", "processor"], sort=False
    )
    table = []
    for (case, cache), part in wide.groupby(level=["case", "cache"], sort=False):
        row: dict[str, object] = {"case": case, "cache": cache, "pairs": len(part)}
        for value in ("seconds", "processor"):
            ratios = part[value, "before"] / part[value, "after"]
            row[f"{value} before"] = part[value, "before"].median()
            row[f"{value} after"] = part[value, "after"].median()
            row[f"{value} ratio"] = ratios.median()
            row[f"{value} ratio, range"] = f"{ratios.min():.2f} to {ratios.max():.2f}"
        table.append(row)
    return pd.DataFrame(table)


def main() -> None:
    """Measure the requested cases; print the table and write it to benchmarks/results/versions.csv."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__.splitlines()[0])
    parser.add_argument("earlier", type=Path, help="a checkout of the earlier version")
    parser.add_argument("cases", nargs="*", default=list(CASES), help=f"some of {', '.join(CASES)}")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--configs", type=Path, help="experiment files; by default those of the earlier version")
    options = parser.parse_args()
    if wrong := set(options.cases) - set(CASES):
        parser.error(f"{', '.join(sorted(wrong))}: not one of {', '.join(CASES)}")
    earlier = options.earlier.resolve()
    configs = (options.configs or earlier / "configs").resolve()
    rows = pd.DataFrame(list(measure(earlier, configs, options.cases, options.pairs)))
    table = summarize(rows)
    table.to_csv(RESULTS, index=False, float_format="%.4g")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
