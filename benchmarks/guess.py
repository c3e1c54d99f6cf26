"""How near the edges that `bnbench guess` predicts are to those of finished sweeps, on ten configs.

`python -m benchmarks.guess` trains a few hundred steps of each network of the ten configs, which were named before
anybody looked at a prediction or at an edge. The edges are those of the committed `results/`: where the mean validation
score of a variant, from its best rate upward, falls below halfway from chance to the best mean of any variant. The
quickstart has no committed results, so its sweep is trained. Two committed sweeps, which are cheap, end below some
edges, so three seeds are trained at higher rates, too.
"""

import argparse
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import bnbench
from bnbench.analysis.labels import format_axes
from bnbench.analysis.lr_metrics import half_level
from bnbench.analysis.per_seed import matches_axes
from bnbench.commands.experiment import ExperimentRequest
from bnbench.commands.guess import GuessSummary, guess_edges
from bnbench.planning.predictors.registry import find_predictors

REPOSITORY = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "guess.csv"
# Dense and convolutional networks, relu and sigmoid, SGD, RMSprop and Adam, with and without warm-up, on six data sets.
CONFIGS = (
    "quickstart",
    "leaf",
    "letter-mlp",
    "ioffe-sigmoid",
    "claims/higher-rates",
    "claims/initialisation",
    "claims/faster-training",
    "claims/smoother-curves",
    "questions/sentiment-network-as-asked",
    "raw-inputs",
)
# Rates above those of the committed sweep.
HIGHER = {"claims/faster-training": [3.2, 10.0], "raw-inputs": [0.32, 1.0, 3.2, 10.0]}
HIGHER_SEEDS = 3
RESAMPLES = 2_000
# What a sweep says about an edge where it has no number.
ABOVE, NEVER = "above the sweep", "never trains"


def read_edge(rates: Sequence[float], scores: Sequence[float], level: float) -> float | str:
    """Return the rate at which mean scores fall below a level, on a line between two rates on the scale of log10.

    Args:
        rates: ascending.
        scores: the mean score at each.
        level: halfway from chance to the best mean.

    Returns:
        `ABOVE` if they never fall below it from the best rate on, `NEVER` if the best score is below it.
    """
    best = int(np.argmax(scores))
    if scores[best] < level:
        return NEVER
    for lower in range(best, len(rates) - 1):
        if scores[lower + 1] < level:
            share = (scores[lower] - level) / (scores[lower] - scores[lower + 1])
            return float(rates[lower] * (rates[lower + 1] / rates[lower]) ** share)
    return ABOVE


def edges_of_sweep(summary: pd.DataFrame, place: dict[str, Any], chance: float) -> dict[str, float | str]:
    """Return the edge of each variant at one value of the further axes."""
    rows = [row for row in summary.to_dict("records") if matches_axes(row, place)]
    level = half_level(chance, max(row["validation_score_mean"] for row in rows))
    edges = {}
    for variant in dict.fromkeys(row["variant"] for row in rows):
        own = sorted((row["learning_rate"], row["validation_score_mean"]) for row in rows if row["variant"] == variant)
        edges[variant] = read_edge(*zip(*own, strict=True), level)
    return edges


def measure(config: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each network of a config: its edge, and what each predictor says."""
    path = REPOSITORY / "configs" / f"{config}.yaml"
    summary = guess_edges(ExperimentRequest(path, results_dir=folder))
    sweep = read_sweep(path, summary, folder)
    higher = train_higher(path, HIGHER[config], folder) if config in HIGHER else sweep[:0]
    for cohort, guesses in summary.rows:
        place, chance = dict(cohort.axes), 1 / len(cohort.program.facts.classes)
        edge = edges_of_sweep(sweep, place, chance)[cohort.variant]
        wider = edge == ABOVE and len(higher) > 0
        if wider:
            edge = edges_of_sweep(pd.concat([sweep, higher]), place, chance)[cohort.variant]
        axes = f" ({format_axes(cohort.axes, cohort.axes)})" if cohort.axes else ""
        row: dict[str, Any] = {"config": config, "network": f"{cohort.variant}{axes}", "seed": summary.seed}
        row |= {"edge": edge if isinstance(edge, float) else math.nan, "no_edge": edge if isinstance(edge, str) else ""}
        row |= {"sweep": "with higher rates" if wider else "of the config"}
        for guess in guesses:
            name = guess.predictor
            row |= {name: guess.found or math.nan, f"{name}_reason": guess.reason, f"{name}_steps": guess.steps}
            row |= {f"{name}_share": guess.steps / guess.training_steps, f"{name}_seconds": guess.seconds}
        yield row


def read_sweep(path: Path, summary: GuessSummary, folder: Path) -> pd.DataFrame:
    """Return the table by rate of a finished sweep."""
    committed = REPOSITORY / "results" / summary.folder.name / "summary.csv"
    if committed.exists():
        return pd.read_csv(committed)
    return bnbench.run(path, results_dir=folder).summary


def train_higher(path: Path, rates: Sequence[float], folder: Path) -> pd.DataFrame:
    """Return the table by rate of a few seeds at higher rates."""
    # They are about the rates of the config.
    left_out: dict[str, object] = {key: [] for key in ("claims", "published", "source_figures")}
    sweep = {"sweep.learning_rate": list(rates), "sweep.seeds": HIGHER_SEEDS}
    return bnbench.run(path, overrides=sweep | left_out, results_dir=folder).summary


def without_own_config(table: pd.DataFrame, predictor: str) -> "pd.Series[float]":
    """Return log10 of each prediction, with an offset that is fitted on the networks of the other configs."""
    found = np.log10(table[predictor])
    gap = np.log10(table["edge"]) - found
    return found + [gap[table["config"] != config].median() for config in table["config"]]


def without_own_network(table: pd.DataFrame, predictor: str) -> "pd.Series[float]":
    """Return log10 of each prediction, with an offset that is fitted on all other networks.

    The offset is a median: of networks that hardly train, an edge may be decades below what any predictor finds.
    """
    found = np.log10(table[predictor])
    gap = np.log10(table["edge"]) - found
    others = [[other for other in gap.index if other != one] for one in gap.index]
    return found + [gap[rest].median() for rest in others]


def bootstrap(table: pd.DataFrame, statistic: Callable[[pd.DataFrame], float]) -> tuple[float, float]:
    """Return a 95% interval: configs are resampled, because the networks of a config are alike."""
    generator = np.random.default_rng(0)
    groups = [own for _, own in table.groupby("config")]
    drawn = (generator.integers(len(groups), size=len(groups)) for _ in range(RESAMPLES))
    values = [statistic(pd.concat([groups[i] for i in chosen])) for chosen in drawn]
    return tuple(float(x) for x in np.nanquantile(values, [0.025, 0.975]))  # type: ignore[return-value]


def rank_correlation(table: pd.DataFrame, predictor: str) -> float:
    """Return Spearman's rank correlation of predictions and edges."""
    return float(spearmanr(table["edge"], table[predictor]).statistic) if table["edge"].nunique() > 1 else math.nan


def score(table: pd.DataFrame, predictor: str) -> dict[str, Any]:
    """Return how good a predictor is on the networks whose edge is known."""
    known = table[table["edge"].notna() & table[predictor].notna()].reset_index(drop=True)
    edge = np.log10(known["edge"])
    errors = {
        "own": np.log10(known[predictor]) - edge,
        "network": without_own_network(known, predictor) - edge,
        "config": without_own_config(known, predictor) - edge,
    }
    never, above = (table[table["no_edge"] == kind] for kind in (NEVER, ABOVE))
    low, high = bootstrap(known, lambda part: rank_correlation(part, predictor))
    offset = -float(errors["own"].median())
    row = {"predictor": predictor, "networks": len(known), "configs": known["config"].nunique()}
    row |= {"not known": int((table["edge"].notna() & table[predictor].isna()).sum())}
    row |= {"rank correlation": rank_correlation(known, predictor), "low": low, "high": high, "offset": offset}
    for name, found in errors.items():
        row |= {f"{name}: RMS": float(np.sqrt((found**2).mean())), f"{name}: median": float(found.abs().median())}
    row |= {"never trains": len(never), "not known of these": int(never[predictor].isna().sum())}
    row |= {"above the sweep": len(above), "not known of those": int(above[predictor].isna().sum())}
    row |= {"within 1/4": float((errors["network"].abs() <= 0.25).mean())}
    row |= {"steps": float(known[f"{predictor}_steps"].mean()), "share": float(known[f"{predictor}_share"].median())}
    return row


def keep_rows(config: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows of a config, next to those of the other configs."""
    known = pd.read_csv(RESULTS) if RESULTS.exists() else pd.DataFrame({"config": []})
    table = pd.concat([known[known["config"] != config], pd.DataFrame(rows)])
    ordered = table.sort_values("config", key=lambda names: names.map(CONFIGS.index), kind="stable")
    ordered.to_csv(RESULTS, index=False, lineterminator="\n", float_format="%.4g")


def main() -> None:
    """Measure the ten configs, or only print what was measured; write the rows and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="*", help="only these; the stored rows of the others stay; 'none' prints them")
    parser.add_argument("--folder", type=Path, help="keep the trials here")
    options = parser.parse_args()
    for config in options.configs or CONFIGS:
        if config in CONFIGS:
            with tempfile.TemporaryDirectory() as temporary:
                keep_rows(config, list(measure(config, options.folder or Path(temporary))))
    table = pd.read_csv(RESULTS)
    names = [one.name for one in find_predictors()]
    print(table[["config", "network", "edge", "no_edge", *names]].to_string(index=False))
    for title, rows_of in (("all", table), ("sweeps of the configs", table[table["sweep"] == "of the config"])):
        print(f"\n{title}\n{pd.DataFrame([score(rows_of, name) for name in names]).round(3).T.to_string()}")


if __name__ == "__main__":
    main()
