"""Names of traced functions that depend on their content alone, so that XLA's cache finds them again.

TensorFlow numbers the functions of a process in the order in which they are traced. The cache compares names, too: a
function that is traced after other ones than the last time would be compiled again.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

# TensorFlow has no public way to name the bodies of loops.
from tensorflow.python.framework import ops

# The numbers of a key begin beyond those of TensorFlow itself, and leave room for as many functions.
BLOCK = 2**24
_traced: Counter[str] = Counter()


@contextmanager
def stable_names(key: str) -> Iterator[None]:
    """Number what is traced inside the block from a number that follows from the key.

    In one process no number is used twice: if a key is traced again, its numbers follow from how often it was.
    """
    numbers = count(_first_number(f"{key}/{_traced[key]}"))
    _traced[key] += 1
    uid, ops.uid = ops.uid, lambda: next(numbers)
    try:
        yield
    finally:
        ops.uid = uid


def _first_number(name: str) -> int:
    digest = hashlib.sha256(name.encode()).digest()
    return (1 + int.from_bytes(digest[:4], "big")) * BLOCK
