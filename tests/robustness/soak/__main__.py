"""`make soak`: kills, damage, bad input, many trials, equality with `fit`; writes a table into docs/reliability.md."""

import argparse
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustness.soak import equal, load
from support import damage, kills
from support.corpus import run_corpus
from support.paths import ROOT

FOUND = Path(__file__).parent / "found.json"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- written by `make soak` -->\n", "<!-- until here -->\n"


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    moments: int  # kills, and damaged databases
    flips: int  # databases with one flipped bit
    # Of some 23,000 broken configs that are made by changing good ones: not all were through after five minutes.
    mutations: int
    stored: int  # trials of the store that the commands read
    repeats: int  # measurements of each command, of which the median counts
    trained: int  # trials over which memory is watched
    step: int  # every such case of the comparison with `fit`


WHOLE = Size(moments=200, flips=10_000, mutations=4000, stored=10_000, repeats=3, trained=2_000, step=1)
SHORT = Size(moments=4, flips=200, mutations=40, stored=400, repeats=1, trained=400, step=40)


# For each part the title of its row, and what it runs.
PARTS: dict[str, tuple[Callable[[Size], str], Callable[[Size], Mapping[str, Any]]]] = {
    "kills": (lambda s: f"SIGKILL at {s.moments} random moments of sweeps", lambda s: kills.run(s.moments)),
    "damage": (
        lambda s: f"{s.moments} damaged databases, {s.flips:,} with one bit flipped",
        lambda s: damage.run(s.moments, s.flips),
    ),
    "configs": (lambda s: "broken configs", lambda s: run_corpus("broken_configs", str(s.mutations))[0]),
    "data": (lambda s: "broken data files", lambda s: run_corpus("broken_data")[0]),
    "commands": (
        lambda s: f"{s.stored:,} trials: seconds, medians of {s.repeats}",
        lambda s: load.commands(s.stored, s.repeats),
    ),
    "equal": (
        lambda s: "optimizers x options, layers and schedules against `fit`, float64, 3 seeds",
        lambda s: equal.run(s.step),
    ),
    "memory": (lambda s: f"{s.trained:,} trials: memory", lambda s: load.memory(s.trained)),
}
# Counts that must be zero.
FAULTS = {"lost", "twice", "different", "wrong", "crashed", "not refused as they should be", "bytes written outside"}


def main() -> int:
    """Run the parts that are named, or all; return 1 if the short form finds a fault."""
    parser = argparse.ArgumentParser(prog="python -m robustness.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--short", action="store_true", help="a little of each, for CI; the page is not written")
    arguments = parser.parse_args()
    names = arguments.parts or list(PARTS)
    if unknown := set(names) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(PARTS)}")
    logging.basicConfig(level=logging.WARNING if arguments.short else logging.INFO, format="%(message)s")
    for name in {"BNBENCH_DATA", "BNBENCH_CACHE"} & os.environ.keys():
        # The commands run in folders of their own.
        os.environ[name] = str(Path(os.environ[name]).absolute())
    return _run_short(names) if arguments.short else _run_whole(names)


def _run_short(names: Sequence[str]) -> int:
    faults = 0
    for name in names:
        counts = dict(PARTS[name][1](SHORT))
        print(f"{name}: {counts}", file=sys.stderr, flush=True)
        faults += sum(count for kind, count in counts.items() if kind in FAULTS)
    return bool(faults)


def _run_whole(names: Sequence[str]) -> int:
    found = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
    for name in names:
        began = time.monotonic()
        counts = dict(PARTS[name][1](WHOLE))
        found[name] = {"on": _on(), "minutes": round((time.monotonic() - began) / 60, 1), "found": counts}
        print(f"{name}: {counts}", file=sys.stderr, flush=True)
        FOUND.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        _write(found)
    return 0


def _on() -> str:
    """Return the date and the commit; the page names the machine."""
    words = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()
    return f"{time.strftime('%Y-%m-%d')}, {commit or 'no commit'}"


def _write(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the table into the page, between its two markers."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    rows = ["| what | found | minutes | on |", "|---|---|---|---|"]
    rows += [
        f"| {title(WHOLE)} | {_counts_as_text(found[name]['found'])} | {found[name]['minutes']} | {found[name]['on']} |"
        for name, (title, _) in PARTS.items()
        if name in found
    ]
    PAGE.write_text(before + BEGIN + "\n".join(rows) + "\n" + END + rest.partition(END)[2], encoding="utf-8")


def _counts_as_text(counts: Mapping[str, Any]) -> str:
    texts = {name: f"{value:.3g}" if isinstance(value, float) else f"{value:,}" for name, value in counts.items()}
    return ", ".join(f"{name} {value}" for name, value in texts.items())


if __name__ == "__main__":
    sys.exit(main())
