"""The same loop with the forward and backward pass compiled."""

from collections.abc import Callable

import torch

from benchmarks.peers import torch_eager


def prepare(name: str, variant: str) -> Callable[[], float]:
    """As torch_eager."""
    return torch_eager.prepare(name, variant, wrap=torch.compile)
