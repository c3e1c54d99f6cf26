"""Damages stores at random places: damage must be reported, left out or repaired, and no value may change."""

import logging
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from bnbench.config.load import check_config
from bnbench.data.types import DatasetInfo
from bnbench.errors import BnbenchError
from bnbench.planning import plan
from bnbench.planning.plan import Plan
from bnbench.planning.trial import Epoch, Result, Scores, Series
from bnbench.results.results import Results
from bnbench.store import repair, store

PAGE = repair.PAGE
EXPERIMENT = {
    "name": "damage",
    "data": {"name": "digits"},
    "model": {"layers": [{"dense": 8}, "norm", {"dense": "$classes"}]},
    "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}},
    "train": {"epochs": 10},
    "sweep": {"learning_rate": [0.01, 0.1, 1.0], "seeds": 4},
}
FACTS = DatasetInfo("digits", "made up", "", (5,), "float32", ("a", "b", "c"), 75, 0, 0)


def run(times: int, flips: int = 0, seed: int = 0) -> dict[str, int]:
    """Damage a store this many times, and count the kinds of damage and their effects.

    Each store is one of `refused` (with a message that names it), `left out` (some trials are left out, with a warning)
    and `harmless`. The other counts are `wrong` (a value that was not stored is shown), `crashed` (an error without a
    message), and `trials lost` (in `repair`) of `trials`. After `repair`, when the missing trials are stored again,
    everything must be as before.

    Args:
        flips: how many further stores have one bit flipped. They are read and repaired, but not completed, which takes
            most of the time.
    """
    draw = random.Random(seed)
    counts: Counter[str] = Counter(wrong=0, crashed=0)
    with tempfile.TemporaryDirectory() as folder:
        intact = Path(folder, "intact")
        keep(intact)
        before = tables(intact)
        for number in range(times + flips):
            name, harm = draw.choice(list(HARMS.items())) if number < times else ("bit flipped", flip)
            place = Path(folder, str(number))
            place.mkdir()
            content = harm((intact / store.DATABASE).read_bytes(), draw)
            (place / store.DATABASE).write_bytes(content)
            counts[name] += 1
            try:
                counts[judged(place, before)] += 1
                counts.update(repaired(place, before, complete=number < times))
            except BnbenchError:
                counts["wrong"] += 1
            # Any other error is counted: a damaged store must never end in one.
            except Exception:
                logging.exception("store %d, %s", number, name)
                counts["crashed"] += 1
            shutil.rmtree(place)
    return dict(counts)


def judged(folder: Path, before: tuple[pd.DataFrame, ...]) -> str:
    """Return what a reader of the store gets: `refused`, `left out`, `harmless`, or `wrong`."""
    with warnings() as logged:
        try:
            found = tables(folder)
        except BnbenchError:
            return "refused"
    if not all(part_of(*pair) for pair in zip(found, before, strict=True)):
        return "wrong"
    if len(found[0]) == len(before[0]):
        return "harmless"
    return "left out" if logged or len(found[0]) < Results(folder).planned else "wrong"


def repaired(folder: Path, before: tuple[pd.DataFrame, ...], complete: bool) -> Iterator[str]:
    """Repair a store; yield `trials lost` per lost trial, and `wrong` if storing the lost trials gives other tables."""
    try:
        with warnings():
            repair.repair_database(folder)
            with store.open_for_reading(folder) as opened:
                stored = opened.states()
    # Nothing of it can be read, so a user would move it away.
    except BnbenchError:
        (folder / store.DATABASE).unlink()
        stored = {}
    yield from ["trials"] * len(before[0])
    yield from ["trials lost"] * (len(before[0]) - len(stored))
    if not complete:
        return
    with warnings() as logged:
        keep(folder, stored)
        found = tables(folder)
    if logged or not all(ours.equals(theirs) for ours, theirs in zip(found, before, strict=True)):
        yield "wrong"


def keep(folder: Path, stored: dict[str, str] | None = None) -> None:
    """Store every trial that is not in `stored`."""
    planned = experiment()
    with store.open_for_writing(folder) as opened:
        # Waiting for the disk would take most of the time, and only matters when the power fails.
        opened._db.execute("PRAGMA synchronous = OFF")
        opened.set_plan(planned)
        for number, trial in enumerate(planned.trials):
            if trial.id not in (stored or {}):
                opened.add(ended(planned, number))


@cache
def experiment() -> Plan:
    """Return a plan of 24 trials."""
    return plan.make_plan(check_config(EXPERIMENT, "damage"), lambda settings: FACTS, "damage")


def ended(planned: Plan, number: int) -> Result:
    """Return a made-up result of a trial; the same number gives the same result."""
    draw = np.random.default_rng(number)
    losses = draw.random(200 + 80 * number, np.float32)
    steps = len(losses) // 10
    epochs = tuple(Epoch(i, i * steps, *(draw.random(4).tolist()), 0.1 * i) for i in range(11))
    scores = Scores(*draw.random(2).tolist())
    program = planned.cohorts[number >= len(planned.cohorts[0].trials)].program.key
    result = Result(
        planned.trials[number].id, program, 57, epochs, losses, None, scores, 3, scores, scores, engine="xla"
    )
    # Every third trial has measurements.
    positions = np.arange(11.0)
    series = [Series("weight_norm", layer, "", positions, draw.random(11)) for layer in ("dense_0", "dense_1")]
    return result if number % 3 else replace(result, measurements=tuple(series))


def tables(folder: Path) -> tuple[pd.DataFrame, ...]:
    """Return the trials, the history and the measurements of a results folder."""
    results = Results(folder)
    return results.trials, results.history, results.measurements("weight_norm")


def part_of(ours: pd.DataFrame, theirs: pd.DataFrame) -> bool:
    """Return True if each trial of ours has the same rows as in theirs."""
    same = theirs[theirs["trial"].isin(set(ours["trial"]))].reset_index(drop=True)
    return bool(ours.reset_index(drop=True).equals(same))


@contextmanager
def warnings() -> Iterator[list[str]]:
    """Collect the warnings that are logged inside the block, and do not show them."""
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("bnbench")
    log.addHandler(handler)
    log.propagate = False
    try:
        yield logged
    finally:
        log.removeHandler(handler)
        log.propagate = True


def flip(content: bytes, draw: random.Random) -> bytes:
    """Flip one bit, anywhere."""
    changed = bytearray(content)
    changed[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(content: bytes, draw: random.Random) -> bytes:
    """Cut off the end."""
    return content[: draw.randrange(1, len(content))]


def zero(content: bytes, draw: random.Random) -> bytes:
    """Fill a page with zeros."""
    start = draw.randrange(len(content) // PAGE) * PAGE
    return content[:start] + bytes(PAGE) + content[start + PAGE :]


def garble(content: bytes, draw: random.Random) -> bytes:
    """Write up to 64 random bytes, anywhere."""
    start = draw.randrange(len(content))
    garbage = draw.randbytes(min(draw.randint(1, 64), len(content) - start))
    return content[:start] + garbage + content[start + len(garbage) :]


def swap(content: bytes, draw: random.Random) -> bytes:
    """Replace a page with a copy of another one."""
    to, of = (draw.randrange(len(content) // PAGE) * PAGE for _ in range(2))
    return content[:to] + content[of : of + PAGE] + content[to + PAGE :]


HARMS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bit flipped": flip,
    "cut": cut,
    "page zeroed": zero,
    "bytes garbled": garble,
    "page swapped": swap,
}
