"""The metrics that claims and published values may name: one record each.

To add a metric, add a record here. Its function goes next to the functions of its kind: `measure_trials` measures each
trial, `measure_rates` measures the trials of one seed at all rates. A record without a function names a column of the
table of trials with its learning curve (`learning_curves`), or a field of `lr_metrics.RateMetrics`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd


# The range of a score, and of the difference of two.
SCORE_BOUNDS, DIFFERENCE_BOUNDS = (0.0, 1.0), (-1.0, 1.0)


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: its name in claims.
        meaning: what it is, in words.
        over_rates: whether one value describes the trials of a seed at all rates; if not, each trial has a value.
        higher_is_better: which of two values wins.
        title: its name in tables, with _ between words, where `name` would not read well.
        unit: empty for scores, losses and shares.
        former: names that it had in earlier versions; configs may still use them.
        needs_target: whether it is the time to a target.
        timed: whether it is in seconds. Two variants are compared only by seconds that they took by turns.
        yes_or_no: whether it is 0 or 1, so that the share of seeds is judged.
        score: whether it is a score from 0 to 1.
        bounds: the lowest and the highest value that it can have. Where some seeds collapse, only a metric with bounds
            has an interval (`mean_interval`).
        of_numbers: whether only data with one number per row have it.
        of_classes: whether only data with classes have it.
        of_k: whether it is a top-k accuracy, which says something only of more than k classes.
        each_epoch: whether the history has its column, so that a claim may be about its value after some epoch.
        scale: `factor`: a learning rate, known up to a factor; `decades`: the logarithm of one.
        grid_steps: the grid cannot distinguish values that differ by at most this many of its steps.
        of_means: whether it belongs to the means over the seeds; the metric of a seed alone is biased by its noise.
        early: whether it is measured before or at the first steps, so that it is as good for a trial that fails later.
        skewed: whether it is positive and skewed, as losses are: seeds are averaged and compared in logarithms.
        measure_trials: (trials, history) -> a value per trial.
        measure_rates: trials of one variant and seed, with scores for diverged ones -> its value.
    """

    name: str
    meaning: str
    over_rates: bool = False
    higher_is_better: bool = True
    title: str = ""
    unit: str = ""
    former: tuple[str, ...] = ()
    needs_target: bool = False
    timed: bool = False
    yes_or_no: bool = False
    score: bool = False
    bounds: tuple[float, float] | None = None
    of_numbers: bool = False
    of_classes: bool = False
    of_k: bool = False
    each_epoch: bool = False
    scale: Literal["linear", "factor", "decades"] = "linear"
    grid_steps: int = 0
    of_means: bool = False
    early: bool = False
    skewed: bool = False
    measure_trials: "Callable[[pd.DataFrame, pd.DataFrame], pd.Series[float]] | None" = None
    measure_rates: "Callable[[pd.DataFrame], float] | None" = None

    @property
    def may_collapse(self) -> bool:
        """Whether a collapsed training gives another kind of value.

        Not of metrics over all rates, of times to a target, which are infinite then, and of what is measured before.
        """
        return not (self.over_rates or self.needs_target or self.early)

    @property
    def difference_bounds(self) -> tuple[float, float] | None:
        """The lowest and the highest difference of two values."""
        return self.bounds and (self.bounds[0] - self.bounds[1], self.bounds[1] - self.bounds[0])

    @property
    def ties_at(self) -> tuple[float, ...]:
        """The values at which trainings count as equal: a score at its floor or ceiling."""
        return SCORE_BOUNDS if self.score else ()

    @property
    def ranged(self) -> bool:
        """Whether a claim may be about its range over the values of an axis."""
        return not (self.over_rates or self.needs_target or self.yes_or_no)


def _scores() -> Iterable[Metric]:
    for part in ("validation", "test", "train"):
        former = (f"{part}_accuracy", f"{part}_r2")
        meaning = f"{part} score: accuracy, or R² for numbers"
        yield Metric(
            f"{part}_score", meaning, former=former, score=True, bounds=SCORE_BOUNDS, each_epoch=part != "test"
        )
    for part in ("validation", "test", "train"):
        yield Metric(f"{part}_loss", f"{part} loss", higher_is_better=False, each_epoch=part != "test", skewed=True)


def _times() -> Iterable[Metric]:
    for unit in ("epochs", "steps", "seconds"):
        meaning = f"{unit} of training until the validation score first reaches the target"
        timed = unit == "seconds"
        yield Metric(f"{unit}_to_target", meaning, higher_is_better=False, unit=unit, needs_target=True, timed=timed)


def _score_gap(trials: "pd.DataFrame", _: "pd.DataFrame") -> "pd.Series[float]":
    return _unless_diverged(trials, trials["fitted_score"] - trials["validation_score"])


def _loss_gap(trials: "pd.DataFrame", _: "pd.DataFrame") -> "pd.Series[float]":
    return _unless_diverged(trials, trials["validation_loss"] - trials["fitted_loss"])


def _unless_diverged(trials: "pd.DataFrame", gap: "pd.Series[float]") -> "pd.Series[float]":
    """Return the values of trials that did not diverge.

    A diverged trial counts at chance twice, so its gap would be 0. Its predictions say nothing.
    """
    return gap.where(~_diverged(trials))


def _diverged(trials: "pd.DataFrame") -> "pd.Series[bool]":
    return trials["outcome"].isin(["nonfinite", "blown"])


def _prediction_spread(trials: "pd.DataFrame", _: "pd.DataFrame") -> "pd.Series[float]":
    return _unless_diverged(trials, trials["prediction_spread"])


def _mode_gap(trials: "pd.DataFrame", _: "pd.DataFrame") -> "pd.Series[float]":
    return _unless_diverged(trials, trials["bn_mode_gap"].astype(float))


def _reestimated_gap(trials: "pd.DataFrame", _: "pd.DataFrame") -> "pd.Series[float]":
    return _unless_diverged(trials, trials["reestimated_gap"])


def _macro_f1(part: str) -> Metric:
    def measured(trials: "pd.DataFrame", _: "pd.DataFrame") -> "pd.Series[float]":
        # A diverged trial counts as one that always predicts one of C classes of equal size: its F1 is 2/(C + 1) for
        # this class and 0 for the others.
        return trials[name].where(~_diverged(trials), 2 * trials["chance"] ** 2 / (1 + trials["chance"]))

    name = f"{part}_macro_f1"
    meaning = f"mean F1 of the classes on the {part} part"
    return Metric(name, meaning, score=True, bounds=SCORE_BOUNDS, of_classes=True, measure_trials=measured)


def _top_k(part: str) -> Metric:
    def measured(trials: "pd.DataFrame", _: "pd.DataFrame") -> "pd.Series[float]":
        return trials[name].where(~_diverged(trials), trials["chance_top_k"])

    name = f"{part}_top_k"
    meaning = f"share of {part} rows whose class is among the top_k with the highest outputs"
    return Metric(name, meaning, score=True, bounds=SCORE_BOUNDS, of_classes=True, of_k=True, measure_trials=measured)


def _probes() -> Iterable[Metric]:
    """Yield what only trials with a probe have. What is measured over the training is missing if it diverged."""
    meanings = {
        "sharpness_times_rate": "largest eigenvalue of the Hessian at the end, on 512 training rows, times the rate",
        "batch_sharpness_times_rate": "the same on a mini-batch",
        "gradient_change": "largest change of the gradient along it, up to 4 times the rate, mean over the training",
        "effective_smoothness": "largest change of the gradient over its distance, mean over the training",
        "smoothness_at_distance": "the same at distances that are equal for all variants",
        "effective_rate": "rate over the squared norm (or the norm) of the kernels in front of a norm, at the end",
        "least_norm_growth": "smallest factor by which a kernel in front of a norm grows within an epoch",
    }
    for name, meaning in meanings.items():
        higher = name == "least_norm_growth"
        yield Metric(name, meaning, higher_is_better=higher, skewed=True, measure_trials=partial(_measured, name))
    # The first steps of a trial that diverged later are as good as those of another one.
    meaning = "first length of a step along the gradient that makes the loss worse, at steps 1, 4, 7"
    title = "step_length_at_which_the_loss_worsens"
    yield Metric("first_worse_length", meaning, title=title, early=True, skewed=True)


def _measured(name: str, trials: "pd.DataFrame", _: "pd.DataFrame") -> "pd.Series[float]":
    return _unless_diverged(trials, trials[name])


def _ok(trials: "pd.DataFrame", _: "pd.DataFrame") -> "pd.Series[float]":
    return (trials["outcome"] == "ok").astype(float)


_RECORDS = (
    *_scores(),
    *_times(),
    *map(_macro_f1, ("validation", "test")),
    *map(_top_k, ("validation", "test")),
    Metric("aulc", "area under the validation score over steps, divided by the steps", bounds=SCORE_BOUNDS,
           title="mean_validation_score_over_training"),
    Metric("overfitting_onset", "epoch of the lowest validation loss", unit="epochs"),
    Metric("overfitting_rise", "rise of the validation loss from there to the end", higher_is_better=False),
    Metric("train_loss_flat_from", "first epoch from which on the training loss stays near its lowest",
           higher_is_better=False, unit="epochs", title="first_epoch_of_a_flat_train_loss"),
    Metric("validation_score_flat_from", "first epoch from which on the validation score stays near its final level",
           higher_is_better=False, unit="epochs", title="first_epoch_of_a_flat_validation_score"),
    Metric("score_drop", "highest validation score minus that after the last epoch", higher_is_better=False,
           bounds=SCORE_BOUNDS),
    Metric("score_roughness", "SD of the validation score around a smooth curve over epochs", higher_is_better=False,
           former=("accuracy_roughness",)),
    Metric("loss_roughness", "SD of the validation loss around a smooth curve over epochs", higher_is_better=False),
    Metric("train_score_roughness", "SD of the training score around a smooth curve over epochs",
           higher_is_better=False),
    Metric("train_loss_roughness", "SD of the training loss around a smooth curve over epochs", higher_is_better=False),
    Metric("pre_activation_drift", "movement of the pre-activations per epoch, as a share of their spread",
           higher_is_better=False),
    Metric("score_gap", "score on the training part minus score on the validation part, final weights",
           higher_is_better=False, bounds=DIFFERENCE_BOUNDS, former=("accuracy_gap",), measure_trials=_score_gap),
    Metric("loss_gap", "loss on the validation part minus loss on the training part, final weights",
           higher_is_better=False, measure_trials=_loss_gap),
    Metric("bn_mode_gap", "validation score with the statistics of each batch minus that with the moving ones",
           higher_is_better=False, bounds=DIFFERENCE_BOUNDS, measure_trials=_mode_gap),
    Metric("reestimated_gap", "validation score with re-estimated statistics minus that with the moving ones",
           title="re-estimated_gap", higher_is_better=False, bounds=DIFFERENCE_BOUNDS,
           measure_trials=_reestimated_gap),
    Metric("gradient_growth", "factor by which the squared gradient norm grows per layer toward the input",
           higher_is_better=False, early=True),
    *_probes(),
    # Neither direction is better. In a claim of `probability` the wider spread wins: the symptom is none at all.
    Metric("prediction_spread", "highest minus lowest prediction over at most 200 test rows, for numbers",
           of_numbers=True, measure_trials=_prediction_spread),
    Metric("ok", "whether the outcome of the trial is ok", yes_or_no=True, title="trained_share",
           measure_trials=_ok),
    # The true best rate may be on either side of the grid rate, and a width has two ends: two steps for a pair.
    Metric("best_rate", "rate of the highest mean validation score", over_rates=True, scale="factor", grid_steps=2),
    # Known from all seeds together: `results.edges`.
    Metric("edge", "highest learning rate that trains: half of the trainings train there", over_rates=True,
           scale="factor", former=("max_stable_rate",)),
    Metric("stable_width", "width of the rates around the best with a score at most 0.01 below it", over_rates=True,
           unit="decades", scale="decades", grid_steps=2),
    Metric("lr_sensitivity", "mean over the grid of the loss above its lowest", over_rates=True,
           higher_is_better=False, of_means=True),
    Metric("lr_sensitivity_centered", "the same within 1.5 decades of the best rate", over_rates=True,
           higher_is_better=False, of_means=True, former=("lr_sensitivity_centred",)),
    Metric("score_regret", "mean over the grid of the score below its highest", over_rates=True,
           higher_is_better=False, of_means=True, former=("accuracy_regret",)),
    Metric("seconds_per_step", "median time of a training step", over_rates=True, higher_is_better=False, unit="s",
           timed=True),
)  # fmt: skip
METRICS: dict[str, Metric] = {metric.name: metric for metric in _RECORDS}


def find_metric(name: str) -> Metric | None:
    """Return the metric with this name, current or former, or None."""
    return METRICS.get(name) or next((metric for metric in METRICS.values() if name in metric.former), None)


def get_metric(name: str) -> Metric:
    """Return the metric with this name, which has been checked.

    Raises:
        KeyError: no metric has this name.
    """
    metric = find_metric(name)
    if metric is None:
        raise KeyError(name)
    return metric
