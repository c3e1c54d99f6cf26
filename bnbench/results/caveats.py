"""Results -> caveats: what a careful reviewer would say about an experiment, in sentences."""

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import pairwise
from math import log10

import pandas as pd

from bnbench.analysis.columns import ACCURACY
from bnbench.analysis.intervals import MIN_FLIPS, MIN_VALUES
from bnbench.analysis.labels import MAX_PLACES, RateFormat, format_count, format_list, format_places
from bnbench.analysis.lr_metrics import ROUNDING, RateCurve
from bnbench.analysis.symptom_rules import gives_one_prediction
from bnbench.analysis.trials import cell_label
from bnbench.config.schema import Experiment
from bnbench.data.far_values import FAR
from bnbench.planning.task import loss_class
from bnbench.results.norm_caveats import norm_caveats
from bnbench.results.results import Results
from bnbench.results.sources import describe_kinds

# Decades between neighboring rates: a wider gap may hide a better rate.
MAX_STEP = 1.05
# Validation rows: the standard error of an accuracy of 90% is then 1.7 points or more.
FEW_ROWS = 300
SOFTMAX_LOSSES = {"CategoricalCrossentropy", "SparseCategoricalCrossentropy"}


def list_caveats(results: Results) -> list[str]:
    """Return sentences, the most serious first; none if there is nothing to say."""
    trials, summary, experiment = results.trials, results.summary, results.experiment
    caveats = [*_unread_config(results), *_missing(results), *_of_a_part(results)]
    caveats += filter(None, [outside_sentence(results)])
    if summary.empty:
        return caveats
    dead = _variants_that_never_train(summary, results.axes)
    caveats += _never_ok(dead, results.baseline, results.n_settings)
    caveats += _ok_with_one_prediction(trials, results.axes)
    caveats += norm_caveats(results, dead)
    caveats += _far_values(results)
    caveats += filter(None, [describe_kinds(results.machine_kinds)])
    caveats += _sigmoid_left_out(results)
    if experiment:
        caveats += _validation_is_test(experiment)
    caveats += _shifted_test_rows(results)
    caveats += _one_split(results)
    caveats += _shared_test_rows(results)
    caveats += _left_out_rows(results)
    caveats += _units_of_losses(results)
    if not results.design:
        caveats += _few_seeds(summary, experiment)
        caveats += _grid_ends(results, dead)
        caveats += _wide_gaps(sorted(summary["learning_rate"].unique()))
    caveats += _few_rows(results.validation_rows) if results.score_name == ACCURACY else []
    return caveats


def _unread_config(results: Results) -> list[str]:
    return [results.config.problem] if results.config.problem else []


def _missing(results: Results) -> Iterator[str]:
    trials, planned = results.trials, results.planned
    failed = int((trials["status"] == "failed").sum())
    if failed:
        yield f"{failed} of {planned} trials failed and are in no number here; the same command tries them again."
    if len(trials) < planned:
        yield f"{planned - len(trials)} of {planned} trials have not finished; the same command trains them."


def _of_a_part(results: Results) -> Iterator[str]:
    if part := results.part:
        yield f"This folder has part {part} of the sweep, with some of its seeds; `bnbench merge` joins the parts."


def outside_sentence(results: Results) -> str:
    """Return how many stored trials are outside the plan, and why; empty if there are none."""
    n = len(results.outside)
    if not n:
        return ""
    verb, them = ("is", "it") if n == 1 else ("are", "them")
    return (
        f"{format_count(n, 'stored trial')} {verb} outside this plan: {'; '.join(results.outside_reasons)}. No number "
        f"here includes {them}; `bnbench show` with `--all` lists {them}."
    )


def _variants_that_never_train(summary: pd.DataFrame, axes: Sequence[str]) -> dict[str, str]:
    """Return the variants that are ok at no rate, by their label with the values of the axes."""
    keys = ["variant", *axes]
    ok = summary.groupby(keys, sort=False, dropna=False)["n_ok"].sum().reset_index()
    return {cell_label(row, axes): row["variant"] for row in ok.to_dict("records") if not row["n_ok"]}


def _never_ok(dead: Mapping[str, str], baseline: str, settings: int) -> Iterator[str]:
    by_variant: dict[str, list[str]] = {}
    for label, variant in dead.items():
        by_variant.setdefault(variant, []).append(label)
    for variant, labels in by_variant.items():
        one = len(labels) == 1 or len(labels) > MAX_PLACES
        target = ", and there is no score of it that others could reach" if variant == baseline else ""
        means = "trains at no rate, so its best rate means" if one else "train at no rate, so their best rates mean"
        yield f"{format_places({variant: labels}, settings)} {means} nothing{target}."


def _ok_with_one_prediction(trials: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Warn of ok trials that predict one class: with many rows a score barely above chance is no accident."""
    shown = trials[(trials["outcome"] == "ok") & gives_one_prediction(trials)]
    if shown.empty:
        return
    rate_text = RateFormat(trials["learning_rate"])
    places = list(
        dict.fromkeys(
            f"{cell_label(row, axes)} at {rate_text(row['learning_rate'])}" for row in shown.to_dict("records")
        )
    )
    does = "1 trial counts as ok but gives" if len(shown) == 1 else f"{len(shown)} trials count as ok but give"
    yield f"{does} nearly all validation rows one prediction ({format_list(places)})."


def _validation_is_test(experiment: Experiment) -> Iterator[str]:
    if experiment.data.split.validation == "test":
        yield (
            "Validation and test are the same rows, as in the source: the rates were chosen on the rows on which the "
            "result is reported, so the result is too optimistic."
        )


def _shifted_test_rows(results: Results) -> Iterator[str]:
    shifts = {config.data.shift_test.brightness for _, config, _ in results.cell_configs} - {0.0}
    if shifts:
        steps = format_list([f"{100 * shift:+g}%" for shift in sorted(shifts)])
        yield (
            f"The brightness of the test rows was shifted by {steps} of the range of the pixels (data.shift_test), "
            "and no other row was: test scores are about images that differ from those of training and validation."
        )


def _one_split(results: Results) -> Iterator[str]:
    orders = {config.data.split.order for _, config, _ in results.cell_configs}
    if "file" in orders:
        yield (
            "With data.split.order: file all seeds share one split: the spread over seeds does not include the "
            "choice of rows, and the last rows of a file may differ from the first."
        )


def _shared_test_rows(results: Results) -> Iterator[str]:
    if results.share_test_rows:
        yield (
            "All seeds have the same test rows, so every interval of a test score is about these rows. As a statement "
            "about new rows it would be too narrow: simulated intervals held the truth in 92, 88 and 77% of cases with "
            "3, 5 and 10 seeds."
        )


def _left_out_rows(results: Results) -> Iterator[str]:
    """Say how many rows are in no part, because groups stay whole."""
    counts = results.measurements("left_out_rows")
    if len(counts) and counts["value"].max():
        left_out = format_count(int(counts["value"].max()), "row")
        yield (
            f"For each seed, {left_out} of the data are in no part: the rows of a group stay together (data.group), "
            "and every seed has parts of the same size."
        )


def _units_of_losses(results: Results) -> Iterator[str]:
    """Say what losses are about, if they are not means over rows of the targets as they are in the data."""
    configs = [config for _, config, _ in results.cell_configs]
    if any(config.data.target_scale == "standard" for config in configs):
        yield (
            "Losses are of standardized targets (data.target_scale): 1 is one standard deviation of the training "
            "targets. R² and predictions do not depend on it."
        )
    if any(config.train.class_weight is not None for config in configs):
        yield (
            "Losses of training rows are weighted by class (train.class_weight); those of validation and test rows are "
            "not, nor is any accuracy."
        )


def _few_seeds(summary: pd.DataFrame, experiment: Experiment | None) -> Iterator[str]:
    n = int(summary["n"].min())
    planned = experiment.sweep.seeds if experiment else None
    compares = summary["variant"].nunique() > 1
    if n < MIN_VALUES:
        can_add = isinstance(planned, int) and planned < MIN_VALUES
        fix = " Add -o sweep.seeds=5: it trains more seeds and keeps the finished ones." if can_add else ""
        where = " at every rate" if (summary["n"] == n).all() else " at some rates"
        yield (
            f"{format_count(n, 'seed')}{where}: there is no interval, and a difference may be the luck of a seed.{fix}"
        )
    elif n < MIN_FLIPS and compares:
        yield f"With {n} seeds no sign-flip test can reach p = 0.05; it needs {MIN_FLIPS}."


def _grid_ends(results: Results, dead: Container[str]) -> Iterator[str]:
    summary = results.summary
    low, high = summary["learning_rate"].min(), summary["learning_rate"].max()
    at_end: dict[float, dict[str, list[str]]] = {low: {}, high: {}}
    for cell in results.trial_cells:
        if cell.best_rate in at_end and not _has_peer(cell.curve):
            label = cell_label(cell.key, results.axes)
            if label not in dead:
                at_end[cell.best_rate].setdefault(cell.variant, []).append(label)
    for rate, which in ((low, "lowest"), (high, "highest")):
        if at_end[rate] and low < high:
            labels = format_places(at_end[rate], results.n_settings)
            best = RateFormat(summary["learning_rate"])(rate)
            yield f"The best rate of {labels}, {best}, is the {which} of the grid: a better one may be beyond it."


def _has_peer(curve: RateCurve) -> bool:
    """Return True if another rate does as well as the best, or nothing can be better than it."""
    best = curve.score[curve.best]
    return int((curve.score >= best - ROUNDING).sum()) > 1 or bool(best >= 1 - ROUNDING)


def _wide_gaps(rates: Sequence[float]) -> Iterator[str]:
    steps = [log10(high / low) for low, high in pairwise(rates)]
    if steps and max(steps) > MAX_STEP:
        at, rate_text = steps.index(max(steps)), RateFormat(rates)
        yield (
            f"Neighboring rates are up to {10 ** max(steps):.0f} times apart ({rate_text(rates[at])} and "
            f"{rate_text(rates[at + 1])}): no rate between them was tried."
        )


def _sigmoid_left_out(results: Results) -> Iterator[str]:
    """Warn of a last activation that does not fit the loss: Keras takes the values before it as logits in any case."""
    labels: dict[str, dict[str, list[str]]] = {}
    for label, config, part in results.cell_configs:
        is_softmax = loss_class(config.train.loss) in SOFTMAX_LOSSES
        if is_softmax and config.layers[-1].arguments.get("activation") == "sigmoid":
            labels.setdefault(config.train.loss.name, {}).setdefault(part.variant, []).append(label)
    for loss, named in labels.items():
        yield (
            f"The last sigmoid of {format_places(named, results.n_settings)} is not part of the loss: Keras' {loss} "
            "takes the input of the sigmoid and computes a softmax. Add `rescaling: 1` behind it to keep it."
        )


def _far_values(results: Results) -> Iterator[str]:
    """Warn of standardized values that are far away: each of them dominates the step of its mini-batch."""
    counts, distances = results.measurements("far_values"), results.measurements("farthest_value")
    if len(counts):
        count, farthest = format_count(int(counts["value"].max()), "value"), distances["value"].max()
        yield (
            f"`scale: standard` puts up to {count} of the rows of a seed more than {FAR:g} standard deviations from "
            f"the training mean, the farthest {farthest:.4g}: these pixels or columns are almost constant in training. "
            "Such a value dominates the step of its mini-batch. `scale: unit` avoids this for data stored as whole "
            "numbers, such as images; other tables are divided by their range in training, so leave that column out."
        )


def _few_rows(rows: int) -> Iterator[str]:
    if rows < FEW_ROWS:
        yield f"Validation has {rows} rows: one row more or less is {100 / rows:.3g} points of accuracy."
