"""The fastest matrix product and convolution of this machine on one thread, as a limit for the speed of a step.

`python -m benchmarks.limits` answers each line of stdin, `dense` or `convolution`, with GFLOP/s.
"""

import json
import os
import sys
import time
from collections.abc import Callable

# NumPy reads this when it is imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy as np

# Rows, inner, columns.
PRODUCTS = ((64, 784, 1024), (512, 512, 512), (1024, 1024, 1024))
# Images, size, channels, filters; the kernels are 3x3.
CONVOLUTIONS = ((32, 32, 32, 32), (32, 16, 64, 64), (64, 16, 128, 128))


def best(run: Callable[[], object], flops: float, seconds: float = 0.15) -> float:
    """Return the GFLOP/s of the fastest run; run as often as fits into the time."""
    fastest, end = float("inf"), time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        run()
        fastest = min(fastest, time.perf_counter() - began)
    return flops / fastest / 1e9


def dense() -> float:
    """Return the speed of the product of NumPy (OpenBLAS) or TensorFlow (oneDNN), whichever is faster."""
    import tensorflow as tf

    found = []
    for rows, inner, columns in PRODUCTS:
        a, b = np.ones((rows, inner), np.float32), np.ones((inner, columns), np.float32)
        ta, tb = tf.constant(a), tf.constant(b)
        flops = 2.0 * rows * inner * columns
        for run in (lambda a=a, b=b: a @ b, lambda a=ta, b=tb: tf.matmul(a, b)):
            found.append(best(run, flops))
    return max(found)


def convolution() -> float:
    """Return the speed of the convolution of TensorFlow (oneDNN)."""
    import tensorflow as tf

    found = []
    for images, size, channels, filters in CONVOLUTIONS:
        x, kernel = tf.ones((images, size, size, channels)), tf.ones((3, 3, channels, filters))
        flops = 2.0 * images * size * size * 9 * channels * filters
        found.append(best(lambda x=x, kernel=kernel: tf.nn.conv2d(x, kernel, 1, "SAME"), flops))
    return max(found)


def main() -> None:
    """Answer until stdin ends."""
    from bnbench.training.startup import import_tensorflow

    import_tensorflow()
    from bnbench.training.threads import use_threads

    use_threads(1)
    print(json.dumps(0.0), flush=True)
    for line in sys.stdin:
        print(json.dumps(dense() if line.strip() == "dense" else convolution()), flush=True)


if __name__ == "__main__":
    main()
