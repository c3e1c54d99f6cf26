"""Functions are named by a key, so that XLA's cache finds them whatever was traced before them."""

import subprocess
import sys
from pathlib import Path

import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow.python.framework import ops

from bnbench.training.stable_names import stable_names
from support.paths import ROOT

# Builds a program after so many other models and functions, and prints the names of the files in XLA's cache.
BUILD = """
import os, sys
os.environ["TF_XLA_FLAGS"] = f"--tf_xla_persistent_cache_directory={sys.argv[1]}"
sys.path[:0] = ["tests"]
from bnbench.training import startup
startup.import_tensorflow()
import keras, tensorflow as tf
from bnbench.training.compiled_program import CompiledProgram
from support.examples import dataset, make_plan
for number in range(int(sys.argv[2])):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)]).compile("sgd", "mse")
    tf.function(lambda x: x + number)(tf.constant(1.0))
program = make_plan(train__engine="xla").cohorts[1].program
CompiledProgram(program, dataset(program.facts))
print(*sorted(os.listdir(sys.argv[1])), sep="\\n")
"""


def name_of_a_loop(key: str) -> list[str]:
    """Trace a function with a loop; return its name and those of the functions in it."""

    def loop(x: tf.Tensor) -> tf.Tensor:
        return tf.while_loop(lambda x: x < 9, lambda x: x + 1, [x])[0]

    with stable_names(key):
        traced = tf.function(loop, autograph=False).get_concrete_function(tf.constant(0))
    assert int(traced(tf.constant(0))) == 9
    functions = MessageToDict(traced.graph.as_graph_def())["library"]["function"]
    return [traced.name.decode(), *sorted(function["signature"]["name"] for function in functions)]


def test_names_follow_from_the_key_and_no_name_is_used_twice() -> None:
    first, other, again = name_of_a_loop("one"), name_of_a_loop("two"), name_of_a_loop("one")
    assert len(first) == 3
    assert not set(first) & set(other)
    assert not set(first) & set(again)


def test_tensorflow_counts_on_after_the_block() -> None:
    before = ops.uid()
    with stable_names("three"):
        assert ops.uid() > 2**24
    assert before < ops.uid() < 2**24


def test_a_compiled_program_is_found_again_after_other_models_and_functions(tmp_path: Path) -> None:
    words = [sys.executable, "-c", BUILD, str(tmp_path)]
    first, again = (
        subprocess.run([*words, others], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
        for others in ("0", "3")
    )
    assert len(first) >= 2
    assert again == first
