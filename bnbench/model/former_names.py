"""Names of earlier Keras versions and of other libraries, each with what to write now.

A name is looked up only where the installed Keras does not have it.
"""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple

# Names that an optimizer or schedule of any library has for its learning rate.
RATE_NAMES = frozenset(
    {
        "lr", "learning_rate", "learningrate", "learning-rate", "initial_learning_rate", "initial_lr", "init_lr", "lr0",
        "base_lr", "max_lr", "lr_max", "eta", "eta0", "step_size", "rate", "alpha0",
    }
)  # fmt: skip


class _Former(NamedTuple):
    """Former names of arguments, separated by blanks, and what to write now. `{value}` is the value in the config."""

    classes: str
    names: str
    now: str


_WARMUP = "warmup_ratio warmup_epochs warmup_fraction num_warmup_steps warmup_proportion warm_up"
_SET_WARMUP = "set train.warmup: a share of the training, such as 0.1, or {{steps: 200}}"
_DATA_SHAPE = "the data decide the shape of the input: leave it out"
_ARGUMENTS: Mapping[str, tuple[_Former, ...]] = MappingProxyType(
    {
        "optimizers": (
            _Former(
                "*",
                "decay lr_decay learning_rate_decay",
                "divide the learning rate by 1 + {value} * step with "
                "train.schedule: {{inverse_time: {{decay_rate: {value}, decay_steps: 1}}}}",
            ),
            _Former("*", "schedule lr_schedule", "set train.schedule"),
            _Former("*", f"warmup warmup_steps {_WARMUP}", _SET_WARMUP),
            _Former("*", "schedule_decay momentum_decay", "Keras has 0.004, which cannot be changed: leave it out"),
            _Former("*", "betas", "write beta_1 and beta_2"),
            _Former("*", "beta1", "write beta_1"),
            _Former("*", "beta2", "write beta_2"),
            _Former("*", "eps epsilon_hat", "write epsilon"),
            _Former("*", "alpha", "write rho"),
            _Former("*", "l2 weight_decay_rate wd", "write weight_decay, or {{l2: {value}}} as kernel_regularizer"),
            _Former("*", "clip_norm max_grad_norm grad_clip", "write clipnorm (each weight) or global_clipnorm (all)"),
            _Former("*", "clip_value", "write clipvalue"),
            _Former("*", "use_nesterov", "write nesterov"),
            _Former("*", "jit_compile", "set train.engine"),
        ),
        "schedules": (
            _Former("*", f"warmup warmup_steps warmup_target {_WARMUP}", _SET_WARMUP),
            _Former("*", "gamma", "write decay_rate"),
            _Former("*", "milestones", "write boundaries and values"),
            _Former("*", "T_max total_steps", "write decay_steps"),
            _Former("*", "name", "leave it out"),
        ),
        "losses": (
            _Former("*", "reduction", "a loss is the mean over the rows of a batch: leave it out"),
            _Former("*", "logits", "write from_logits"),
            _Former(
                "SparseCategoricalCrossentropy",
                "label_smoothing smoothing",
                "set train.loss: {{categorical_crossentropy: {{label_smoothing: {value}}}}}, the same loss of one-hot "
                "labels",
            ),
            _Former("*", "smoothing", "write label_smoothing"),
        ),
        "callbacks": (
            _Former("ReduceLROnPlateau", "epsilon threshold", "write min_delta"),
            _Former("ModelCheckpoint", "period every_n_epochs", "a model is saved after every epoch: leave it out"),
            _Former("*", "batch_size write_grads embeddings_layer_names embeddings_data", "Keras 3 has dropped it"),
        ),
        "layers": (
            _Former(
                "*",
                "input_shape batch_input_shape input_dim input_length batch_shape batch_size input_dtype in_features "
                "in_channels num_features num_channels",
                _DATA_SHAPE,
            ),
            _Former("*", "weights", "the initializers decide the initial weights, with the seed of the trial"),
            _Former("*", "seed", "the seed of the trial decides it: leave it out"),
            _Former("*", "name", "bnbench names the layers, equally in all variants: leave it out"),
            _Former("*", "dtype autocast", "set train.dtype for all layers"),
            _Former("Dense", "output_dim out_features nb_units", "write units"),
            _Former("LSTM GRU SimpleRNN", "output_dim hidden_size", "write units"),
            _Former("*Conv*", "nb_filter nb_filters out_channels", "write filters"),
            _Former("*Conv*", "nb_row nb_col filter_length", "write kernel_size"),
            _Former("*", "border_mode", "write padding"),
            _Former("*", "subsample subsample_length stride", "write strides"),
            _Former("*", "dim_ordering", "write data_format"),
            _Former("*", "dilation atrous_rate", "write dilation_rate"),
            _Former("*", "pool_length", "write pool_size"),
            _Former("*", "bias", "write use_bias"),
            _Former("*", "init", "write kernel_initializer"),
            _Former("*", "W_regularizer", "write kernel_regularizer"),
            _Former("*", "b_regularizer", "write bias_regularizer"),
            _Former("*", "U_regularizer", "write recurrent_regularizer"),
            _Former("*", "W_constraint", "write kernel_constraint"),
            _Former("*", "b_constraint", "write bias_constraint"),
            _Former("*", "U_constraint", "write recurrent_constraint"),
            _Former("*", "inner_init", "write recurrent_initializer"),
            _Former("*", "forget_bias_init", "write unit_forget_bias: true"),
            _Former("*", "inner_activation", "write recurrent_activation"),
            _Former("*", "dropout_W", "write dropout"),
            _Former("*", "dropout_U", "write recurrent_dropout"),
            _Former("*", "consume_less implementation time_major", "Keras 3 chooses it: leave it out"),
            _Former("*Dropout*", "p prob dropout_rate", "write rate"),
            _Former("*Dropout*", "keep_prob", "write rate: 1 - keep_prob"),
            _Former("GaussianNoise", "sigma", "write stddev"),
            _Former("LeakyReLU ReLU", "alpha", "write negative_slope"),
            _Former("*Normalization", "beta_init", "write beta_initializer"),
            _Former("*Normalization", "gamma_init", "write gamma_initializer"),
            _Former("*Normalization", "eps", "write epsilon"),
            _Former("*Normalization", "decay", "write momentum"),
            _Former("*Normalization", "affine elementwise_affine", "write center and scale"),
            _Former("GroupNormalization", "num_groups", "write groups"),
            _Former("*Normalization", "mode", "rows are normalized per feature: leave it out"),
            _Former("*Normalization", "fused virtual_batch_size adjustment", "Keras 3 has dropped it"),
        ),
        "initializers": (
            _Former("*", "seed", "the seed of the trial decides it: leave it out"),
            _Former("*", "std", "write stddev"),
            _Former("*", "dtype", "set train.dtype for all layers"),
        ),
        "regularizers": (_Former("*", "l weight_decay lambda", "write l1 or l2"),),
        "constraints": (_Former("*", "m max_norm", "write max_value"),),
    }
)  # fmt: skip
_CLASSES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "layers": {
            "deconvolution2d": "write conv2d_transpose",
            "atrousconvolution1d": "write conv1d with dilation_rate",
            "atrousconvolution2d": "write conv2d with dilation_rate",
            "timedistributeddense": "write dense, which works on the last axis",
            "cudnnlstm": "write lstm",
            "cudnngru": "write gru",
            "thresholdedrelu": "write {re_lu: {threshold: 1}}",
            "batchnorm": "write batch_normalization, or norm for the slot of the variants",
            "batchnorm1d": "write batch_normalization, or norm for the slot of the variants",
            "batchnorm2d": "write batch_normalization, or norm for the slot of the variants",
            "syncbatchnormalization": "write {batch_normalization: {synchronized: true}}",
            "layernorm": "write layer_normalization, or norm for the slot of the variants",
            "groupnorm": "write group_normalization, or norm for the slot of the variants",
            "rmsnorm": "write rms_normalization, or norm for the slot of the variants",
            "linear": "write dense",
            "fullyconnected": "write dense",
            "locallyconnected1d": "Keras 3 has dropped it",
            "locallyconnected2d": "Keras 3 has dropped it",
            "maxoutdense": "Keras 3 has dropped it",
            "highway": "Keras 3 has dropped it",
        },
        "optimizers": {
            "gradientdescent": "write sgd",
            "momentum": "write {sgd: {momentum: 0.9}}",
            "nesterov": "write {sgd: {momentum: 0.9, nesterov: true}}",
        },
        "schedules": {
            "constant": "leave train.schedule out",
            "step": "write piecewise_constant",
            "multistep": "write piecewise_constant",
            "cosineannealing": "write cosine",
            "cosineannealingwarmrestarts": "write cosine_decay_restarts",
            "linear": "write {polynomial: {power: 1}}",
            "reducelronplateau": "write it under train.callbacks",
        },
        "losses": {
            "crossentropy": "write sparse_categorical_crossentropy",
            "nllloss": "write sparse_categorical_crossentropy",
            "logloss": "write sparse_categorical_crossentropy",
            "l1": "write mean_absolute_error",
            "l2": "write mean_squared_error",
            "smoothl1": "write huber",
        },
        "initializers": {
            "uniform": "write random_uniform",
            "normal": "write random_normal",
            "zero": "write zeros",
            "one": "write ones",
            "xavier": "write glorot_uniform",
            "xavieruniform": "write glorot_uniform",
            "xaviernormal": "write glorot_normal",
            "kaimingnormal": "write he_normal",
            "kaiminguniform": "write he_uniform",
        },
        "callbacks": {
            "learningratescheduler": "set train.schedule",
            "lrscheduler": "set train.schedule",
            "terminateonnan": "set train.on_divergence: stop, the default",
            "csvlogger": "history.csv in the results has every epoch",
            "backupandrestore": "the same command continues an interrupted run",
        },
    }
)


def former_argument(family: str, class_name: str, argument: str, value: object, known: Collection[str]) -> str | None:
    """Return what to write instead of an argument that the installed Keras does not have, or None.

    Args:
        known: the arguments of the class. An advice to write an argument that it does not have is not given.
    """
    for former in _ARGUMENTS[family]:
        fits = any(fnmatchcase(class_name, one) for one in former.classes.split())
        if fits and argument in former.names.split() and _possible(former.now, known):
            return former.now.format(value=value)
    return None


def _possible(now: str, known: Collection[str]) -> bool:
    first, _, rest = now.partition(" ")
    return first != "write" or any(word.strip(":,") in known for word in rest.split())


def rate_argument(argument: str, known: Collection[str]) -> str:
    """Return the name among `known` of the learning rate, if an argument is another name of it; else the argument."""
    return next((name for name in known if name in RATE_NAMES), argument) if argument in RATE_NAMES else argument


def former_class(family: str, name: str) -> str | None:
    """Return what to write instead of a class that the installed Keras does not have, or None."""
    return _CLASSES.get(family, {}).get(name.replace("_", "").lower())
