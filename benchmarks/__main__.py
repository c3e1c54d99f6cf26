"""`make bench`: times steps, sweeps and the cost of a trial; writes tables and a figure to benchmarks/results/."""

import argparse
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import draw, scale, start, steps, sweeps
from benchmarks.networks import NETWORKS, VARIANTS
from benchmarks.peers import PEERS, TWO
from bnbench.execution.environment import processor_name

FOLDER = Path(__file__).parent / "results"
OURS, FIT = PEERS["bnbench"][2], PEERS["fit"][2]


def main() -> None:
    """Measure the requested parts; without arguments, all parts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"steps, sweeps, start, scale or networks: {', '.join(NETWORKS)}")
    parser.add_argument("--pairs", type=int, default=5, help="number of rounds; each measures everything once")
    options = parser.parse_args()
    known = {"steps", "sweeps", "start", "scale", *NETWORKS}
    if wrong := set(options.parts) - known:
        parser.error(f"{', '.join(sorted(wrong))}: not one of {', '.join(sorted(known))}")
    asked = set(options.parts or ("steps", "sweeps", "start", "scale"))
    began = time.perf_counter()
    FOLDER.mkdir(exist_ok=True)
    networks = list(NETWORKS) if "steps" in asked else [name for name in NETWORKS if name in asked]
    for measured in steps.measure(networks, options.pairs):
        keep("steps", with_others(steps.summary(measured)))
    if "sweeps" in asked:
        keep("sweeps", sweeps.summary(sweeps.measure(options.pairs)))
    if "start" in asked:
        keep("start", start.summary(start.measure(options.pairs)))
    if "scale" in asked:
        keep("scale", scale.measure())
    write()
    print(f"{(time.perf_counter() - began) / 60:.0f} minutes", file=sys.stderr)


def with_others(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table of one network with the earlier tables of the others, in the order of NETWORKS."""
    path = FOLDER / "steps.csv"
    before = pd.read_csv(path) if path.exists() else table.iloc[:0]
    others = before[~before["network"].isin(table["network"])]
    order = {name: place for place, name in enumerate(NETWORKS)}
    return pd.concat([others, table]).sort_values("network", key=lambda names: names.map(order), kind="stable")


def keep(name: str, table: pd.DataFrame) -> None:
    """Write one table as CSV."""
    table.to_csv(FOLDER / f"{name}.csv", index=False, float_format="%.6g")


def write() -> None:
    """Write all existing tables as Markdown, and draw the figure."""
    found = {path.stem: pd.read_csv(path) for path in FOLDER.glob("*.csv")}
    packages = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "jax", "torch", "keras-tuner"))
    lines = [
        "# Benchmarks",
        "",
        f"{processor_name()}, {platform.system()}, Python {platform.python_version()}; {packages}.",
    ]
    lines += ["`make bench` measures all parts; `python -m benchmarks PART` measures one.", ""]
    if "steps" in found:
        lines += of_steps(found["steps"])
        draw.steps(found["steps"], FOLDER / "steps")
    if "sweeps" in found:
        lines += of_sweeps(found["sweeps"])
    if "start" in found:
        lines += of_start(found["start"])
    if "scale" in found:
        lines += of_scale(found["scale"])
    (FOLDER / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    print(f"{FOLDER / 'README.md'}", file=sys.stderr)


def of_steps(table: pd.DataFrame) -> list[str]:
    """Return a row per network and variant and a column per peer: microseconds per step, and the ratio to column 1."""
    order = [TWO, *(title for _, _, title in PEERS.values())]
    rounds = table["rounds"].min()
    lines = [
        "## A training step",
        "",
        f"Microseconds, medians of {rounds} rounds. In brackets: the ratio to the first column, as the median of",
    ]
    lines += [
        "the ratios of each round. bnbench gives each trial one thread and trains two trials at a time, so the first"
    ]
    lines += ["column is half the time of a step. All others use both cores.", ""]
    lines += ["| network | variant | " + " | ".join(order) + " |", "|---|---|" + "---|" * len(order)]
    for name, network in NETWORKS.items():
        for variant in VARIANTS:
            part = table[(table["network"] == name) & (table["variant"] == variant)].set_index("peer")
            if len(part):
                cells = [_step_cell(part.loc[peer], with_ratio=peer != TWO) for peer in order]
                lines.append(f"| {network.title} | {variant} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Share of the fastest matrix product (or convolution) of one thread, measured between the rounds. For two",
        "trials, the share is of twice that speed.",
        "",
    ]
    lines += [
        "| network | variant | GFLOP/s, two trials | share | GFLOP/s, one trial | share |",
        "|---|---|---|---|---|---|",
    ]
    for name, network in NETWORKS.items():
        for variant in VARIANTS:
            part = table[(table["network"] == name) & (table["variant"] == variant)].set_index("peer")
            if len(part):
                cells = [f"{part['gflops'][o]:.0f} | {part['share'][o]:.0%}" for o in (TWO, OURS)]
                lines.append(f"| {network.title} | {variant} | {' | '.join(cells)} |")
    return [*lines, ""]


def _step_cell(row: Any, with_ratio: bool) -> str:
    microseconds = f"{row['microseconds']:,.0f}"
    return f"{microseconds} ({row['ratio']:.1f})" if with_ratio else microseconds


def of_sweeps(table: pd.DataFrame) -> list[str]:
    """Return a row for each way to run the Leaf sweep."""
    lines = [
        "## The Leaf sweep, whole command",
        "",
        "14 trials x 100 epochs, from the start of the process to its end.",
    ]
    lines += [f"Seconds, median (lowest to highest) of {table['pairs'].min()} pairs. The times of loops over `fit` are"]
    lines += [
        "extrapolated from one rate per variant and 10 epochs (benchmarks/sweeps.py). bnbench ends a trial whose loss"
    ]
    lines += ["is not finite, 6 of these 14; the loops continue to the last epoch, as `fit` does.", ""]
    lines += ["| way | seconds | ratio to bnbench | seconds of training |", "|---|---|---|---|"]
    for row in table.to_dict("records"):
        spread = f"{row['seconds']:.1f} ({row['lowest']:.1f}-{row['highest']:.1f})"
        ratio = f"{row['ratio']:.1f} ({row['ratio_lowest']:.1f}-{row['ratio_highest']:.1f})"
        lines.append(f"| {row['way']} | {spread} | {ratio} | {row['training']:.1f} |")
    one, two = table.set_index("way")["training"].reindex(list(sweeps.JOBS))
    speedup = f"Two jobs train 28 trials (two seeds) {one / two:.2f} times as fast as one job (medians)."
    return [*lines, "", speedup, ""]


def of_start(table: pd.DataFrame) -> list[str]:
    """Return a table of whole times, and one of the phases: a row per phase, a column per experiment and way."""
    whole = table[table["phase"] == start.ALL]
    lines = ["## From the command to the first stored result", ""]
    lines += [
        f"Seconds, medians of {table['pairs'].min()} pairs (lowest to highest). The last column is the time beyond",
        f"`import keras` in a separate process, which takes {whole['imported'].median():.1f}.",
        "",
    ]
    lines += ["| experiment | way | seconds | beyond |", "|---|---|---|---|"]
    for row in whole.to_dict("records"):
        spread = f"{row['seconds']:.1f} ({row['lowest']:.1f}-{row['highest']:.1f})"
        lines.append(f"| {row['experiment']} | {row['way']} | {spread} | {row['beyond']:.1f} |")
    lines += [
        "",
        "Phases of the coordinator and of the worker that trains first: seconds without the phases inside.",
        "",
    ]
    phases = table[table["phase"] != start.ALL]
    wide = phases.pivot_table(
        index=["process", "phase"], columns=["experiment", "way"], values="seconds", sort=False
    )  # fmt: skip
    lines += ["| process | phase | " + " | ".join(", ".join(column) for column in wide.columns) + " |"]
    lines += ["|---|---|" + "---|" * len(wide.columns)]
    for (process, phase), seconds in wide.iterrows():
        cells = ["" if one != one else f"{one:.2f}" for one in seconds]
        lines.append(f"| {process} | {phase} | {' | '.join(cells)} |")
    return [*lines, ""]


def of_scale(table: pd.DataFrame) -> list[str]:
    """Return a row for each number of trials."""
    lines = [
        "## The cost of a trial without its training",
        "",
        "A trainer that trains nothing, with two workers: planning, dispatch,",
    ]
    lines += ["store, tables and figures. Milliseconds and bytes per trial after the first hundred.", ""]
    lines += [
        "| trials | seconds | ms per trial | bytes per trial, coordinator | with tables and figures |",
        "|---|---|---|---|---|",
    ]
    for row in table.to_dict("records"):
        more = [row["milliseconds_a_trial"], row["bytes_a_trial"], row["bytes_with_report_a_trial"]]
        cells = ["", "", ""] if more[0] != more[0] else [f"{more[0]:.2f}", f"{more[1]:,.0f}", f"{more[2]:,.0f}"]
        lines.append(f"| {row['trials']:,} | {row['seconds']:.1f} | {' | '.join(cells)} |")
    return [*lines, ""]


if __name__ == "__main__":
    main()
