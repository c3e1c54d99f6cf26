"""Every public layer of Keras, checked once: it trains here as in `fit`, always or under conditions, or it is refused.

A layer that is not in this table, because a later Keras has added it, is refused as not yet checked. The conditions are
in `layer_conditions`. tests/training/test_layers_equal_fit.py compares each layer that trains with `fit`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class LayerRecord:
    """What is known of a layer class."""

    # Why a config must not use it, and what to write instead. Empty if it trains as in `fit`.
    refused: str = ""
    # The names of the conditions under which it trains as in `fit`.
    conditions: tuple[str, ...] = ()
    # Whether it draws random numbers in inference too.
    draws_in_inference: bool = False
    # Whether an earlier version trained it, so that saved models may have it.
    once_trained: bool = False


def _when(*conditions: str, draws_in_inference: bool = False) -> LayerRecord:
    return LayerRecord(conditions=conditions, draws_in_inference=draws_in_inference)


def _refused(reason: str, once_trained: bool = False) -> LayerRecord:
    return LayerRecord(refused=reason, once_trained=once_trained)


_ALWAYS = LayerRecord()
_ATTENTION = _refused(
    "has several inputs that mean different things (query and value), and the branches of a model all mean the same: "
    "use lstm, gru or conv1d on a sequence"
)
_FOREIGN = _refused("runs code that is not in the config: use layers of Keras by name")
_WORDS = _refused(
    "reads words or a file of words, and the rows are numbers: use embedding or category_encoding on whole numbers"
)
_NO_LAYER = _refused("is no layer that computes something: bnbench makes the input of the model from the data")

_TRAINS = (
    "Activation", "ActivityRegularization", "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D",
    "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AveragePooling1D", "AveragePooling2D", "BatchNormalization",
    "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Cropping1D", "Cropping2D",
    "Cropping3D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "ELU", "Flatten", "GaussianDropout", "GaussianNoise",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D",
    "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization", "Identity", "LeakyReLU",
    "Masking", "MaxPooling1D", "MaxPooling2D", "PReLU", "Permute", "RMSNormalization", "ReLU", "RepeatVector",
    "Rescaling", "Reshape", "STFTSpectrogram", "SeparableConv1D", "SeparableConv2D", "SpatialDropout1D",
    "SpatialDropout2D", "SpatialDropout3D", "UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D",
    "ZeroPadding2D", "ZeroPadding3D",
)  # fmt: skip
# Layers that take several inputs: the ends of branches.
MERGING = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")
# These draw random numbers only if they have dropout.
RECURRENT = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "SimpleRNN")
_TRAINS_WHEN: Mapping[str, LayerRecord] = MappingProxyType(
    {
        # TensorFlow has no float64 kernels for these on a CPU, or Keras mixes float32 into them.
        **dict.fromkeys(
            (
                "AdaptiveAveragePooling3D", "AdaptiveMaxPooling3D", "AveragePooling3D", "MaxPooling3D",
                "MelSpectrogram",
            ),
            _when("float32"),
        ),
        **dict.fromkeys(RECURRENT, _when(draws_in_inference=True)),
        # Layers that could mix the rows of a batch.
        **dict.fromkeys(("Softmax", "UnitNormalization"), _when("not_along_the_batch")),
        "LayerNormalization": _when("not_along_the_batch"),
        **dict.fromkeys(("AlphaDropout", "Dropout"), _when("noise_for_each_row")),
        "EinsumDense": _when("equation_keeps_rows"),
        # Layers of whole numbers, and layers that are adapted to data.
        **dict.fromkeys(("Embedding", "ReversibleEmbedding"), _when("whole_below_input_dim")),
        "CategoryEncoding": _when("whole_below_num_tokens", "not_xla"),
        "Hashing": _when("whole", "encoded", "not_xla"),
        "Normalization": _when("mean_and_variance"),
        "Discretization": _when("bin_boundaries"),
        # Layers that move the pixels of images.
        **dict.fromkeys(
            ("RandomPerspective", "RandomShear", "RandomTranslation", "RandomZoom"), _when("images", "not_xla")
        ),
        **dict.fromkeys(("CenterCrop", "RandomFlip", "Resizing"), _when("images")),
        "RandomRotation": _when("images", "float32", "not_xla"),
        "RandomCrop": _when("images", "smaller_crop", "size_fixed_afterwards"),
        # Layers that change the colors of images.
        **dict.fromkeys(("RandomBrightness", "Solarization"), _when("planes", "known_range")),
        "RandomPosterization": _when("planes", "known_range", draws_in_inference=True),
        "RandomInvert": _when("planes", "known_range", "range_from_0"),
        **dict.fromkeys(
            ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "RandomContrast", "RandomErasing",
             "RandomGaussianBlur"),
            _when("images", "known_range"),
        ),
        "RandomSharpness": _when("images", "known_range", draws_in_inference=True),
        **dict.fromkeys(
            ("RandomColorDegeneration", "RandomHue"),
            _when("images", "three_channels", "known_range", draws_in_inference=True),
        ),
        "RandomGrayscale": _when("images", "three_channels", "known_colors", draws_in_inference=True),
        "RandomSaturation": _when(
            "images", "three_channels", "known_range", "range_from_0", draws_in_inference=True
        ),
        "RandomColorJitter": _when("images", "jittered_channels", "known_range", "range_from_0"),
    }
)  # fmt: skip
_REFUSED: Mapping[str, LayerRecord] = MappingProxyType(
    {
        # Layers that mean something else here.
        "MixUp": _refused(
            "mixes the images of a batch but not their labels, so it trains on wrong labels: leave it out, or use "
            "random_erasing or gaussian_noise",
            once_trained=True,
        ),
        "CutMix": _refused(
            "mixes the images of a batch but not their labels, so it trains on wrong labels: leave it out, or use "
            "random_erasing",
            once_trained=True,
        ),
        "Equalization": _refused(
            "makes one histogram of all images of a batch, so the rows of a batch change each other: use auto_contrast",
            once_trained=True,
        ),
        "RandAugment": _refused(
            "chooses one operation for all images of a batch, and one of them (equalization) mixes the images: list "
            "the operations that you want, as random_brightness, random_contrast and random_rotation",
            once_trained=True,
        ),
        "AugMix": _refused(
            "chooses its operations when it is compiled, with numbers that no seed fixes: list the operations that you "
            "want, as random_brightness, random_contrast and random_rotation",
            once_trained=True,
        ),
        "RandomElasticTransform": _refused(
            "distorts only the first image of a batch where the number of rows is not fixed, and puts it in the place "
            "of others: use random_perspective, random_shear or random_zoom",
            once_trained=True,
        ),
        "MaxNumBoundingBoxes": _refused(
            "changes bounding boxes, which no data set has, so it would do nothing: leave it out", once_trained=True
        ),
        # Layers that run code or read files.
        "Lambda": _refused("runs code from the config: use activation or another layer by name"),
        **dict.fromkeys(("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"), _FOREIGN),
        **dict.fromkeys(("IntegerLookup", "StringLookup", "TextVectorization"), _WORDS),
        # Layers around layers.
        "Bidirectional": _refused(
            "wraps a layer, which a list of layers cannot express: use lstm, gru or simple_rnn in one direction "
            "(go_backwards: true is the other)"
        ),
        "TimeDistributed": _refused(
            "wraps a layer, which a list of layers cannot express: write the layer itself, as dense, which acts on "
            "each step of a sequence; or use conv1d with kernel_size 1"
        ),
        "RNN": _refused("takes cells, which are not layers: use lstm, gru or simple_rnn"),
        "StackedRNNCells": _refused(
            "is a cell, not a layer: use several lstm, gru or simple_rnn, with return_sequences"
        ),
        "GRUCell": _refused("is the cell of a layer: use gru"),
        "LSTMCell": _refused("is the cell of a layer: use lstm"),
        "SimpleRNNCell": _refused("is the cell of a layer: use simple_rnn"),
        "SpectralNormalization": _refused(
            "wraps a layer, which a list of layers cannot express: use kernel_constraint: unit_norm or max_norm"
        ),
        "Pipeline": _refused("holds layers: write them into the list of layers"),
        "Wrapper": _refused("holds a layer: write that layer into the list of layers"),
        "Layer": _refused("is the base of all layers and computes nothing: use identity, or leave it out"),
        "Input": _NO_LAYER,
        "InputLayer": _NO_LAYER,
        "InputSpec": _NO_LAYER,
        # Layers with several inputs.
        **dict.fromkeys(("AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"), _ATTENTION),
        "HashedCrossing": _refused("combines two columns of categories, and the inputs are numbers: leave it out"),
    }
)
# Class name -> what is known of it.
LAYERS: Mapping[str, LayerRecord] = MappingProxyType(
    dict.fromkeys((*_TRAINS, *MERGING), _ALWAYS) | dict(_TRAINS_WHEN) | dict(_REFUSED)
)
