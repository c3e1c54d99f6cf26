"""The loop of `torch_eager` with a compiled forward and backward pass."""

from collections.abc import Callable

import torch

from benchmarks.peers import torch_eager


def prepare(name: str, variant: str) -> Callable[[], float]:
    """Prepare the training as `torch_eager` does, and compile it."""
    return torch_eager.prepare(name, variant, wrap=torch.compile)
