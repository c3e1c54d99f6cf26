"""`make fuzz`: fuzz each reader for a while, then try made-up experiments; what breaks bnbench is stored in found/."""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from robustness.fuzzing.models import FOUND, add_options, fuzz_models
from support.fuzz_targets import Target, targets
from support.paths import ROOT


def _of(name: str) -> Iterator[Path]:
    """Yield the files that broke a target."""
    for kind in ("crash", "timeout", "oom", "leak"):
        yield from FOUND.glob(f"{name}-{kind}-*")


def fuzz(name: str, target: Target, seconds: int) -> tuple[int, list[str]]:
    """Fuzz a target; return how often it was run, and the new files that broke it."""
    FOUND.mkdir(exist_ok=True)
    before = set(_of(name))
    with TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds()):
            Path(corpus, str(number)).write_bytes(seed)
        options = ["-print_final_stats=1", "-timeout=10", "-rss_limit_mb=1500", "-max_len=20000", "-verbosity=1"]
        options += [f"-max_total_time={seconds}", f"-artifact_prefix={FOUND}/{name}-", corpus]
        done = subprocess.run(
            [sys.executable, "-m", "robustness.fuzzing.one", name, *options],
            capture_output=True, text=True, cwd=ROOT, errors="replace",
            env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}:{os.environ.get('PYTHONPATH', '')}"},
        )  # fmt: skip
    new = sorted(str(path.relative_to(ROOT)) for path in set(_of(name)) - before)
    runs = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    if done.returncode or not runs:
        print(done.stderr[-3000:], file=sys.stderr)
    return int(runs[1]) if runs else 0, new


def main() -> int:
    """Print one line per target; return 1 if an input broke a target."""
    known = targets()
    names = [*known, "models"]
    parser = argparse.ArgumentParser(prog="python -m robustness.fuzzing", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TARGET", help=f"one of {', '.join(names)}; default: all")
    parser.add_argument("--seconds", type=int, default=60, help="seconds for each reader; default: 60")
    add_options(parser)
    asked = parser.parse_args()
    unknown = set(asked.names) - set(names)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    every: list[str] = []
    chosen = asked.names or names
    for name in [name for name in chosen if name in known]:
        runs, found = fuzz(name, known[name], asked.seconds)
        print(f"{name}: {runs:,} runs, {runs / asked.seconds:,.0f} a second, {len(found)} found", *found, flush=True)
        every += found
    bugs = fuzz_models(asked.seed, asked.count, asked.train) if "models" in chosen else 0
    return bool(every or bugs)


if __name__ == "__main__":
    sys.exit(main())
