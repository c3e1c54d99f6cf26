"""How often the intervals of bnbench hold the truth: simulated trials, judged by the functions that judge real ones.

`make coverage` (`python -m benchmarks.coverage`) takes some minutes on one core and writes
docs/explanation/coverage.md.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.coverage_sweeps import Sweep, as_table, draw, truth
from bnbench.analysis import paired
from bnbench.analysis.axis_ranges import AxisRange, compare_ranges, range_across
from bnbench.analysis.cells import Cells
from bnbench.analysis.collapses import find_collapses
from bnbench.analysis.edge import EdgePosterior, edge_ratio, place_edges, seed_outcomes
from bnbench.analysis.intervals import clopper_pearson
from bnbench.analysis.look_levels import looks_up_to
from bnbench.analysis.mean_interval import mean_interval
from bnbench.analysis.per_seed import PerSeedScores, per_seed_scores
from bnbench.analysis.registry import DIFFERENCE_BOUNDS, METRICS
from bnbench.analysis.sequential import look_at
from bnbench.analysis.variant_tables import variant_table
from bnbench.config.expectations import Claim
from bnbench.results.findings import find_comparison
from bnbench.results.pairs import pair_up
from bnbench.results.widths import find_width

PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "coverage.md"
BEGIN, END = "<!-- coverage -->", "<!-- /coverage -->"
SEEDS = (3, 5, 10)
MORE_SEEDS = 30
# Of each model; values alone are cheaper than sweeps.
SWEEPS, VALUES, PATHS = 400, 2_000, 20_000
# A share of repetitions without an interval, in percent, that is named.
NAMED = 0.5

Ends = tuple[float, float]


class Row(NamedTuple):
    """One line of the page.

    Attributes:
        interval, model: in words.
        seeds: number of seeds.
        nominal: the confidence that the interval names, in percent.
        held: the share of the intervals that held the truth, in percent.
        missing: the share of repetitions without an interval, in percent.
        repetitions: number of repetitions.
    """

    interval: str
    model: str
    seeds: int
    nominal: int
    held: float
    missing: float
    repetitions: int


def count(interval: str, model: str, seeds: int, found: Iterable[Ends], true: float) -> Row:
    """Return the row of some intervals."""
    ends = np.array(list(found), float)
    known = ends[~np.isnan(ends).any(axis=1)]
    # A sum in another order may differ in the last digits.
    held = (known[:, 0] <= true + 1e-9) & (known[:, 1] >= true - 1e-9)
    share = 100 * float(held.mean()) if len(known) else math.nan
    return Row(interval, model, seeds, 95, share, 100 * (1 - len(known) / len(ends)), len(ends))


MODELS = {
    "edges differ by 0.09 decades": Sweep(),
    "edges differ by 0.2 decades": Sweep(edge_sd=0.2),
    "each training differs by 1.5 points": Sweep(training_sd=0.015),
    "steps of 0.1 decade": Sweep(step=0.1),
}
OVER_RATES = {
    "score_regret": ("difference of regret", "regret"),
    "lr_sensitivity": ("difference of LR sensitivity", "sensitivity"),
}


def of_sweeps(repetitions: int = SWEEPS, seeds: Iterable[int] = SEEDS) -> Iterator[Row]:
    """Yield the rows of intervals that belong to a whole sweep of two variants."""
    for model, sweep in MODELS.items():
        true = truth(sweep)
        wanted = {
            "difference of test scores at own best rates": true["at best"],
            "test score at the best rate": true["of"]["plain"]["at best"],
            "difference of test scores at one rate": true["test"][0],
            "ratio of test losses at one rate": true["log loss"][0],
            **{title: true[name] for title, name in OVER_RATES.values()},
            "difference of stable widths": true["width"],
            "ratio of edges": sweep.variants["batchnorm"].edge - sweep.variants["plain"].edge,
        }
        for n in seeds:
            generator = np.random.default_rng(n)
            found = [_judge_sweep(as_table(sweep, draw(sweep, n, generator))) for _ in range(repetitions)]
            for interval, value in wanted.items():
                yield count(interval, model, n, [one[interval] for one in found], value)


def _judge_sweep(table: pd.DataFrame) -> dict[str, Ends]:
    """Return the ends of the intervals of one sweep, as tables, claims and answers have them."""
    cells = Cells(table)
    grid = np.sort(table["learning_rate"].unique())
    (best,) = paired.at_own_best(cells, "plain").to_dict("records")
    score, loss = (paired.at_equal_rate(cells, "plain", name).iloc[0] for name in ("test_score", "test_loss"))
    plain = variant_table(cells, "plain").set_index("variant").loc["plain"]
    edges = {name: one.edge() for name, one in place_edges(cells.places[0]).items()}
    ratio = edge_ratio(edges["batchnorm"], edges["plain"])
    width = find_width("difference", cells.scored, "batchnorm", "plain")
    found = {
        "difference of test scores at own best rates": (best["low"], best["high"]),
        "test score at the best rate": (plain["judged_low"], plain["judged_high"]),
        "difference of test scores at one rate": (score["low"], score["high"]),
        "ratio of test losses at one rate": (math.log(loss["ratio_low"]), math.log(loss["ratio_high"])),
        "difference of stable widths": (width.low, width.high),
        "ratio of edges": (_log10(ratio[1]), _log10(ratio[2])),
    }
    for name, (title, _) in OVER_RATES.items():
        claim = Claim.model_validate({"text": "x", "of": "batchnorm", "metric": name, "difference": {"at_most": 0}})
        own, other = (per_seed_scores(claim, part, grid) for part in _parts(cells.scored))
        one = find_comparison("difference", pair_up(METRICS[name], own, other, ("batchnorm", "plain")))
        found[title] = one.low, one.high
    return found


def _parts(scored: pd.DataFrame) -> list[pd.DataFrame]:
    return [scored[scored["variant"] == name] for name in ("batchnorm", "plain")]


def _log10(ratio: float) -> float:
    return math.log10(ratio) if ratio > 0 else -math.inf


def of_edges(repetitions: int = VALUES // 4) -> Iterator[Row]:
    """Yield the rows of the edge of one variant, on grids of several steps."""
    for step in (0.25, 0.1, 0.05):
        grid = np.arange(-2, 1 + step / 2, step)
        for sd in (0.09, 0.2):
            for n in SEEDS:
                generator, found = np.random.default_rng(n), []
                for _ in range(repetitions):
                    # The edge is anywhere within a step.
                    middle = -0.5 + generator.uniform(-step / 2, step / 2)
                    tops = middle + generator.normal(0, sd, n)
                    rates, seeds = np.tile(10**grid, n), np.repeat(np.arange(n), len(grid))
                    said = seed_outcomes(rates, seeds, np.log10(rates) < np.repeat(tops, len(grid)), 10 ** grid[0])
                    edge = EdgePosterior(said, -2.0, 1.0).edge()
                    found.append((edge.low - middle, edge.high - middle))
                yield count("edge", f"steps of {step:g}, edges differ by {sd:g} decades", n, found, 0.0)


def of_values(repetitions: int = VALUES) -> Iterator[Row]:
    """Yield the rows of means of values that need no sweep."""
    for n in (*SEEDS, MORE_SEEDS):
        generator = np.random.default_rng(n)
        for share in (0.05, 0.2):
            yield from _collapsing(n, share, repetitions, generator)
        yield from _around_the_level(n, repetitions, np.random.default_rng(n))
        rounded = np.minimum(np.round(generator.normal(0.998, 0.002, (repetitions, 2, n)) * 360) / 360, 1)
        found = [mean_interval(one[0] - one[1], ties_at=(0.0,)) for one in rounded]
        yield count("difference of scores", "at a ceiling of 1", n, [(one.low, one.high) for one in found], 0.0)
        logs = generator.normal(0, 1, (repetitions, 2, n))
        found = [mean_interval(one[0] - one[1]) for one in logs]
        yield count("ratio of losses", "lognormal, SD 1", n, [(one.low, one.high) for one in found], 0.0)


def _collapsing(n: int, share: float, repetitions: int, generator: np.random.Generator) -> Iterator[Row]:
    """Yield the rows of differences of which some are 80 points, because the other training collapsed."""
    model, found, healthy = f"{share:.0%} of the trainings of one variant collapse by 80 points", [], []
    for _ in range(repetitions):
        failed = generator.random(n) < share
        values = generator.normal(0.01, 0.01, n) + 0.8 * failed
        one = mean_interval(values, failed.tolist(), DIFFERENCE_BOUNDS, (0.0,))
        alone = mean_interval(values[~failed])
        # Without a collapse among the seeds, the interval is about healthy trainings.
        if failed.any() and not failed.all():
            found.append((one.low, one.high))
        healthy.append((alone.low, alone.high))
    yield count("mean over all pairs (betting), where a collapse was seen", model, n, found, 0.01 + 0.8 * share)
    yield count("mean of the healthy pairs", model, n, healthy, 0.01)


def _around_the_level(n: int, repetitions: int, generator: np.random.Generator) -> Iterator[Row]:
    """Yield the rows of scores on both sides of the level of a training that trains, without a gap between them."""
    models: dict[str, tuple[float, float, Callable[[], NDArray[Any]]]] = {
        "scores that differ by 1 point, half of them below the level": (
            0.5, 0.5, lambda: generator.normal(0.5, 0.01, n),
        ),
        "scores anywhere from 10 to 80%, half of them below the level": (
            0.45, 0.45, lambda: generator.uniform(0.1, 0.8, n),
        ),
        "80%, but half of the trainings end anywhere from 10 to 70%": (
            0.6, 0.45, lambda: np.where(generator.random(n) < 0.5, generator.uniform(0.1, 0.7, n),
                                        generator.normal(0.8, 0.01, n)),
        ),
    }  # fmt: skip
    never = np.zeros(n, bool)
    for model, (mean, level, make) in models.items():
        found: list[tuple[float, float]] = []
        while len(found) < repetitions:
            scores = make()
            trains = scores >= level
            if trains.any() and not trains.all() and not find_collapses(scores, never, level, 0.1, math.inf).any():
                one = mean_interval(scores)
                found.append((one.low, one.high))
        yield count("mean of seeds on both sides of the level, without a gap", model, n, found, mean)


def of_ranges(repetitions: int = VALUES // 4) -> Iterator[Row]:
    """Yield the rows of the range across six values of an axis, and of the difference of two such ranges."""
    models = {"six equal values": np.zeros(6), "six values, 1 point apart": np.arange(6) / 100}
    for model, means in models.items():
        for n in SEEDS:
            generator = np.random.default_rng(n)
            ranges = [[_range(means, sd, families, n, generator) for sd, families in ((0.01, 1), (0.01, 2), (0.002, 2))]
                      for _ in range(repetitions)]  # fmt: skip
            single = [(one[0].low, one[0].high) for one in ranges]
            both = [compare_ranges("difference", one[1], one[2]) for one in ranges]
            yield count("range across an axis", model, n, single, float(np.ptp(means)))
            ends = [(one.low, one.high) for one in both]
            yield count("difference of two ranges", f"{model}, SDs of 1 and 0.2 points", n, ends, 0.0)


def _range(means: Any, sd: float, families: int, n: int, generator: np.random.Generator) -> AxisRange:
    samples = [PerSeedScores(pd.Series(0.9 + generator.normal(mean, sd, n))) for mean in means]
    return range_across(samples, DIFFERENCE_BOUNDS, families)


def of_shares() -> Iterator[Row]:
    """Yield the rows of the share of seeds at which something holds: the lowest coverage of any true share."""
    for n in (*SEEDS, MORE_SEEDS):
        shares = np.linspace(0.005, 0.995, 199)
        ends = [clopper_pearson(k, n) for k in range(n + 1)]
        chances = [[math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)] for p in shares]
        held = [sum(c for c, (low, high) in zip(row, ends, strict=True) if low <= p <= high)
                for p, row in zip(shares, chances, strict=True)]  # fmt: skip
        yield Row("share of seeds", "the worst true share (exact)", n, 95, 100 * min(held), 0.0, len(shares))


def of_looks(paths: int = PATHS, most: int = MORE_SEEDS) -> Iterator[Row]:
    """Yield the rows of the repeated t interval: how often all looks at differences without an effect hold 0."""
    draws: dict[str, Callable[[np.random.Generator], Any]] = {
        "normal": lambda generator: generator.standard_normal((paths, most)),
        "Student's t with 3 degrees of freedom": lambda generator: generator.standard_t(3, (paths, most)),
        "skewed (exponential)": lambda generator: generator.exponential(1, (paths, most)) - 1,
    }
    for model, drawn in draws.items():
        values = drawn(np.random.default_rng(0))
        held = np.ones(paths, bool)
        for n in looks_up_to(most):
            for i in np.flatnonzero(held):
                look = look_at(values[i, :n], most)
                held[i] = look.low <= 0 <= look.high
        yield Row("repeated t interval, all looks", model, most, 95, 100 * float(held.mean()), 0.0, paths)


PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    "sweeps": of_sweeps, "edges": of_edges, "values": of_values, "ranges": of_ranges, "shares": of_shares,
    "looks": of_looks,
}  # fmt: skip


def as_markdown(rows: Iterable[Row]) -> str:
    """Return a table with a line for each interval and model, and a column for each number of seeds."""
    lines: dict[tuple[str, str, int], dict[int, Row]] = {}
    for row in rows:
        lines.setdefault((row.interval, row.model, row.nominal), {})[row.seeds] = row
    numbers = (*SEEDS, MORE_SEEDS)
    header = ["interval", "model", "nominal", *(f"{n} seeds" for n in numbers), "repetitions"]
    table = [header, ["---"] * len(header)]
    for (interval, model, nominal), by_seeds in sorted(lines.items(), key=lambda line: line[0][0]):
        cells = [_cell(by_seeds.get(n)) for n in numbers]
        most = max(row.repetitions for row in by_seeds.values())
        table.append([interval, model, f"{nominal}%", *cells, f"{most:,}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in table)


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    held = "-" if math.isnan(row.held) else f"{row.held:.1f}%"
    return f"{held} (none in {row.missing:.0f}%)" if row.missing >= NAMED else held


def replace_block(page: str, table: str) -> str:
    """Return the page with another table between its two marks."""
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def main() -> None:
    """Measure all parts, or some of them, and print the table; all of them renew the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}; by default all, which renews the page")
    asked = parser.parse_args().parts
    if wrong := set(asked) - set(PARTS):
        parser.error(f"{', '.join(sorted(wrong))}: not one of {', '.join(PARTS)}")
    began, rows = time.perf_counter(), []
    for name in asked or PARTS:
        rows += list(PARTS[name]())
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    table = as_markdown(rows)
    print(table)
    if not asked:
        PAGE.write_text(replace_block(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")


if __name__ == "__main__":
    main()
