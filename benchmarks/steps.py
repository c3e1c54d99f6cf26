"""The time of a training step of every peer on every network, measured in turns.

All peers of a network start and prepare at the same time. Then, in each round, each peer trains alone for a moment, so
that a slower machine slows down all of them. bnbench is measured with one trial on one thread, and with two trials at a
time, which use two cores; the others use all cores.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from benchmarks.networks import NETWORKS, VARIANTS, program
from benchmarks.peers import PEERS, TWO

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}


class Helper:
    """A process that answers each line with a line of JSON."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, **QUIET, **environment},
        )  # fmt: skip

    def ask(self, line: str) -> None:
        """Send a line."""
        assert self.process.stdin is not None  # noqa: S101
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> float:
        """Return the next answer; NaN if the process has died."""
        assert self.process.stdout is not None  # noqa: S101
        line = self.process.stdout.readline()
        return float(json.loads(line)) if line else float("nan")

    def stop(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.communicate()


def measure(names: Iterable[str], rounds: int) -> Iterator[pd.DataFrame]:
    """Yield a table per network, with one row per variant, peer and round.

    `seconds` is the time of a step, `start` the time until the peer was ready, `limit` is in GFLOP/s.
    """
    for name in names:
        rows: list[dict[str, Any]] = []
        limits = Helper(["benchmarks.limits"], {})
        limits.answer()
        peers = {peer: Helper(["benchmarks.peer", peer, name], more) for peer, (_, more, _) in PEERS.items()}
        second = Helper(["benchmarks.peer", "bnbench", name], {})
        starts = {peer: helper.answer() for peer, helper in peers.items()}
        second.answer()
        for variant in VARIANTS:
            flops = flops_of(name, variant)
            for number in range(rounds):
                limits.ask("convolution" if NETWORKS[name].filters else "dense")
                known = {"network": name, "variant": variant, "round": number, "flops": flops, "limit": limits.answer()}
                for peer, helper in peers.items():
                    helper.ask(variant)
                    rows.append({**known, "peer": PEERS[peer][2], "seconds": helper.answer(), "start": starts[peer]})
                both = (peers["bnbench"], second)
                for helper in both:
                    helper.ask(variant)
                halved = statistics.mean(helper.answer() for helper in both) / 2
                rows.append({**known, "peer": TWO, "seconds": halved, "start": starts["bnbench"]})
        for helper in (limits, second, *peers.values()):
            helper.stop()
        print(f"  {name}: measured", file=sys.stderr, flush=True)
        yield pd.DataFrame(rows)


def flops_of(name: str, variant: str) -> float:
    """Return the FLOPs of the products of one step."""
    asked = program(name, variant)
    return NETWORKS[name].flops(asked.batch_size, asked.facts.shape, len(asked.facts.classes))


def summary(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row per network, variant and peer: medians over rounds, and the ratio to two trials of bnbench.

    `share` is the share of the fastest product on the cores in use: one core for one trial of bnbench, otherwise two.
    """
    ours = measured[measured["peer"] == TWO].set_index(["network", "variant", "round"])["seconds"].rename("ours")
    table = measured.join(ours, on=["network", "variant", "round"])
    table["ratio"] = table["seconds"] / table["ours"]
    table["gflops"] = table["flops"] / table["seconds"] / 1e9
    cores = table["peer"].map(lambda peer: 1 if peer == PEERS["bnbench"][2] else 2)
    table["share"] = table["gflops"] / table["limit"] / cores
    grouped = table.groupby(["network", "variant", "peer"], sort=False)
    return grouped.agg(
        microseconds=("seconds", lambda s: s.median() * 1e6),
        lowest=("seconds", lambda s: s.min() * 1e6),
        highest=("seconds", lambda s: s.max() * 1e6),
        start_seconds=("start", "median"),
        gflops=("gflops", "median"),
        share=("share", "median"),
        ratio=("ratio", "median"),
        ratio_lowest=("ratio", "min"),
        ratio_highest=("ratio", "max"),
        rounds=("round", "nunique"),
    ).reset_index()
