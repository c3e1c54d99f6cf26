"""`make soak`: kills, damage, bad input, many trials; the table of the counts goes into docs/reliability.md."""

import argparse
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from robustness.soak import load
from support import damage, kills
from support.paths import ROOT

FOUND = Path(__file__).parent / "found.json"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- written by `make soak` -->\n", "<!-- until here -->\n"
MOMENTS = 200
FLIPS = 10_000
# A sample of about 23,000, which take more than five minutes.
MUTATIONS = "4000"


def _corpus(name: str, *words: str) -> Callable[[], dict[str, Any]]:
    """Return a function that runs a corpus of the tests in a separate process, so that its memory can be measured."""

    def run() -> dict[str, Any]:
        command = [sys.executable, "-m", f"support.{name}", *words]
        return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout))

    return run


PARTS: dict[str, tuple[str, Callable[[], Mapping[str, Any]]]] = {
    "kills": (f"SIGKILL at {MOMENTS} random moments of sweeps", lambda: kills.run(MOMENTS)),
    "damage": (f"{MOMENTS} damaged databases, {FLIPS:,} with one bit flipped", lambda: damage.run(MOMENTS, FLIPS)),
    "configs": ("broken configs", _corpus("broken_configs", MUTATIONS)),
    "data": ("broken data files", _corpus("broken_data")),
    "commands": ("10,000 trials: seconds, medians of 3", load.commands),
    "memory": ("2,000 trials: memory", load.memory),
}


def main() -> None:
    """Run the requested parts; without arguments, all parts."""
    parser = argparse.ArgumentParser(prog="python -m robustness.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; default: all")
    asked = parser.parse_args().parts or list(PARTS)
    if wrong := set(asked) - set(PARTS):
        parser.error(f"{', '.join(sorted(wrong))}: not one of {', '.join(PARTS)}")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in {"BNBENCH_DATA", "BNBENCH_CACHE"} & os.environ.keys():
        # The commands run in temporary folders.
        os.environ[name] = str(Path(os.environ[name]).absolute())
    found = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
    for name in asked:
        began = time.monotonic()
        counts = dict(PARTS[name][1]())
        found[name] = {"on": _on(), "minutes": round((time.monotonic() - began) / 60, 1), "found": counts}
        print(f"{name}: {counts}", file=sys.stderr, flush=True)
        FOUND.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        _write(found)


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
        f"| {title} | {_counts_as_text(found[name]['found'])} | {found[name]['minutes']} | {found[name]['on']} |"
        for name, (title, _) in PARTS.items()
        if name in found
    ]
    PAGE.write_text(before + BEGIN + "\n".join(rows) + "\n" + END + rest.partition(END)[2], encoding="utf-8")


def _counts_as_text(counts: Mapping[str, Any]) -> str:
    texts = {name: f"{value:.3g}" if isinstance(value, float) else f"{value:,}" for name, value in counts.items()}
    return ", ".join(f"{name} {value}" for name, value in texts.items())


if __name__ == "__main__":
    main()
