"""Turns errors of Keras and TensorFlow into one line, and separates bad configs from problems of the machine."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from bnbench.errors import BnbenchError, ConfigError
from bnbench.location import Location
from bnbench.planning.trial import OUT_OF_MEMORY

MAX_SHOWN = 300
# Words in a message that mean the same as the errors in OUT_OF_MEMORY, and words of a compiler.
MACHINE_WORDS = (
    "OOM when allocating", "failed to allocate memory", "Out of memory", "XLA_CPU_JIT", "XLA_GPU_JIT", "XLA compil",
    "jit-compil",
)  # fmt: skip
# The disk is full, over a quota, read-only or broken.
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
# Keras' messages have colors, and repeat the values of all arguments at the end. TensorFlow adds names of functions,
# and for a graph the lines of code that made it.
NOISE = re.compile(
    r"\x1b\[[0-9;]*m"
    r"|Graph execution error:\s*(?:Detected at node [^\n]*\n(?:\s*(?:File \"|<stack traces)[^\n]*\n|\s*\n)*)?"
    r"|Operation received an exception:\s*Status: \d+, message: "
    r"|\s*Arguments received by .*"
    r"|\s*Call arguments received by .*"
    r"|Exception encountered when calling [\w.]+\(\)\.\s*"
    r"|Error when deserializing class .*?Exception encountered: "
    r"|Could not automatically infer the output shape / dtype of [^\n]*?\. Either the [^\n]* Error encountered:\s*"
    r"|\{\{[^}]*\}\}\s*"
    r"|\s*\[Op:\w*\].*",
    re.DOTALL,
)
# For these, the name of the class says nothing that the message does not say.
PLAIN = frozenset({"ValueError", "TypeError", "InvalidArgumentError"})


def describe_error(error: BaseException) -> str:
    """Return what Keras or TensorFlow says, in one line: without colors and without the values of all arguments."""
    text = " ".join(NOISE.sub("", str(error)).split())
    name = type(error).__name__
    said = text if name in PLAIN and text else f"{name}: {text}" if text else name
    return said if len(said) <= MAX_SHOWN else said[: MAX_SHOWN - 3] + "..."


def is_machine_problem(error: BaseException) -> bool:
    """Return True if memory or the disk ran out, or a compiler failed, as this error or one of its causes says."""
    return any(
        type(one).__name__ in OUT_OF_MEMORY
        or (isinstance(one, OSError) and one.errno in DISK_ERRORS)
        or any(word in str(one) for word in MACHINE_WORDS)
        for one in _with_causes(error)
    )


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@contextmanager
def blamed_on(where: Location | str, doing: str = "") -> Iterator[None]:
    """Turn any error of Keras in the block into a ConfigError at this place. Problems of the machine stay as they are.

    Args:
        doing: what the block does, which the message says in front of Keras' words.
    """
    try:
        yield
    except BnbenchError:
        raise
    # Keras raises errors of every kind for a bad config.
    except Exception as error:
        if is_machine_problem(error):
            raise
        raise ConfigError(where, f"{doing}: {describe_error(error)}" if doing else describe_error(error)) from error
