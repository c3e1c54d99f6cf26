"""The ranges of the arguments of layers."""

from bnbench.model.catalog import activation_names
from bnbench.model.range_tables.row import (
    ABOVE_0,
    COUNT,
    EPSILON,
    FROM_0_TO_1,
    FROM_0_TO_BELOW_1,
    NOT_NEGATIVE,
    NUMBER,
    SIZE,
    WHOLE,
    Row,
)
from bnbench.model.range_tables.weights import SCALING, WINDOW_REASON, WINDOWS
from bnbench.model.values import (
    PER_AXIS,
    Either,
    Fields,
    Listed,
    Lookup,
    Number,
    OneOf,
    Text,
    number_or_pair,
    one_or_more,
    per_axis,
    span,
)

# An axis of the input.
_AXIS = Number(whole=True, nonzero=True)
_AXES = Either(_AXIS, Listed(_AXIS, distinct=True))
_AXIS_REASON = "axes count from 1, or back from -1, each once; axis 0 holds the rows of a batch"
_LEAVE_OUT = OneOf(())
_CASE = "in lower case, so that equal settings have equal ids"
# `threshold` needs arguments; `glu` gives half as many channels as the layer says.
_ACTIVATIONS = Lookup(lambda: activation_names() - {"threshold", "glu"})
_PADDINGS = OneOf(("valid", "same"))
_FRAMES = Number(at_least=1, at_most=1_000_000, whole=True)
_DOCUMENTED = "as documented by Keras, which does not check it"

_ANY = (
    Row(
        "*",
        "activation recurrent_activation",
        _ACTIVATIONS,
        "the layer must give the shape that it says, without arguments",
        # Recurrent layers have an activation by default; none is linear.
        null=True,
    ),
    Row("*", "data_format", OneOf(("channels_last", "channels_first")), _CASE),
    Row(
        "*",
        "lora_rank lora_alpha",
        _LEAVE_OUT,
        "the initial weights of LoRA have no seed, so no trial could be repeated",
    ),
    Row("*", "quantization_config gptq_unpacked_column_size", _LEAVE_OUT, "quantized layers cannot be trained"),
    Row(
        "Embedding",
        "weights",
        _LEAVE_OUT,
        "initial weights come from embeddings_initializer, with the seed of the trial",
    ),
    Row("*", "reverse_dtype", _LEAVE_OUT, "all layers have the dtype train.dtype"),
    Row("*", "sparse", OneOf((False,)), "the next layers need dense tensors"),
    Row("*", "units filters input_dim output_dim n depth_multiplier num_tokens", SIZE),
    Row("*", "height width", SIZE, "an image without rows or columns cannot be trained"),
)
_REGULARIZATION = (
    Row("*Dropout*", "rate", FROM_0_TO_BELOW_1, "a rate of 1 drops everything"),
    Row("*LSTM* GRU SimpleRNN", "dropout recurrent_dropout", FROM_0_TO_BELOW_1, "a rate of 1 drops everything"),
    Row("*Dropout", "noise_shape", Listed(SIZE, nulls=True)),
    Row("GaussianNoise", "stddev", FROM_0_TO_1),
    Row("ActivityRegularization", "l1 l2", NOT_NEGATIVE),
)
_ACTIVATION_LAYERS = (
    Row("ReLU LeakyReLU", "max_value negative_slope threshold", NOT_NEGATIVE),
    Row("ELU", "alpha", NUMBER),
    Row("PReLU", "shared_axes", one_or_more(SIZE), "axes count from 1; axis 0 holds the rows of a batch"),
    Row("Softmax", "axis", _AXES, _AXIS_REASON),
    Row("Concatenate", "axis", _AXIS, _AXIS_REASON),
    Row(
        "Dot",
        "axes",
        Either(_AXIS, Listed(_AXIS, 2)),
        "axes count from 1, or back from -1; axis 0 holds the rows of a batch",
    ),
)
_NORMALIZATION = (
    Row("BatchNormalization GroupNormalization", "axis", _AXIS, _AXIS_REASON),
    Row("LayerNormalization RMSNormalization UnitNormalization", "axis", _AXES, _AXIS_REASON),
    Row("Normalization", "axis", _AXES, _AXIS_REASON, null=True),
    Row("Normalization", "mean", Either(NUMBER, Listed(one_or_more(NUMBER)))),
    Row("Normalization", "variance", Either(NOT_NEGATIVE, Listed(one_or_more(NOT_NEGATIVE))), "it is a square"),
    Row("*Normalization", "momentum renorm_momentum", FROM_0_TO_1, "outside 0 to 1 it is no weight of an average"),
    Row("*", "epsilon", ABOVE_0, EPSILON),
    Row(
        "BatchNormalization",
        "renorm_clipping",
        Fields(("rmin", "rmax", "dmax"), NOT_NEGATIVE),
        "r is a ratio of standard deviations",
    ),
    Row("GroupNormalization", "groups", Either(OneOf((-1,)), SIZE)),
)
_CONVOLUTION = (
    Row("RandomGaussianBlur", "kernel_size", number_or_pair(Number(at_least=1, whole=True, odd=True))),
    Row("*", "kernel_size dilation_rate pool_size", per_axis(SIZE)),
    Row("*", "strides", per_axis(SIZE)),
    Row("*", "output_size", per_axis(SIZE)),
    Row("*", "output_padding", per_axis(COUNT)),
    Row("*", "groups", SIZE),
    Row("Conv1D", "padding", OneOf(("valid", "same", "causal")), _CASE),
    Row("ZeroPadding1D Cropping1D", "padding cropping", number_or_pair(COUNT)),
    Row("ZeroPadding* Cropping*", "padding cropping", Either(COUNT, Listed(number_or_pair(COUNT), PER_AXIS))),
    Row("*", "padding", _PADDINGS, _CASE),
    Row("UpSampling1D", "size", SIZE),
    Row("UpSampling*", "size", per_axis(SIZE)),
)
_SHAPES = (
    Row("Reshape", "target_shape", Listed(Either(OneOf((-1,)), SIZE)), "an axis without any value cannot be trained"),
    Row("Permute", "dims", Listed(SIZE)),
    Row("EinsumDense", "equation", Text(r"[A-Za-z.]+,[A-Za-z]+->[A-Za-z.]+", "an equation, as in `ab,bc->ac`")),
    Row("EinsumDense", "bias_axes", Text(r"[A-Za-z]+", "letters of the output of the equation")),
    Row(
        "EinsumDense",
        "output_shape",
        Either(SIZE, Listed(SIZE, nulls=True)),
        "an axis without any value cannot be trained",
    ),
    Row("Rescaling", "scale offset", one_or_more(NUMBER)),
    Row("ReversibleEmbedding", "logit_soft_cap", ABOVE_0, "Keras divides by it"),
)
_RECURRENT = (
    Row("*", "stateful", OneOf((False,)), "a state would pass from a batch to the next one, whose rows are others"),
    Row("*", "return_state", OneOf((False,)), "the next layer takes a single input"),
    Row("*", "use_cudnn", OneOf(("auto", False)), "auto uses cuDNN where it can; true fails where it cannot"),
)
_FILLS = ("constant", "nearest", "wrap", "reflect")
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area")
_IMAGES = (
    Row("*", "value_range", Listed(NUMBER, 2, rising=True), "a range of one value has no contrast; from low to high"),
    Row("RandomBrightness RandomRotation", "factor", span(-1, 1), "both ends within Keras' bounds"),
    Row("RandomColorJitter", "brightness_factor", span(-1, 1), "both ends within Keras' bounds"),
    Row("RandomColorJitter", "contrast_factor hue_factor", span(0, 1), "both ends within Keras' bounds"),
    Row("RandomColorJitter", "saturation_factor", span(0, 1), _DOCUMENTED),
    Row("RandomGrayscale", "factor", FROM_0_TO_1),
    Row("RandomPosterization", "factor", number_or_pair(Number(at_least=1, at_most=8, whole=True)), "numbers of bits"),
    Row("RandomSaturation RandomColorDegeneration", "factor", span(0, 1), _DOCUMENTED),
    Row("*", "factor sigma", span(0, 1), "both ends within Keras' bounds"),
    Row("RandomTranslation", "height_factor width_factor", span(-1, 1)),
    Row("RandomZoom", "height_factor width_factor", number_or_pair(Number(above=-1, at_most=1))),
    Row("RandomShear", "x_factor y_factor", span(0, 1)),
    Row("RandomPerspective", "scale", FROM_0_TO_1),
    Row("RandomErasing", "scale", span(0, 1), "both ends within Keras' bounds"),
    Row("Solarization", "addition_factor threshold_factor", span(0, 1)),
    Row("Resizing", "fill_mode", OneOf(("constant",)), "Keras' only mode"),
    Row("*", "fill_mode", OneOf(_FILLS)),
    Row("UpSampling2D", "interpolation", OneOf(_INTERPOLATIONS), _CASE),
    Row("Resizing", "interpolation", OneOf(_INTERPOLATIONS)),
    Row("*", "interpolation", OneOf(("nearest", "bilinear"))),
    Row("*", "fill_value", NUMBER),
    Row(
        "RandomFlip", "mode", OneOf(("horizontal", "vertical", "horizontal_and_vertical")), "Keras ignores other words"
    ),
    Row("Contrast*", "clip_limit", ABOVE_0, "0 or less would clip the whole histogram"),
    Row("Contrast*", "tile_grid_size", Listed(SIZE, 2)),
)
_FEATURES = (
    Row("CategoryEncoding", "output_mode", OneOf(("multi_hot", "one_hot", "count"))),
    Row("*", "output_mode", OneOf(("int", "one_hot", "multi_hot", "count"))),
    Row("*", "num_bins", SIZE, "a value must fall into a bin"),
    Row("Discretization", "bin_boundaries", Listed(NUMBER, rising=True), "each bin ends after the one before"),
    Row("Hashing", "mask_value", WHOLE),
    Row("Masking", "mask_value", NUMBER),
    Row("Hashing", "salt", number_or_pair(WHOLE)),
    Row(
        "*Spectrogram",
        "fft_length sequence_stride sequence_length sampling_rate num_mel_bins frame_step",
        _FRAMES,
        "a frame of more than a million values does not fit into memory",
    ),
    Row(
        "STFTSpectrogram",
        "frame_length",
        Number(at_least=2, at_most=1_000_000, whole=True),
        "a frame of more than a million values does not fit into memory",
    ),
    Row("MelSpectrogram", "min_freq", NOT_NEGATIVE, "a frequency is not negative"),
    Row("MelSpectrogram", "max_freq mag_exp min_power ref_power", ABOVE_0, "Keras takes a logarithm or divides by it"),
    Row("MelSpectrogram", "top_db", NOT_NEGATIVE, "a negative distance from the peak"),
    Row("MelSpectrogram", "window", OneOf(("hann", "hamming"))),
    Row("STFTSpectrogram", "window", WINDOWS, WINDOW_REASON),
    Row("STFTSpectrogram", "mode", OneOf(("log", "magnitude", "psd", "real", "imag", "angle", "stft"))),
    Row("STFTSpectrogram", "scaling", SCALING, null=True),
)
ROWS = (
    *_ANY,
    *_REGULARIZATION,
    *_ACTIVATION_LAYERS,
    *_NORMALIZATION,
    *_CONVOLUTION,
    *_SHAPES,
    *_RECURRENT,
    *_IMAGES,
    *_FEATURES,
)
