"""The ranges of the arguments of optimizers, schedules, losses and callbacks."""

from bnbench.model.range_tables.row import (
    ABOVE_0,
    COUNT,
    EPSILON,
    FROM_0_TO_1,
    FROM_0_TO_BELOW_1,
    NOT_NEGATIVE,
    NUMBER,
    WHOLE,
    Row,
)
from bnbench.model.schedule_arguments import ALL
from bnbench.model.values import Either, Listed, Number, OneOf, Text, one_or_more

_AVERAGE = "outside this range it is no weight of a moving average"
_CORRECTED = "with 1 the correction of the average divides by 0; outside 0 to 1 it is no average"

OPTIMIZERS = (
    Row(
        "Adafactor", "relative_step", OneOf((True,)), "Keras ignores it: the rate is at most 1 / sqrt(step) either way"
    ),
    Row("SGD", "momentum", FROM_0_TO_1),
    Row("RMSprop Muon", "momentum", FROM_0_TO_1, _AVERAGE),
    Row(
        "RMSprop Adadelta", "rho", FROM_0_TO_BELOW_1, "with 1 the average never leaves its start; otherwise it is none"
    ),
    Row("Lion", "beta_1", Number(above=0, at_most=1)),
    Row("Lion", "beta_2", FROM_0_TO_1, _AVERAGE),
    Row("ScheduleFreeAdamW", "beta_1", Number(above=0, at_most=1), "Keras divides by it"),
    Row("*", "beta_1 beta_2 adam_beta_1 adam_beta_2", FROM_0_TO_BELOW_1, _CORRECTED),
    Row("*", "epsilon epsilon_1 epsilon_2", ABOVE_0, EPSILON),
    Row("*", "weight_decay adam_weight_decay", NOT_NEGATIVE, "a negative weight decay lets weights grow without end"),
    Row("*", "clipnorm clipvalue global_clipnorm", ABOVE_0, "leave it out for no clipping: Keras ignores 0 or less"),
    Row("*", "loss_scale_factor", ABOVE_0, "leave it out for no scaling: Keras ignores 0"),
    Row(
        "*",
        "gradient_accumulation_steps",
        Number(at_least=2, whole=True),
        "leave it out for no accumulation",
    ),
    Row("Adagrad", "initial_accumulator_value", NOT_NEGATIVE, "Keras takes its square root"),
    Row("Ftrl", "initial_accumulator_value", NOT_NEGATIVE),
    Row("Ftrl", "learning_rate_power", Number(at_most=0)),
    Row("Ftrl", "l1_regularization_strength l2_regularization_strength", NOT_NEGATIVE),
    Row("Ftrl", "l2_shrinkage_regularization_strength", NOT_NEGATIVE),
    Row("Ftrl", "beta", NOT_NEGATIVE, "a negative value adds a negative penalty"),
    Row("Adafactor", "beta_2_decay", Number(at_most=0), "the average of squares would get a negative weight"),
    Row("Adafactor", "clip_threshold", ABOVE_0, "Keras divides by it"),
    Row("Muon", "adam_lr_ratio", ABOVE_0, "the other weights would not learn, or climb"),
    Row("Muon", "rms_rate", ABOVE_0, "the weights would not learn, or climb", null=True),
    Row("Muon", "muon_a muon_b muon_c", NUMBER),
    Row("Muon", "ns_steps", Number(at_least=1, at_most=100, whole=True), "each step is compiled"),
    Row(
        "Muon",
        "exclude_layers",
        Listed(Text(r"[A-Za-z0-9_/]{1,80}", "a part of the name of a layer")),
        "Keras takes each text for a regular expression, and a single text for a list of its letters",
    ),
    Row("ScheduleFreeAdamW", "warmup_steps", COUNT, "a number of steps"),
)

_FACTOR = "a factor of the swept learning rate is not negative"
_SHARE_BELOW_1 = "below 1 it is a share of the training"
_SHARE = f"{_SHARE_BELOW_1}, and `all` is all of it"
SCHEDULES = (
    Row("*", "decay_steps first_decay_steps", Either(ABOVE_0, OneOf((ALL,))), _SHARE),
    Row("ExponentialDecay", "decay_rate", ABOVE_0, "a power of 0 or of a negative number is no learning rate"),
    Row("InverseTimeDecay", "decay_rate", NOT_NEGATIVE, "the schedule would divide by 0 at some step"),
    Row("Cosine*", "alpha", FROM_0_TO_1, "the factor that the schedule falls to, from 1"),
    Row("CosineDecay", "warmup_steps", NOT_NEGATIVE, f"a number of steps; {_SHARE_BELOW_1}"),
    Row("*", "initial_learning_rate", NOT_NEGATIVE, f"{_FACTOR}; only with warmup_target"),
    Row("CosineDecay", "warmup_target", ABOVE_0, _FACTOR),
    Row("CosineDecayRestarts", "t_mul", Number(at_least=1), "with less than 1, the rate is nan after some restarts"),
    Row("CosineDecayRestarts", "m_mul", NOT_NEGATIVE, _FACTOR),
    Row("PolynomialDecay", "end_learning_rate", NOT_NEGATIVE, _FACTOR),
    Row(
        "PolynomialDecay",
        "power",
        ABOVE_0,
        "with 0 Keras ignores end_learning_rate, and a negative power is infinite at the last step",
    ),
    Row(
        "PiecewiseConstantDecay",
        "boundaries",
        Listed(NOT_NEGATIVE, rising=True),
        f"each boundary is a step after the one before; {_SHARE_BELOW_1}",
    ),
    Row("PiecewiseConstantDecay", "values", Listed(NOT_NEGATIVE), _FACTOR),
)

LOSSES = (
    Row("*", "label_smoothing", FROM_0_TO_1, "a share of the label"),
    Row("BinaryFocalCrossentropy", "alpha", FROM_0_TO_1, "the weight of a class; the other has 1 - alpha"),
    Row("CategoricalFocalCrossentropy", "alpha", one_or_more(NOT_NEGATIVE), "a class with a negative weight unlearns"),
    Row("*", "gamma", NOT_NEGATIVE, "a negative power is infinite for a class that is predicted surely"),
    Row("Huber", "delta", ABOVE_0, "with 0 the loss is 0 everywhere, with less it falls as errors grow"),
    Row("*", "axis", OneOf((-1, 1)), "outputs have two axes: 0 counts the rows, 1 or -1 the classes"),
    Row("SparseCategoricalCrossentropy", "ignore_class", WHOLE, "classes are whole numbers"),
)

_EPOCHS = "a number of epochs"
CALLBACKS = (
    Row("*", "patience cooldown start_from_epoch histogram_freq", COUNT, _EPOCHS),
    Row("*", "min_delta", NOT_NEGATIVE, "Keras ignores the sign"),
    Row("*", "baseline initial_value_threshold", NUMBER),
    Row("ReduceLROnPlateau", "factor", Number(above=0, below=1), "the learning rate would be 0 or negative"),
    Row("ReduceLROnPlateau", "min_lr", NOT_NEGATIVE, "a learning rate is not negative"),
    Row("*", "mode", OneOf(("auto", "min", "max")), "Keras falls back to auto"),
    Row("*", "monitor", Text(r"\w+", "the name of a metric")),
)
