"""Portable trials: whether another processor gives the same bits, and what they cost.

`python -m benchmarks.portable steps quickstart leaf` trains each experiment by turns with and without `--portable`, and
compares the times of a step. `python -m benchmarks.portable bits --emulator "qemu-x86_64 -cpu Haswell" leaf` trains
smoke runs with `--portable` here and on an emulated processor, and merges the folders, which compares all bits.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bnbench.results.results import Results

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "portable.csv"


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    steps = commands.add_parser("steps")
    steps.add_argument("--rounds", type=int, default=5)
    bits = commands.add_parser("bits")
    bits.add_argument("--emulator", required=True, help="a command that runs a program on another processor")
    for command in (steps, bits):
        command.add_argument("experiments", nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.command == "steps":
            time_steps(arguments.experiments, arguments.rounds, Path(folder))
        else:
            compare_bits(arguments.experiments, shlex.split(arguments.emulator), Path(folder))


def train(experiment: str, folder: Path, *options: str, emulator: Sequence[str] = ()) -> Path:
    """Train an experiment in one process, and return its results folder."""
    config = ROOT / "configs" / f"{experiment}.yaml"
    command = [*emulator, sys.executable, "-m", "bnbench", "run", config, "-j", "0", "--results-dir", folder, *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (results,) = (path for path in folder.iterdir() if path.name.removesuffix("-smoke") == experiment)
    return results


def time_steps(experiments: Sequence[str], rounds: int, folder: Path) -> None:
    """Write the ratio of the times of a step, with and without, of each variant and round."""
    rows = []
    for experiment in experiments:
        for number in range(rounds):
            medians = {}
            for option in ("--no-portable", "--portable"):
                results = Results(train(experiment, folder / f"{number}{option}", option, "-o", "sweep.seeds=1"))
                medians[option] = results.trials.groupby("variant").seconds_per_step.median()
            ratios = medians["--portable"] / medians["--no-portable"]
            for variant, ratio in ratios.items():
                microseconds = 1e6 * medians["--no-portable"][variant]
                rows.append((experiment, variant, number, round(microseconds, 1), round(ratio, 3)))
    table = pd.DataFrame(rows, columns=["experiment", "variant", "round", "microseconds_per_step", "ratio"])
    table.to_csv(RESULTS, index=False, lineterminator="\n")
    print(table.groupby(["experiment", "variant"]).ratio.describe()[["count", "min", "50%", "max"]])


def compare_bits(experiments: Sequence[str], emulator: Sequence[str], folder: Path) -> None:
    """Train each experiment here and on the emulated processor, and let `bnbench merge` compare all trials."""
    for experiment in experiments:
        options = ("--smoke", "--portable", "-o", "train.engine=xla")
        folders = [train(experiment, folder / "here", *options)]
        folders.append(train(experiment, folder / "emulated", *options, emulator=emulator))
        command = [sys.executable, "-m", "bnbench", "merge", folder / f"merged-{experiment}", *folders]
        process = subprocess.run(command)
        print(f"{experiment}: {'all bits are the same' if process.returncode == 0 else 'some bits differ'}", flush=True)


if __name__ == "__main__":
    main()
