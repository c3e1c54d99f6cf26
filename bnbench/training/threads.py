"""How many threads TensorFlow uses."""

import tensorflow as tf

from bnbench.errors import BnbenchError


def use_threads(threads: int) -> None:
    """Let TensorFlow use this many threads for an operation, and run one operation at a time.

    Raises:
        BnbenchError: TensorFlow already computes with another number in this process.
    """
    settings = tf.config.threading
    if settings.get_intra_op_parallelism_threads() == threads and settings.get_inter_op_parallelism_threads() == 1:
        return
    try:
        settings.set_intra_op_parallelism_threads(threads)
        settings.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        problem = "but TensorFlow already computes with another number in this process: use a new one"
        raise BnbenchError(f"train.threads: {threads}, {problem}") from None
