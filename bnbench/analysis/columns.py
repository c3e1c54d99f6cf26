"""Every column of every table that users get, declared once: name, type, unit and meaning.

`TABLES` holds the declarations. Other modules derive their lists from them, `column_docs` renders the reference page.
Scores have neutral names (`test_score`): the column `score_name` says whether a score is an accuracy or R².
The database has the older names (`test_accuracy`), and so had earlier tables: `Column.stored`, `Column.former`.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

Dtype = Literal["text", "integer", "number", "boolean"]
log = logging.getLogger(__name__)

ACCURACY, R2 = "accuracy", "R²"
PARTS = ("train", "validation", "test")
# What is measured with the final weights: the loss and the score on each part of the data.
MEASURES = tuple(f"{part}_{kind}" for part in PARTS for kind in ("loss", "score"))
# Training scores are no evidence about unseen rows, so no table for the choice of a variant has them.
CHOICE_MEASURES = tuple(measure for measure in MEASURES if not measure.startswith("train"))
# Percentiles of pre-activations (Ioffe and Szegedy 2015, figure 1).
PERCENTILES = (15, 50, 85)
PRE_ACTIVATIONS = tuple(f"pre_activation_p{percent}" for percent in PERCENTILES)

# The measurement of a trial whose final weights are not those of its last epoch: the epoch that a callback restored.
RESTORED_EPOCH = "restored_epoch"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: its name in tables, in `--where` and in `--sort`.
        dtype: `text`, `integer`, `number` or `boolean`.
        meaning: a phrase for the reference page.
        unit: empty for words, counts and shares.
        public: whether the CSV file has the column; if not, only the analysis uses it.
        stored: its name in the database, if it has another name there.
        former: names that it had in earlier versions; users may still write them.
    """

    name: str
    dtype: Dtype
    meaning: str
    unit: str = ""
    public: bool = True
    stored: str = ""
    former: tuple[str, ...] = ()


def _score(name: str, meaning: str) -> Column:
    """Declare a score. Its name in the database has `accuracy`; earlier tables had `accuracy`, or `r2` for numbers."""
    former = tuple(name.replace("score", word) for word in ("accuracy", "r2"))
    return Column(name, "number", meaning, stored=former[0], former=former)


VARIANT = Column("variant", "text", "name of the variant")
RATE = Column("learning_rate", "number", "learning rate, as planned")
SCORE_NAME = Column("score_name", "text", f"what the scores are: `{ACCURACY}` for classes, `{R2}` for numbers")
N = Column("n", "integer", "number of seeds with a finished trial")
SECONDS_PER_STEP = Column("seconds_per_step", "number", "median time of a training step after warm-up", "s")

KEYS = (
    Column("trial", "text", "id of the trial: a hash of everything that decides its outcome"),
    VARIANT,
    RATE,
    Column("seed", "integer", "seed of the split, the data order, dropout and the initial weights"),
)
OUTCOMES = (
    Column("status", "text", "`completed`, `diverged` or `failed`"),
    Column("outcome", "text", "`ok`, `chance`, `blown` or `nonfinite`; empty for a failed trial"),
    SCORE_NAME,
    Column("diverged_at_step", "integer", "step at which the trial diverged"),
    Column("epochs", "integer", "number of epochs that ran"),
    Column(
        RESTORED_EPOCH,
        "integer",
        "epoch whose weights `early_stopping` restored as the final ones; empty if these are of the last epoch",
    ),
    Column("steps", "integer", "number of training steps that ran"),
    Column("train_loss", "number", "mean training loss over the last or the restored epoch, in training mode"),
    _score("train_score", "mean training score over the last or the restored epoch, in training mode"),
    Column("validation_loss", "number", "validation loss of the final weights"),
    _score("validation_score", "validation score of the final weights"),
    Column("test_loss", "number", "test loss of the final weights"),
    _score("test_score", "test score of the final weights"),
    Column("best_epoch", "integer", "epoch with the highest validation score, then the lowest validation loss"),
    Column("best_test_loss", "number", "test loss of the weights after `best_epoch`"),
    _score("best_test_score", "test score of the weights after `best_epoch`"),
    Column("fitted_loss", "number", "loss of the final weights on the training part, in inference mode"),
    _score("fitted_score", "score of the final weights on the training part, in inference mode"),
    Column("validation_macro_f1", "number", "mean F1 of the classes on the validation part, final weights"),
    Column("test_macro_f1", "number", "the same on the test part"),
    Column(
        "validation_top_k",
        "number",
        "share of validation rows whose class is among the `top_k` that the final weights score highest",
    ),
    Column("test_top_k", "number", "the same of test rows"),
    Column("bn_mode_gap", "number", "validation score with batch statistics minus that with moving statistics"),
    Column(
        "reestimated_score",
        "number",
        "validation score with the statistics of each batch normalization re-estimated over the training part",
    ),
    Column("reestimated_gap", "number", "that score minus `validation_score`"),
    Column("start_share", "number", "largest weight that initial values still have in moving statistics"),
    Column("startless_score", "number", "validation score with the moving statistics without their initial values"),
    Column(
        "longer_momentum_score",
        "number",
        "validation score with moving statistics of a momentum ten times as long, from those at the ends of epochs",
    ),
    Column("prediction_share", "number", "share of validation rows that get the most frequent prediction"),
    Column("majority_share", "number", "share of validation rows in the largest class"),
    Column("dead_share", "number", "largest share of dead or saturated units of any hidden layer"),
    Column("dead_layer", "text", "the hidden layer with that share"),
    Column(
        "first_nonfinite", "text", "the first tensor of a diverged trial with values that are not finite, and its layer"
    ),
    Column("first_dead_layer", "text", "first layer of which 90% of the units were dead in a mini-batch", public=False),
    Column("first_dead_step", "number", "the step of that mini-batch", public=False),
    Column("gradient_growth", "number", "factor by which the squared gradient norm grows per layer toward the input"),
    Column("sharpness_times_rate", "number", "largest Hessian eigenvalue at the end, on 512 rows, times the rate"),
    Column("batch_sharpness_times_rate", "number", "the same on a mini-batch"),
    Column(
        "first_worse_length",
        "number",
        "first length of a step along the gradient that is worse than none: mean of the logarithms at steps 1, 4 and 7",
    ),
    Column(
        "gradient_change", "number", "largest change of the gradient along it, up to 4 times the rate; mean over looks"
    ),
    Column("effective_smoothness", "number", "largest change of the gradient over its distance, the same"),
    Column("smoothness_at_distance", "number", "the same at distances that are equal for all variants"),
    Column("effective_rate", "number", "rate over the squared norm of the kernels in front of a norm, at the end"),
    Column("least_norm_growth", "number", "smallest factor by which a kernel in front of a norm grows within an epoch"),
    Column("initial_loss", "number", "validation loss of the untrained model"),
    Column("constant_score", "number", "share of the largest class in the training rows; empty in earlier results"),
    Column("constant_loss", "number", "loss of the best constant prediction, for a cross-entropy without penalty"),
    Column("chance", "number", "score of guessing: 1/C for C classes, 0 for R²"),
    Column("prediction_spread", "number", "highest minus lowest prediction over at most 200 test rows, for numbers"),
    Column("parameters", "integer", "number of parameters of the model"),
    Column("seconds", "number", "duration of the training", "s"),
    SECONDS_PER_STEP,
    Column("engine", "text", "`xla` or `graph`"),
    Column("worker", "text", "process that trained the trial"),
    Column("mean_class_weight", "number", "mean weight of the training rows (train.class_weight)", public=False),
    Column("chance_top_k", "number", "top-k accuracy of guessing: k/C for C classes", public=False),
    Column("score_rows", "number", "validation rows of which the score is a share; missing for R²", public=False),
)
# Only a table that also has the trials outside the present plan has this column.
STAGE = Column(
    "stage",
    "text",
    "of an adaptive design: what the trial was trained for (`stored`, `choose`, `edge` or `judge`)",
)
IN_PLAN = Column("planned", "boolean", "whether the present plan has the trial")
HISTORY = (
    KEYS[0],
    Column("epoch", "integer", "number of the epoch; 0 is the untrained model"),
    Column("step", "integer", "number of training steps so far"),
    Column("train_loss", "number", "mean training loss over the epoch, in training mode"),
    _score("train_score", "mean training score over the epoch, in training mode"),
    Column("validation_loss", "number", "validation loss after the epoch"),
    _score("validation_score", "validation score after the epoch"),
    Column("seconds", "number", "training time so far", "s"),
    *(
        Column(name, "number", f"{percent}th percentile of one unit's pre-activations (if recorded)")
        for name, percent in zip(PRE_ACTIVATIONS, PERCENTILES, strict=True)
    ),
)
STATISTICS = {"mean": "mean over seeds", "sd": "standard deviation (ddof 1)", "min": "minimum", "max": "maximum"}


def _statistics(names: Iterable[str], kinds: Iterable[str]) -> tuple[Column, ...]:
    """Declare statistics over seeds of some scores."""
    former = {column.name: column.former for column in OUTCOMES}
    return tuple(
        Column(f"{name}_{kind}", "number", f"{STATISTICS[kind]} of `{name}`",
               former=tuple(f"{old}_{kind}" for old in former[name]))
        for name in names for kind in kinds
    )  # fmt: skip


SUMMARY = (
    VARIANT,
    RATE,
    SCORE_NAME,
    N,
    Column("n_ok", "integer", "number of trials with the outcome `ok`"),
    Column("n_chance", "integer", "number of trials with the outcome `chance`"),
    Column("n_diverged", "integer", "number of diverged trials; they count at chance and at the initial loss"),
    Column("p_ok", "number", "share of trials with the outcome `ok`"),
    Column("p_ok_low", "number", "lower end of its Clopper-Pearson 95% interval"),
    Column("p_ok_high", "number", "upper end of its Clopper-Pearson 95% interval"),
    *_statistics(MEASURES, STATISTICS),
    SECONDS_PER_STEP,
)
ESTIMATE = (
    Column("low", "number", "lower end of the 95% interval; empty if there is no interval"),
    Column("high", "number", "upper end of the 95% interval"),
)
BASIS = Column("basis", "text", "`said`, `read` or `ours`: where the statement comes from; empty if not given")
EPOCH = Column("epoch", "number", "epoch after which the metric is taken; empty if it is at the end of training")
CLAIMS = (
    Column("text", "text", "the claim in the words of the experiment file"),
    Column("source", "text", "who says so; empty if nobody is named"),
    BASIS,
    Column("metric", "text", "the metric that is judged"),
    Column("of", "text", "the variant that the claim is about"),
    Column("over", "text", "the variant that it is compared with; empty if there is none"),
    Column("across", "text", "the axis over whose values the range of the metric is taken; empty if there is none"),
    EPOCH,
    Column("bound", "text", "the kind of comparison and the claimed bound"),
    Column("rope", "number", "the largest difference from 0 that does not matter; empty if none is given"),
    Column("estimate", "number", "mean, mean difference, geometric mean ratio or share"),
    *ESTIMATE,
    Column("n", "integer", "number of seeds, or of pairs of seeds; of rounds for `seconds_per_step` of two variants"),
    Column("rounds", "number", "number of rounds in which two variants were timed by turns; empty if not about times"),
    Column("p", "number", "smallest level (1 - confidence) at which the interval decides the claim; empty if unknown"),
    Column("seeds_needed", "number", "seeds that are likely to decide an open claim; empty if over 1,000 or unknown"),
    Column("verdict", "text", "`supported`, `refuted` or `inconclusive`"),
    Column(
        "verdict_text",
        "text",
        "the verdict in words: `supported`, `refuted`, each with `, too small to matter` if it is; "
        "`no relevant difference`; or `open`, with about how many seeds it takes",
    ),
    Column("reason", "text", "why, in words"),
)
PUBLISHED = (
    Column("source", "text", "where the value was published"),
    BASIS,
    VARIANT,
    Column("learning_rate", "number", "learning rate of our trials; empty if the metric is about all rates together"),
    Column("metric", "text", "the metric that was published"),
    EPOCH,
    Column("published", "number", "the published value; infinite if the target was never reached"),
    Column("mean", "number", "our mean over seeds; of losses the geometric mean"),
    Column("sd", "number", "our standard deviation (ddof 1)"),
    N,
    *ESTIMATE,
    Column("difference", "number", "our mean minus the published value"),
    Column("note", "text", "note of the experiment file"),
    Column(
        "why_outside", "text", "why the value lies outside our interval, from the experiment file; empty if it does not"
    ),
)
# How long a step takes, compared with the baseline: only from rounds in which both were trained by turns.
OVERHEAD = (
    Column("overhead", "number", "median ratio of the times of a step: this variant over the baseline, timed by turns"),
    Column("overhead_low", "number", "lowest ratio of a round"),
    Column("overhead_high", "number", "highest ratio of a round"),
    Column("overhead_rounds", "integer", "number of rounds; 0 if the two were not timed by turns"),
)
STEP_TIMES = (
    VARIANT,
    Column("over", "text", "the variant that it is compared with"),
    Column("learning_rate", "number", "learning rate of the training"),
    Column("seed", "integer", "seed of the training"),
    Column("steps", "integer", "number of steps that each of the two trained in a round"),
    Column("clock", "text", "`processor`: time on the processor; `elapsed`: time that passed"),
    Column("round", "integer", "number of the round, from 1"),
    Column("seconds", "number", "seconds per step of the variant in this round", "s"),
    Column("over_seconds", "number", "the same of the other variant", "s"),
    Column("ratio", "number", "the first divided by the second"),
)
RATE_GUESSES = (
    VARIANT,
    Column("predictor", "text", "name of the predictor"),
    Column("rate", "number", "predicted edge; empty if it is not known"),
    Column("reason", "text", "why it is not known: `no rate passes` or `every rate passes`; else empty"),
    Column("edge", "number", "the edge that the sweep has found, as in `Results.variants`"),
    Column("edge_low", "number", "lower end of its 95% interval; 0 if no training bounds it"),
    Column("edge_high", "number", "upper end; infinite if no training bounds it"),
    Column("best_rate", "number", "learning rate with the highest mean validation score"),
    Column("edge_error", "number", "log10 of the predicted edge divided by the edge; empty if no training bounds the "
           "edge on one of its sides", "decades"),
    Column("best_error", "number", "log10 of the predicted edge divided by the best rate", "decades"),
    Column("regret", "number", "best mean validation score minus that at the predicted edge, on the line between the "
           "nearest two rates of the sweep; empty outside them"),
    Column("seed", "integer", "seed of the short trainings"),
    Column("steps", "integer", "number of steps of the short trainings"),
    Column("training_steps", "integer", "number of steps of one trial"),
    Column("seconds", "number", "time of the short trainings without compilation", "s"),
)  # fmt: skip
GUESS_SCORES = (
    Column("predictor", "text", "name of the predictor"),
    Column("predicted", "integer", "number of edges that it predicted"),
    Column("not_known", "integer", "number of edges that were not known to it"),
    *(
        column
        for name, what in (("edge", "the edge"), ("best", "the best rate"))
        for column in (
            Column(f"{name}_n", "integer", f"number of predictions that are compared with {what}"),
            Column(f"{name}_bias", "number", f"mean of log10 of the prediction divided by {what}", "decades"),
            Column(f"{name}_rms", "number", "root mean square of these", "decades"),
            Column(f"{name}_near", "number", "share of them within a quarter of a decade"),
        )
    ),
    Column("regret", "number", "mean regret of the predicted edges"),
)
VARIANTS = (
    VARIANT,
    Column("best_rate", "number", "learning rate with the highest mean validation score"),
    Column("n", "integer", "number of finished trials at the best rate"),
    *_statistics(CHOICE_MEASURES, ("mean", "sd")),
    Column("stable_from", "number", "smallest rate of the run around the best rate at which every seed is ok"),
    Column("stable_to", "number", "largest rate of that run"),
    Column("max_stable_rate", "number", "the same as `stable_to`"),
    Column("well_to", "number",
           "largest rate up to which, from the best on, every seed is ok and the mean is at most 0.05 below the best"),
    Column("stable_width", "number", "width of the rates around the best with at most 0.01 less score", "decades"),
    Column("stable_width_open", "boolean", "whether these rates reach an end of the grid"),
    Column("lr_sensitivity", "number", "mean over the grid of min(loss, initial loss) minus the lowest of them"),
    Column("lr_sensitivity_centered", "number", "the same within 1.5 decades of the best rate",
           former=("lr_sensitivity_centred",)),
    Column("score_regret", "number", "mean over the grid of the best score minus the score at each rate",
           former=("accuracy_regret",)),
    SECONDS_PER_STEP,
    Column("best_rate_ratio", "number", "best rate divided by that of the baseline"),
    *OVERHEAD,
    Column("bn_mode_gap", "number", "mean over the seeds at the best rate; empty if a seed has no such value"),
    Column("reestimated_gap", "number", "the same of `reestimated_gap`"),
    Column("n_diverged", "integer", "number of diverged trials at all rates"),
    Column("trials", "integer", "number of finished trials at all rates"),
    Column("edge", "number", "highest learning rate that trains: where half of the trainings get halfway from chance "
           "to the best mean; empty below three seeds"),
    Column("edge_low", "number", "lower end of its 95% interval; 0 if no training bounds it"),
    Column("edge_high", "number", "upper end; infinite if no training bounds it"),
    Column("judged_n", "integer", "number of seeds that are judged, each at the best rate of the other seeds"),
    Column("judged_mean", "number", "their mean test score: what the best rate reaches without luck"),
    Column("judged_sd", "number", "its standard deviation (ddof 1)"),
    Column("judged_low", "number", "lower end of its 95% interval; empty if there is none"),
    Column("judged_high", "number", "upper end"),
    Column("judged_at", "text", "the rates at which the seeds are judged, each with the number of seeds"),
    Column("stable_width_low", "number", "lower end of the 95% interval of `stable_width`: the rates that are surely "
           "at most 0.01 below the best; empty below three seeds", "decades"),
    Column("stable_width_high", "number", "upper end: up to the next rates that are surely further below; infinite if "
           "the grid ends before", "decades"),
)  # fmt: skip
CURVES = (
    VARIANT,
    Column("best_rate", "number", "learning rate with the highest mean validation score"),
    Column("target", "number", "validation score to reach"),
    Column("n", "integer", "number of finished trials at the best rate"),
    Column("n_reached", "integer", "number of them that reached the target"),
    Column("epochs_to_target_median", "number", "median time to the target; infinite if it is not reached", "epochs"),
    Column("steps_to_target_median", "number", "the same in steps", "steps"),
    Column("seconds_to_target_median", "number", "the same in seconds", "s"),
    Column("overfitting_onset_median", "number", "median epoch of the lowest validation loss", "epochs"),
    Column("aulc_mean", "number", "mean area under the validation score over steps, divided by the steps"),
    Column("aulc_sd", "number", "its standard deviation (ddof 1)"),
    Column("overfitting_rise_mean", "number", "mean rise of the validation loss from its lowest to its final value"),
    Column("overfitting_rise_sd", "number", "its standard deviation (ddof 1)"),
)
CONFUSIONS = (
    VARIANT,
    Column("learning_rate", "number", "best rate of the variant"),
    Column("seed", "integer", "the seed with the highest validation score at this rate"),
    Column("trial", "text", "id of the trial"),
    Column("target", "text", "name of the class of the rows; its number if the name is unknown"),
    Column("predicted", "text", "name of the class that is predicted for them"),
    Column("rows", "integer", "number of these test rows"),
    Column("share", "number", "their share of the rows of the class; empty if it has no row"),
)


def _estimate(name: str, meaning: str) -> tuple[Column, ...]:
    """Declare a number of decades with the ends of its 95% interval."""
    ends = (("low", "lower end of its 95% interval; minus infinity if no training bounds it"),
            ("high", "upper end; infinite if no training bounds it"))  # fmt: skip
    return (
        Column(name, "number", meaning, "decades"),
        *(Column(f"{name}_{end}", "number", text, "decades") for end, text in ends),
    )


CREDIT = (
    Column("kind", "text", "`part`: a norm slot or an ingredient; `total`: all of them; `overlap`: the total minus "
           "what each adds alone"),
    Column("part", "text", "name of the slot or ingredient"),
    Column("label", "text", "its name in tables and figures, with the layers around a slot"),
    *_estimate("credit", "what it adds to log10 of the edge, as a Shapley value; of the other rows, their number"),
    *_estimate("alone", "what it adds to the network that has none of the others"),
    *_estimate("last", "what it adds to the network that has all of the others"),
    Column("orders", "integer", "number of sampled orders; 0 if all subsets were trained"),
)  # fmt: skip
# Further axes of a sweep are columns, too: after `seed` in trials, after `variant` in the other tables.
TABLES: Mapping[str, tuple[Column, ...]] = {
    "trials": (*KEYS, *OUTCOMES),
    "history": HISTORY,
    "summary": SUMMARY,
    "claims": CLAIMS,
    "published": PUBLISHED,
    "variants": VARIANTS,
    "learning_curves": CURVES,
    "confusions": CONFUSIONS,
    "step_times": STEP_TIMES,
    "rate_guesses": RATE_GUESSES,
    "guess_scores": GUESS_SCORES,
    "credit": CREDIT,
}
_ALL = tuple(chain.from_iterable(TABLES.values()))
FROM_STORED: Mapping[str, str] = {column.stored: column.name for column in _ALL if column.stored}
CURRENT: Mapping[str, str] = {old: column.name for column in _ALL for old in column.former}


def column_names(columns: Iterable[Column], *dtypes: Dtype) -> list[str]:
    """Return the names of some columns; if types are given, only the names of columns with one of these types."""
    return [column.name for column in columns if not dtypes or column.dtype in dtypes]


def rename_stored(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table of the database with the column names that users see."""
    return table.rename(columns=dict(FROM_STORED))


def rename_former(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table that any version wrote, with today's column names."""
    return table.rename(columns=dict(CURRENT))


def current_name(name: str, where: str) -> str:
    """Return today's name of a column; log a note if the name is a former one."""
    if name not in CURRENT:
        return name
    log.warning("%s: %r is now called %r", where, name, CURRENT[name])
    return CURRENT[name]
