"""`make cluster`: a sweep on two nodes of a Ray cluster, one of which is killed, and a sweep in three parts.

Both must have the bits of one run on this machine. With `--short`, most of it is left to tests/execution/
test_ray_cluster.py, whose trainers train nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import bnbench
from bnbench.errors import BnbenchError
from bnbench.results.results import Results
from bnbench.store import store
from support.paths import ROOT
from support.ray_nodes import RayNodes
from support.stored import change

# What two runs of the same trials do not share.
OF_A_RUN = ["seconds", "seconds_per_step", "worker"]
SWEEP = ["-o", "sweep.learning_rate={from: 1e-3, to: 10, points: 5}"]


def run(folder: Path, *words: str) -> "subprocess.Popen[bytes]":
    """Start `bnbench run` on the quickstart experiment."""
    command = [
        sys.executable,
        "-m",
        "bnbench",
        "run",
        "configs/quickstart.yaml",
        "--quiet",
        "--results-dir",
        str(folder),
    ]
    return subprocess.Popen([*command, *SWEEP, *words], cwd=ROOT, stdout=subprocess.DEVNULL)


def ended(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a command.

    Raises:
        AssertionError: it failed.
    """
    code = process.wait()
    assert code == 0, f"{process.args}: exit code {code}"


def same_bits(first: Results, second: Results) -> bool:
    """Return whether all trials have the same values in all epochs."""
    trials, others = (one.trials.drop(columns=OF_A_RUN) for one in (first, second))
    curves, other_curves = (one.history.drop(columns="seconds") for one in (first, second))
    return bool(trials.equals(others) and curves.equals(other_curves))


def stored(folder: Path) -> int:
    """Return how many trials a run has stored so far."""
    try:
        with store.open_for_reading(folder) as opened:
            return opened.counts().ended
    except BnbenchError:
        return 0


def on_a_cluster(folder: Path, here: Results, seeds: str) -> Iterator[str]:
    """Train on two nodes, of which one is killed in the middle; yield what was found."""
    with RayNodes() as nodes:
        second = nodes.add()
        yield f"two nodes at {nodes.address}"
        began = time.monotonic()
        process = run(folder, "-o", seeds, "--executor", "ray", "--address", nodes.address)
        while stored(folder / "quickstart") < len(here.trials) // 2:
            assert process.poll() is None, "the run ended before its node was killed"
            time.sleep(0.2)
        nodes.kill(second)
        ended(process)
        seconds = time.monotonic() - began
    results = bnbench.open(folder / "quickstart")
    assert len(results.trials) == results.planned, f"{len(results.trials)} of {results.planned} trials"
    assert not results.faults, results.faults
    assert same_bits(results, here), "other bits than --jobs 2"
    count = f"{len(results.trials)} of {results.planned} trials"
    yield f"one node killed in the middle: {count} once, same bits, {seconds:.0f} s"


def in_parts(folder: Path, here: Results, seeds: str) -> Iterator[str]:
    """Train three parts and merge them; change one digit of a trial that two of them have; yield what was found."""
    for number in (1, 2, 3):
        ended(run(folder, "-o", seeds, "--part", f"{number}/3", "--overlap", "1"))
    parts = sorted(folder.glob("quickstart-part-*"))
    merged = merge(folder / "merged", parts)
    assert merged.returncode == 0, merged.stderr
    assert same_bits(bnbench.open(folder / "merged"), here), "other bits than one run"
    line = next(line for line in merged.stdout.splitlines() if "in several folders" in line)
    yield f"three parts merged to the bits of one run; {line}"
    trials = bnbench.open(parts[1]).trials
    victim = trials[(trials["seed"] == trials["seed"].min()) & (trials["status"] == "completed")]["trial"].iloc[0]
    change(parts[1], "UPDATE history SET train_loss = train_loss + 1e-7 WHERE trial = ? AND epoch = 1", (victim,))
    altered = merge(folder / "altered", parts)
    assert altered.returncode == 3, altered.stdout
    assert victim in altered.stderr
    yield "one altered digit in a duplicate is found: exit code 3"


def merge(out: Path, parts: Sequence[Path]) -> "subprocess.CompletedProcess[str]":
    """Merge folders."""
    words = [sys.executable, "-m", "bnbench", "merge", str(out), *map(str, parts)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


def main() -> None:
    """Do all of it, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m robustness.cluster", description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer trials")
    seeds = "sweep.seeds=3" if parser.parse_args().short else "sweep.seeds=9"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ended(run(folder / "here", "-o", seeds, "--jobs", "2"))
        here = bnbench.open(folder / "here" / "quickstart")
        for part, check in (("cluster", on_a_cluster), ("parts", in_parts)):
            for line in check(folder / part, here, seeds):
                print(f"{part}: {line}", flush=True)


if __name__ == "__main__":
    main()
