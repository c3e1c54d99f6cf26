"""What only Keras notices is an error before training, with the key of the part that causes it, in one line."""

import errno
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from bnbench.data.types import Dataset, DatasetInfo
from bnbench.errors import ConfigError
from bnbench.planning.plan import Program
from bnbench.training import check, check_rows
from bnbench.training.check import check_program
from bnbench.training.check_rows import SIZES, handful_of_rows
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_errors import describe_error, is_machine_problem
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan
from support.keras_alone import skip_checks_of_the_file

IMAGES = (6, 6, 1)
OUT = {"dense": "$classes"}
NETWORK = [{"dense": 4}, {"activation": "relu"}, OUT]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def program_of(layers: list[Any] = NETWORK, shape: tuple[int, ...] = (5,), **changes: Any) -> Program:
    changes = {"variants": {"plain": {}}, "data__scale": "none"} | changes
    return make_plan(facts(shape), model={"layers": layers}, **changes).cohorts[0].program


def checked(program: Program, rows: Dataset | None = None) -> None:
    check_program(program, handful_of_rows(rows or dataset(program.facts)))


def refusal(program: Program, rows: Dataset | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        checked(program, rows)
    message = str(caught.value)
    assert "\n" not in message
    assert "\x1b" not in message
    assert "Arguments received" not in message
    return message


# A layer, the shape of a row, and the words of Keras that end the message. The errors are of many classes.
LAYERS: list[tuple[Any, tuple[int, ...], str]] = [
    ({"prelu": {"shared_axes": [5]}}, (5,), "IndexError: list assignment index out of range"),
    ({"dense": {"units": 4, "kernel_initializer": {"constant": [1, 2, 3]}}}, (5,), "shapes"),
    ({"dense": {"units": 4, "bias_initializer": "orthogonal"}}, (5,), "at least two-dimensional"),
    ({"dense": {"units": 4, "bias_regularizer": "orthogonal_regularizer"}}, (5,), "rank 2"),
    ({"dense": {"units": 4, "kernel_constraint": {"max_norm": {"axis": 5}}}}, (5,), "constraint: Invalid reduction"),
    ({"dense": {"units": 4, "activation": "glu"}}, (5,), "gives (2,) in training, although Keras announces (4,)"),
    ({"random_rotation": {"factor": 0.2, "fill_mode": "x"}}, IMAGES, "NotImplementedError: Unknown `fill_mode` x"),
    ({"zero_padding2d": {"padding": [1, 2, 3]}}, IMAGES, "gets (6, 6, 1): `padding` should have"),
    ({"masking": {"mask_value": None}}, (5,), "NoneType"),
    ({"embedding": {"input_dim": 3, "output_dim": 2}}, (5,), "takes whole numbers from 0, and gets -"),
    ({"reversible_embedding": {"input_dim": 30, "output_dim": 2}}, (5,), "takes whole numbers from 0, and gets -"),
    ({"hashing": {"num_bins": 8, "output_mode": "multi_hot"}}, (5,), "takes whole numbers from 0, and gets -"),
    # It works on a known number of rows, and an evaluation takes any number.
    ({"dense": {"units": 4, "activity_regularizer": "orthogonal_regularizer"}}, (5,), "in a graph: "),
]

# oneDNN cannot convert the weights of one number that a graph fuses with their bias.
ONE_NUMBER: list[Any] = [
    {"conv2d": {"filters": 1, "kernel_size": 1}},
    {"separable_conv2d": {"filters": 1, "kernel_size": 1}},
]


@pytest.mark.parametrize(("layer", "shape", "words"), LAYERS, ids=str)
def test_the_layer_is_named_that_keras_rejects(
    layer: Any, shape: tuple[int, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_checks_of_the_file(monkeypatch)
    message = refusal(program_of([layer, "flatten", OUT], shape))
    assert message.startswith(f"tiny.yaml: model.layers[0].{next(iter(layer))}: ")
    assert words in message


def test_a_layer_in_a_branch_is_named_that_keras_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_checks_of_the_file(monkeypatch)
    layer = {"dense": {"units": 5, "activity_regularizer": "orthogonal_regularizer"}}
    message = refusal(program_of([{"residual": {"layers": [layer]}}, OUT], (5,)))
    assert message.startswith("tiny.yaml: model.layers[0].residual.layers[0].dense: dense_0 (Dense) in a graph: ")


def refused_layer(program: Program, rows: Dataset) -> str:
    """Return the message about a layer; empty if the program passes the check."""
    try:
        checked(program, rows)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("engine", ["graph", "xla"])
@pytest.mark.parametrize("layer", ONE_NUMBER, ids=str)
def test_a_layer_that_fails_where_a_graph_fuses_it_is_refused_before_training(layer: Any, engine: str) -> None:
    program, rows = program_of([layer, "flatten", OUT], IMAGES, train__engine=engine), dataset(facts(IMAGES))
    message = refused_layer(program, rows)
    if message:
        words = r"\w+ \(\w+\) in a graph: AbortedError: could not create a primitive descriptor"
        assert re.match(rf"tiny\.yaml: model\.layers\[0\]\.{next(iter(layer))}: {words}", message), message
    else:
        # On other processors TensorFlow uses other kernels. What passes the check must train.
        CompiledProgram(program, rows).evaluate_train_rows(tf.constant([0, 1]))


def test_the_key_of_a_norm_is_that_of_its_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_checks_of_the_file(monkeypatch)
    variants = {"bn": {"norm": {"batch": {"axis": 3}}}}
    message = refusal(program_of([{"dense": 4}, "norm", OUT], variants=variants))
    assert message.startswith("tiny.yaml: variants.bn.norm.batch: norm_0 (BatchNormalization) gets (4,): IndexError")


# Keys of `train`, the key in the message, and words of Keras.
TRAINING: list[tuple[dict[str, Any], str, str]] = [
    ({"train__optimizer": {"sgd": {"clipvalue": [1, 2, 3]}}}, "optimizer", "SGD"),
    ({"train__optimizer": {"sgd": {"gradient_accumulation_steps": 1}}}, "optimizer", "SGD: `gradient_accumulation"),
    ({"train__optimizer": {"sgd": {"gradient_accumulation_steps": 2.5}}}, "optimizer", "SGD: Cannot convert 2.5"),
    ({"train__optimizer": {"adam": {"beta_1": None}}}, "optimizer", "Adam: Attempt to convert a value (None)"),
    ({"train__optimizer": {"muon": {"exclude_layers": ["("]}}}, "optimizer", "Muon: "),
    ({"train__schedule": {"cosine": {"decay_steps": [3, 4, 5]}}}, "schedule", "CosineDecay"),
    ({"train__loss": {"categorical_crossentropy": {"axis": 5}}}, "loss", "CategoricalCrossentropy"),
    ({"train__callbacks": ["tensorboard", {"early_stopping": {"patience": None}}]}, "callbacks[1]", "EarlyStopping"),
    ({"train__callbacks": [{"reduce_lr_on_plateau": {"cooldown": None}}]}, "callbacks[0]", "ReduceLROnPlateau"),
]


@pytest.mark.parametrize(("changes", "key", "words"), TRAINING, ids=str)
def test_the_part_of_the_training_is_named_that_keras_rejects(
    changes: dict[str, Any], key: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_checks_of_the_file(monkeypatch)
    message = refusal(program_of(**changes))
    assert re.match(rf"tiny\.yaml: train\.{re.escape(key)}[.:]", message), message
    assert words in message


def test_an_embedding_must_have_an_entry_for_the_largest_number() -> None:
    program = program_of([{"embedding": {"input_dim": 9, "output_dim": 2}}, "flatten", OUT])
    rows = dataset(program.facts)
    rows.x[:] = 1
    checked(program, rows)
    # One row in the middle of the data.
    x = rows.x.copy()
    x[30, 2] = 9
    rows = replace(rows, x=x)
    assert "input_dim: embedding_0 (Embedding) found 9, wanted more than the largest" in refusal(program, rows)


def test_a_mask_must_not_hide_rows_from_r2() -> None:
    of = facts((5,), classes=0)
    program = make_plan(of, model={"layers": ["masking", {"dense": 1}]}, variants={"plain": {}}, train__loss="mse")
    message = refusal(program.cohorts[0].program)
    assert "a mask reaches the outputs and hides whole rows: R2" in message


def test_a_model_that_cannot_be_loaded_again_is_refused_only_if_models_are_saved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("a class")

    monkeypatch.setattr(keras.saving, "load_model", fail)
    checked(program_of())
    message = refusal(program_of(save_models="best"))
    assert message == "tiny.yaml: save_models: the model cannot be saved and loaded: KeyError: 'a class'"
    message = refusal(program_of(train__callbacks=["model_checkpoint"]))
    assert message.startswith("tiny.yaml: train.callbacks[0]: ModelCheckpoint: KeyError")


GOOD: list[dict[str, Any]] = [
    {"save_models": "final", "train__callbacks": [{"model_checkpoint": {"save_weights_only": True}}]},
    {"train__optimizer": {"sgd": {"momentum": 0, "gradient_accumulation_steps": 50, "clipnorm": 1}}},
    {"train__schedule": {"piecewise_constant": {"boundaries": [2, 4], "values": [1, 0.1, 0.01]}}},
    {"train__callbacks": [{"early_stopping": {"patience": 300}}, "reduce_lr_on_plateau"], "train__epochs": 9},
    {
        "layers": [{"reshape": [5, 1]}, {"masking": {"mask_value": 0}}, {"lstm": 3}, OUT],
        "train__pre_activations": False,
    },
    {"layers": [{"dense": {"units": 4, "trainable": False}}, {"dropout": 0}, {"activation": "elu"}, OUT]},
]


@pytest.mark.parametrize("changes", GOOD, ids=str)
def test_what_keras_trains_passes(changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checked(program_of(**changes))
    # The check writes into a temporary folder of its own.
    assert list(tmp_path.iterdir()) == []


def test_the_check_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CompiledProgram, "warm_up", None)
    checked(program_of(train__engine="xla"))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
        tf.errors.InternalError(None, None, "XLA compilation failed"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
    ids=repr,
)
def test_a_problem_of_the_machine_is_left_to_the_trials(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("in a layer") from error

    monkeypatch.setattr(check, "seeded_layer", fail)
    assert is_machine_problem(error)
    checked(program_of())


def test_keras_words_are_one_line_without_colors_and_arguments() -> None:
    layer = keras.layers.Dense(3)
    layer.build((None, 4))
    with pytest.raises(ValueError, match="incompatible") as caught:
        layer(np.ones((2, 5)))
    words = describe_error(caught.value)
    assert words.startswith("Input 0 with name")
    assert "\n" not in words
    with pytest.raises(Exception, match="Matrix size") as failed:
        tf.matmul(tf.ones((2, 3)), tf.ones((4, 5)))
    assert describe_error(failed.value) == "Matrix size-incompatible: In[0]: [2,3], In[1]: [4,5]"
    assert describe_error(KeyError("units")) == "KeyError: 'units'"
    assert describe_error(AssertionError()) == "AssertionError"
    assert len(describe_error(ValueError("long " * 999))) == 300


def test_an_error_in_a_graph_is_told_without_the_lines_that_made_the_graph() -> None:
    @tf.function
    def divide(values: tf.Tensor) -> tf.Tensor:
        return tf.debugging.check_numerics(1 / values, "no number")

    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        divide(tf.constant(0.0))
    assert "Graph execution error" in str(caught.value)
    assert describe_error(caught.value).startswith("no number : Tensor had Inf values")


def test_the_handful_spans_the_classes_and_the_values() -> None:
    of: DatasetInfo = facts((2,), rows=90, classes=26)
    rows = dataset(of)
    rows.x[40] = [7, -7]
    few = handful_of_rows(rows)
    assert len(few.x) == SIZES.train + SIZES.test == few.facts.rows
    assert few.facts.test_rows == SIZES.test
    assert {0, 25} <= set(few.y.tolist())
    assert few.x.max() == 7
    assert few.x.min() == -7
    assert rows.x.shape == (90, 2)
    assert check_rows.handful_of_rows(rows).x.tolist() == few.x.tolist()


def second_refusal(*others: Program) -> str:
    """Check a program that Keras accepts, then others with the same functions; return the message about the last."""
    first = program_of()
    rows = handful_of_rows(dataset(first.facts))
    kept = check_program(first, rows)
    assert kept is not None
    for program in others[:-1]:
        assert check_program(program, rows, kept) is kept
    with pytest.raises(ConfigError) as caught:
        check_program(others[-1], rows, kept)
    return str(caught.value)


def test_one_step_is_trained_for_all_programs_with_the_same_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    step = CompiledProgram._step
    monkeypatch.setattr(CompiledProgram, "_step", lambda self, rows: [steps.append(1), step(self, rows)][1])
    programs = [program_of([{"dense": {"units": 4, "kernel_initializer": name}}, OUT]) for name in ("zeros", "ones")]
    rows = handful_of_rows(dataset(programs[0].facts))
    kept = check_program(programs[0], rows)
    assert steps
    steps.clear()
    assert check_program(programs[1], rows, kept) is kept
    assert not steps


def test_an_initializer_is_refused_also_where_the_functions_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_checks_of_the_file(monkeypatch)
    wrong = {"dense": {"units": 4, "bias_initializer": "orthogonal"}}
    right = {"dense": {"units": 4, "bias_initializer": "ones"}}
    message = second_refusal(*(program_of([layer, *NETWORK[1:]]) for layer in (right, wrong)))
    assert message.startswith("tiny.yaml: model.layers[0].dense: ")
    assert "at least two-dimensional" in message


def test_a_callback_is_refused_also_where_the_functions_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_checks_of_the_file(monkeypatch)
    message = second_refusal(program_of(train__callbacks=[{"early_stopping": {"patience": None}}]))
    assert message.startswith("tiny.yaml: train.callbacks[0]")
    assert "EarlyStopping" in message
