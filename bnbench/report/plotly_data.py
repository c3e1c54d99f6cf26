"""Results -> what the interactive figure of report.html draws, as plain values for JSON.

Variants, settings and learning rates are listed once; cells and trials name them by their position in these lists.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.contest import contest_range
from bnbench.analysis.labels import RateFormat
from bnbench.analysis.trials import DIVERGED, is_at
from bnbench.report.figures.layout import setting_name
from bnbench.report.figures.style import DASHES, Look, is_loss, score_label, variant_looks
from bnbench.results.results import Results

CHART_COLUMNS = ("validation_score", "validation_loss", "test_score", "train_score", "train_loss")
# The columns of the history that are drawn against the epoch.
CURVE_SCORES = ("train_loss", "train_score", "validation_loss", "validation_score")
# The maximum number of values in all learning curves of a page: some 0.6 MB.
MAX_NUMBERS = 100_000
# A longer curve is thinned out, but keeps at least this many epochs.
MIN_EPOCHS = 20
# A curve has the epoch and the four scores. More trials than this have no curves in the page.
NUMBERS_PER_EPOCH = 1 + len(CURVE_SCORES)
MAX_CURVES = MAX_NUMBERS // (NUMBERS_PER_EPOCH * MIN_EPOCHS)
# The largest number of diverged trials whose last losses are in a page, and how many losses of each.
MAX_STORIES, LAST_LOSSES = 200, 5
# The Plotly names of Matplotlib's markers and dashes.
SYMBOLS = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross"}
DASH_NAMES = {DASHES[0]: "solid", DASHES[1]: "dash", DASHES[2]: "dot"}

Curve = dict[str, list[float | None]]


@dataclass(frozen=True)
class Positions:
    """The lists of the page, and where a row of a table is in them."""

    axes: list[str]
    variants: list[str]
    settings: list[str]
    rates: list[float]

    def setting_of(self, row: Mapping[Any, Any]) -> int:
        """Return the position of a row's setting."""
        return self.settings.index(_setting_of(row, self.axes))


def figure_data(results: Results) -> dict[str, Any]:
    """Return what the figure draws, as lists, mappings, numbers and text."""
    cells, points, score_name = results.summary, results.scored_trials.reset_index(drop=True), results.score_name
    looks = variant_looks(list(dict.fromkeys(cells["variant"])), results.config.figures)
    scores = [score for score in CHART_COLUMNS if cells[f"{score}_mean"].notna().any()]
    settings = list(dict.fromkeys(_setting_of(row, results.axes) for row in cells.to_dict("records")))
    positions = Positions(results.axes, list(looks), settings, sorted(cells["learning_rate"].unique()))
    labels = [{"label": score_label(score, score_name), "percent": not is_loss(score)} for score in scores]
    return {
        "variants": [_variant(name, look) for name, look in looks.items()],
        "score": score_name,
        "settings": positions.settings,
        "rates": positions.rates,
        "rate_texts": list(map(RateFormat(positions.rates), positions.rates)),
        "scores": [*labels, {"label": "share of seeds that train", "percent": True}],
        "cells": [_cell(row, scores, positions) for row in cells.to_dict("records")],
        "trials": _trials(points, scores, positions),
        "closer": _closer(cells, positions),
        "stories": _stories(results, points),
        "curves": thin_curves(results.full_history, points, results.axes),
        "first": first_trial(points[is_at(points, results.opening)]) if results.opening else first_trial(points),
        "first_setting": positions.setting_of(results.opening) if results.axes else 0,
    }


def _closer(cells: pd.DataFrame, positions: Positions) -> list[list[float] | None]:
    """Return for each setting the range of validation scores in which the variants compete, if they do."""
    rows = [positions.setting_of(row) for row in cells.to_dict("records")]
    ranges = [contest_range(part, CHART_COLUMNS[0]) for _, part in cells.groupby(rows)]
    return [list(ends) if ends else None for ends in ranges]


def _stories(results: Results, points: pd.DataFrame) -> list[str]:
    """Return for each trial that diverged what happened, in a sentence; empty for all others."""
    diverged = points[points["outcome"].isin(DIVERGED)]
    losses = results.last_losses(diverged["trial"].head(MAX_STORIES), LAST_LOSSES)
    return [
        _story(row, losses.get(row["trial"], [])) if row["outcome"] in DIVERGED else ""
        for row in points.to_dict("records")
    ]


def _story(row: Mapping[Any, Any], losses: list[float]) -> str:
    reason = "a loss or a weight was no finite number" if row["outcome"] == "nonfinite" else "the loss blew up"
    text = f"Diverged at step {int(row['diverged_at_step'])}: {reason}."
    if not losses:
        return text
    listed = ", ".join(f"{loss:.3g}" if math.isfinite(loss) else "not finite" for loss in losses)
    return f"{text} Training loss of the steps before: {listed}."


def _variant(name: str, look: Look) -> dict[str, str]:
    return {
        "name": name,
        "label": look.label,
        "color": look.color,
        "symbol": SYMBOLS.get(look.marker, "star"),
        "dash": DASH_NAMES.get(look.dash, "dashdot"),
    }


def _cell(row: Mapping[Any, Any], scores: list[str], positions: Positions) -> dict[str, Any]:
    """Return mean, lowest and highest of each score, and the share of seeds that train with its interval."""
    columns = [[f"{score}_{kind}" for kind in ("mean", "min", "max")] for score in scores]
    columns.append(["p_ok", "p_ok_low", "p_ok_high"])
    return {
        "setting": positions.setting_of(row),
        "variant": positions.variants.index(row["variant"]),
        "rate": positions.rates.index(row["learning_rate"]),
        "n": row["n"],
        "ok": row["n_ok"],
        "diverged": row["n_diverged"],
        "scores": [
            [round_score(row[column], score) for column in group]
            for group, score in zip(columns, [*scores, "p_ok"], strict=True)
        ],
    }


def _trials(points: pd.DataFrame, scores: list[str], positions: Positions) -> dict[str, list[Any]]:
    """Return one list a column: a mapping for each of 10,000 trials would be twice as long."""
    rows = points[["variant", *positions.axes]].to_dict("records")
    rates = {rate: position for position, rate in enumerate(positions.rates)}
    return {
        "setting": [positions.setting_of(row) for row in rows],
        "variant": [positions.variants.index(row["variant"]) for row in rows],
        "rate": [rates[rate] for rate in points["learning_rate"]],
        "seed": points["seed"].tolist(),
        "outcome": points["outcome"].tolist(),
        "step": [None if pd.isna(step) else int(step) for step in points["diverged_at_step"]],
        "scores": [[round_score(value, score) for value in points[score]] for score in scores],
    }


def thin_curves(history: pd.DataFrame, points: pd.DataFrame, axes: list[str]) -> list[Curve | None]:
    """Return the learning curves of each trial, or None if a trial has no curves or does not fit into the page.

    If not all trials fit, each variant, setting and learning rate gets the same number of them. Long curves are thinned
    out, but keep their first and last epoch.
    """
    chosen = _choose_trials(points, axes)
    max_epochs = max(MIN_EPOCHS, MAX_NUMBERS // (NUMBERS_PER_EPOCH * max(1, len(chosen))))
    drawn = history[history["trial"].isin(chosen)]
    columns = {name: drawn[name].to_numpy() for name in ("epoch", *CURVE_SCORES)}
    curves = {
        trial: _curve(columns, np.asarray(rows)[thin_positions(len(rows), max_epochs)])
        for trial, rows in drawn.groupby("trial", sort=False).indices.items()
    }
    return [curves.get(trial) for trial in points["trial"]]


def _choose_trials(points: pd.DataFrame, axes: list[str]) -> list[str]:
    """Return at most MAX_CURVES trials: the first one of each cell, then the second one of each, and so on."""
    cells = points.groupby(["variant", *axes, "learning_rate"], sort=False, dropna=False)
    in_turn = points["trial"].iloc[cells.cumcount().to_numpy().argsort(kind="stable")]
    return list(dict.fromkeys(in_turn))[:MAX_CURVES]


def _curve(columns: Mapping[str, NDArray[Any]], rows: NDArray[Any]) -> Curve:
    scores = {name: [round_score(value, name) for value in columns[name][rows].tolist()] for name in CURVE_SCORES}
    return {"epoch": columns["epoch"][rows].tolist()} | scores


def thin_positions(count: int, limit: int) -> list[int]:
    """Return at most `limit` of `count` positions: the first, the last, and the others evenly spread."""
    if count <= limit:
        return list(range(count))
    return sorted({round(i * (count - 1) / max(1, limit - 1)) for i in range(limit)})


def first_trial(points: pd.DataFrame) -> int:
    """Return the position of the trial that the page shows first: the median one of the best variant and rate.

    Args:
        points: `Results.scored_trials`, or some of its rows; the position is its label among all of them.
    """
    scores = points["validation_score"]
    means = scores.groupby([points["variant"].to_numpy(), points["learning_rate"].to_numpy()]).transform("mean")
    best = scores[means == means.max()].sort_values()
    return int(best.index[(len(best) - 1) // 2])


def round_score(value: float, score: str) -> float | None:
    """Return a value of a score rounded to the digits that the page shows, so that it is not rounded twice.

    The page shows losses with four digits and shares in percent with two decimals. NaN and infinity, which JSON lacks,
    become None.
    """
    return float(format(value, ".4g" if is_loss(score) else ".4f")) if math.isfinite(value) else None


def _setting_of(row: Mapping[Any, Any], axes: list[str]) -> str:
    return setting_name(axes, [row[axis] for axis in axes])
