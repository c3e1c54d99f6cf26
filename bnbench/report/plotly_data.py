"""Results -> what the figure of a page draws, as plain values for JSON."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bnbench.analysis.labels import format_axes, format_name
from bnbench.report.figures import draw
from bnbench.results.results import Results

SHOWN = ("validation_score", "validation_loss", "test_score", "train_score", "train_loss")
MAX_NUMBERS = 100_000  # of curves in a page: some 0.6 MB
MIN_EPOCHS = 20  # of a curve that is thinned out
MAX_CURVES = MAX_NUMBERS // (5 * MIN_EPOCHS)  # trials whose curves are in a page
DRAWN = ("train_loss", "train_score", "validation_loss", "validation_score")  # against the epoch
SYMBOLS = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross"}


def figure_data(results: Results) -> dict[str, Any]:
    """What the figure draws, as plain values: variants, places, rates, cells, trials and curves, by their numbers."""
    summary, points = results.summary, results.scored_trials
    looks = draw.variant_looks(list(dict.fromkeys(summary["variant"])))
    names = list(looks)
    places = _places(summary, results.axes)
    rates = sorted(summary["learning_rate"].unique())
    index = {rate: i for i, rate in enumerate(rates)}
    kept = [score for score in SHOWN if summary[f"{score}_mean"].notna().any()]
    where = {place: i for i, place in enumerate(places)}
    return {
        "variants": [
            {"name": name, "colour": look.colour, "symbol": SYMBOLS.get(look.marker, "star"), "dash": _dash(look)}
            for name, look in looks.items()
        ],
        "score": results.score_name,
        "places": places,
        "rates": rates,
        "scores": [
            *(
                {"label": format_name(score, results.score_name), "percent": score.endswith("score")}
                for score in kept
            ),
            {"label": "share of seeds that train", "percent": True},
        ],
        "cells": [
            {
                "place": where[_place(row, results.axes)], "variant": names.index(row["variant"]),
                "rate": index[row["learning_rate"]], "n": row["n"], "ok": row["n_ok"],
                "diverged": row["n_diverged"],
                "scores": [
                    *([_number(row[f"{score}_{kind}"]) for kind in ("mean", "min", "max")] for score in kept),
                    [_number(row[name]) for name in ("p_ok", "p_ok_low", "p_ok_high")],
                ],
            }
            for row in summary.to_dict("records")
        ],
        "trials": {  # a list each: 10,000 mappings would be twice as long
            "place": [
                where[_place(row, results.axes)] for row in points[["variant", *results.axes]].to_dict("records")
            ],
            "variant": [names.index(name) for name in points["variant"]],
            "rate": [index[rate] for rate in points["learning_rate"]],
            "seed": points["seed"].tolist(),
            "outcome": points["outcome"].tolist(),
            "step": [None if pd.isna(step) else int(step) for step in points["diverged_at_step"]],
            "scores": [[_number(value) for value in points[score]] for score in kept],
        },
        "curves": _curves(results.full_history, points, results.axes),
        "first": _first(points),
    }  # fmt: skip


def _curves(
    history: pd.DataFrame, points: pd.DataFrame, axes: Sequence[str]
) -> list[dict[str, list[float | None]] | None]:
    """The curves of each trial; None of those beyond MOST_CURVES; long ones are thinned out, ends kept.

    Where not all have room, each variant, axis value and rate has as many as the others.
    """
    cells = points.groupby(["variant", *axes, "learning_rate"], sort=False, dropna=False)
    in_turn = points["trial"].iloc[cells.cumcount().to_numpy().argsort(kind="stable")]
    chosen = list(dict.fromkeys(in_turn))[:MAX_CURVES]
    room = max(MIN_EPOCHS, MAX_NUMBERS // (5 * max(1, len(chosen))))
    drawn = history[history["trial"].isin(chosen)]
    epochs, scores = drawn["epoch"].to_numpy(), {name: drawn[name].to_numpy() for name in DRAWN}
    known = {}
    for trial, rows in drawn.groupby("trial", sort=False).indices.items():
        some = np.asarray(rows)[_thinned(len(rows), room)]
        curves = {name: [_number(value) for value in score[some].tolist()] for name, score in scores.items()}
        known[trial] = {"epoch": epochs[some].tolist()} | curves
    return [known.get(trial) for trial in points["trial"]]


def _first(points: pd.DataFrame) -> int:
    """The number of the trial that a page opens with: the middle one of the best variant at its best rate."""
    scores = points["validation_score"].reset_index(drop=True)
    means = scores.groupby([points["variant"].to_numpy(), points["learning_rate"].to_numpy()]).transform("mean")
    best = scores[means == means.max()].sort_values()
    return int(best.index[(len(best) - 1) // 2])


def _thinned(count: int, room: int) -> list[int]:
    """Which of so many rows to keep where there is room for some: the first, the last, and as evenly as can be."""
    if count <= room:
        return list(range(count))
    return sorted({round(i * (count - 1) / max(1, room - 1)) for i in range(room)})


def _places(summary: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(_place(row, axes) for row in summary[["variant", *axes]].to_dict("records")))


def _place(row: Mapping[Any, Any], axes: Sequence[str]) -> str:
    """`units 50, depth 2`: the values of the further axes."""
    return format_axes(row, axes)


def _number(value: float) -> float | None:
    """Four digits do for a figure; JSON knows no NaN."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def _dash(look: draw.Look) -> str:
    return {draw.DASHES[0]: "solid", draw.DASHES[1]: "dash", draw.DASHES[2]: "dot"}.get(look.dash, "dashdot")
