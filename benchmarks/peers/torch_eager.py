"""PyTorch's usual loop, with tensors in memory."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.networks import Work, work
from benchmarks.peers import timed


def layers(given: Work) -> Iterator[nn.Module]:
    """Yield the layers of the network; images have the shape (rows, channels, height, width)."""
    size, channels = given.x.shape[1], given.x.shape[-1]
    for number, filters in enumerate(given.network.filters, start=1):
        yield nn.Conv2d(channels, filters, 3, padding=1)
        if given.norm:
            yield nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)
        yield nn.ReLU()
        channels, size = filters, size // 2 if number % 2 == 0 else size
        if number % 2 == 0:
            yield nn.MaxPool2d(2)
    yield nn.Flatten()
    width = size * size * channels if given.network.filters else int(given.x[0].size)
    for units in given.network.dense:
        yield nn.Linear(width, units)
        if given.norm:
            yield nn.BatchNorm1d(units, eps=1e-3, momentum=0.01)
        yield nn.ReLU()
        width = units
    yield nn.Linear(width, given.classes)


def augment(x: torch.Tensor) -> torch.Tensor:
    """Flip each image at random and shift it by up to a tenth of its size, with interpolation, as Keras does."""
    theta = torch.zeros(len(x), 2, 3)
    theta[:, 0, 0] = torch.randint(0, 2, (len(x),)) * 2.0 - 1.0
    theta[:, 1, 1] = 1.0
    # The grid goes from -1 to 1, so 0.2 is a tenth of it.
    theta[:, :, 2] = torch.rand(len(x), 2) * 0.4 - 0.2
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def optimizer(given: Work, model: nn.Module) -> torch.optim.Optimizer:
    """Return the network's optimizer, in its fused form if PyTorch has one."""
    name = given.network.optimizer["name"]
    if name == "sgd":
        return torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, nesterov=True, fused=True)
    if name == "adam":
        return torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
    return torch.optim.RMSprop(model.parameters(), lr=1e-4, alpha=0.9)


def prepare(name: str, variant: str, wrap: Callable[[Any], Any] = lambda step: step) -> Callable[[], float]:
    """Prepare the network's steps, one batch after the other."""
    torch.manual_seed(0)
    given = work(name, variant)
    x_all, y_all, order = torch.from_numpy(given.x), torch.from_numpy(given.y).long(), torch.from_numpy(given.order)
    model = nn.Sequential(*layers(given)).train()
    if given.network.filters:
        x_all = x_all.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    chosen = optimizer(given, model)

    def step(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = model(x)
        loss = functional.cross_entropy(logits, y)
        loss.backward()
        return loss.detach(), (logits.argmax(1) == y).sum()

    step = wrap(step)

    def run() -> int:
        total = right = torch.zeros(())
        for rows in (rows for _ in range(given.network.epochs) for rows in order):
            x, y = x_all[rows], y_all[rows]
            if given.network.augmented:
                x = augment(x)
            chosen.zero_grad(set_to_none=True)
            loss, correct = step(x, y)
            chosen.step()
            total, right = total + loss, right + correct
        total.item()
        return given.network.epochs * len(order)

    run()
    return timed(run)
