"""The ranges of the arguments of initializers, regularizers and constraints."""

from bnbench.model.range_tables.row import ABOVE_0, FROM_0_TO_1, NOT_NEGATIVE, NUMBER, WHOLE, Row
from bnbench.model.values import Either, Listed, OneOf

# Windows of SciPy that need no parameter.
WINDOWS = OneOf(
    ("hann", "hamming", "blackman", "bartlett", "boxcar", "cosine", "flattop", "nuttall", "parzen", "tukey")
)
WINDOW_REASON = "these windows need no parameter"
SCALING = OneOf(("density", "spectrum"))

INITIALIZERS = (
    Row("Constant", "value", NUMBER, "a list would have to fit the shape of every weight that it initializes"),
    Row("RandomNormal TruncatedNormal", "mean", NUMBER),
    Row("RandomNormal TruncatedNormal", "stddev", NOT_NEGATIVE, "a standard deviation is not negative"),
    Row("RandomUniform", "minval maxval", NUMBER),
    Row("Orthogonal Identity", "gain", NUMBER),
    Row("VarianceScaling", "scale", ABOVE_0),
    Row("VarianceScaling", "mode", OneOf(("fan_in", "fan_out", "fan_avg"))),
    Row(
        "VarianceScaling",
        "distribution",
        OneOf(("truncated_normal", "untruncated_normal", "uniform", "normal")),
        "in lower case, so that equal settings have equal ids",
    ),
    Row("*", "input_axes output_axes", Listed(WHOLE, distinct=True), "an axis counts once"),
    Row("STFT", "side", OneOf(("real", "imag"))),
    Row("STFT", "window", WINDOWS, WINDOW_REASON, null=True),
    Row("STFT", "scaling", SCALING, null=True),
)
REGULARIZERS = (
    Row("L1 L2 L1L2", "l1 l2", NOT_NEGATIVE),
    Row("OrthogonalRegularizer", "factor", NOT_NEGATIVE),
    Row("OrthogonalRegularizer", "mode", OneOf(("rows", "columns"))),
)
CONSTRAINTS = (
    Row("MaxNorm MinMaxNorm", "max_value", ABOVE_0, "weights of norm 0 or less cannot learn"),
    Row("MinMaxNorm", "min_value", NOT_NEGATIVE, "a norm is not negative"),
    Row("MinMaxNorm", "rate", FROM_0_TO_1, "a share of the way to the allowed norms"),
    Row("*", "axis", Either(WHOLE, Listed(WHOLE, distinct=True))),
)
