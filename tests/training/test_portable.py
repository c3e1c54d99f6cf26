"""With `--portable`, XLA computes the same bits on all x86 processors with AVX2.

The pinned bits are those of an AMD EPYC with AVX-512 and of an emulated Intel Haswell. An emulated AMD Milan whose
first-level cache has 48 KiB gives them, too, but for the gradient: Eigen divides matrices by the size of that cache.
TensorFlow reads its settings when it is imported, so each test has a process of its own.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
START = """
import hashlib
import json
import numpy as np
from bnbench.training.startup import import_tensorflow
import_tensorflow(portable=True)
import tensorflow as tf
random = np.random.default_rng(0)
def compiled(function, *values):
    return tf.function(function, jit_compile=True, autograph=False)(*map(tf.constant, values)).numpy()
def numbers(*shape):
    count = int(np.prod(shape))
    return ((np.arange(count) * 7919 % 2003 - 1001) / 997).astype(np.float32).reshape(shape)
def hash_of(array):
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]
"""
OPERATIONS = [
    ("product", "tf.matmul, numbers(64, 784), numbers(784, 100)", "9a7b24220bfd5cd8"),
    # Of a first-level data cache of 32 KiB, and of one of 48 KiB.
    (
        "gradient",
        "lambda x, g: tf.matmul(x, g, transpose_a=True), numbers(128, 784), numbers(128, 100)",
        "7a0c3fe5ccfcfaef 53ea78d8e3c6ac42",
    ),
    ("sum", "lambda x: tf.reduce_sum(x, 0), numbers(37, 50)", "1106ecee933c510f"),
    ("variance", "lambda x: tf.nn.moments(x, [0])[1], numbers(128, 50)", "76eae56b55dacac2"),
    ("softmax", "tf.nn.softmax, numbers(128, 10)", "baf7776419b693af"),
    ("exponential", "tf.exp, numbers(1000)", "53e23709f68273ba"),
    (
        "convolution",
        "lambda x, k: tf.nn.conv2d(x, k, 1, 'SAME'), numbers(8, 14, 14, 3), numbers(3, 3, 3, 16)",
        "6c1fdd1f3bf6df47",
    ),
]
ROOT_OF_VARIANCE = """
x = ((np.arange(10007) * 7919 % 10007 + 1) / 997).astype(np.float32)
found, wanted = compiled(tf.math.rsqrt, x), np.float32(1) / np.sqrt(x)
assert found.dtype == wanted.dtype and np.array_equal(found, wanted), np.mean(found == wanted)
"""


def run_python(code: str) -> str:
    process = subprocess.run([sys.executable, "-c", START + code], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr[-2000:]
    return process.stdout


def test_operations_have_the_bits_of_other_processors() -> None:
    lines = [f'found["{name}"] = hash_of(compiled({code}))' for name, code, _ in OPERATIONS]
    printed = run_python("\n".join([ROOT_OF_VARIANCE, "found = {}", *lines, "print(json.dumps(found))"]))
    found = json.loads(printed)
    assert {name: found[name] in wanted.split() for name, _, wanted in OPERATIONS} == dict.fromkeys(found, True)


def test_one_process_is_portable_or_not() -> None:
    run_python("""
from bnbench.errors import BnbenchError
import_tensorflow(portable=True)
try:
    import_tensorflow()
except BnbenchError as error:
    assert "TensorFlow already computes with --portable in this process" in str(error)
else:
    raise AssertionError("no error")
""")
