"""The networks that are timed: one record each, which gives bnbench's config and every peer's model."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.config.load import check_config
from bnbench.data import access
from bnbench.data.splits import apply_scaling, fit_scaling, split_rows
from bnbench.data.types import DataDirs
from bnbench.planning import plan
from bnbench.planning.plan import Program

VARIANTS = ("plain", "batchnorm")


@dataclass(frozen=True)
class Network:
    """A network, its data, and how many steps an epoch of the measurement has."""

    title: str
    data: dict[str, Any]
    optimizer: dict[str, Any]
    batch_size: int | str
    steps: int
    # The widths of the hidden layers.
    dense: tuple[int, ...]
    # The filters of 3x3 convolutions; a pooling follows every second one.
    filters: tuple[int, ...] = ()
    augmented: bool = False
    # The number of epochs in one measurement, each of `steps` steps.
    epochs: int = 1
    schedule: dict[str, Any] = field(default_factory=dict)

    def layers(self) -> list[Any]:
        """Return the layers as an experiment file lists them."""
        block = ["norm", {"activation": "relu"}]
        items: list[Any] = []
        if self.augmented:
            items += [
                {"random_flip": "horizontal"},
                {"random_translation": {"height_factor": 0.1, "width_factor": 0.1}},
            ]
        for number, filters in enumerate(self.filters, start=1):
            items += [{"conv2d": {"filters": filters, "kernel_size": 3, "padding": "same"}}, *block]
            items += [{"max_pooling2d": 2}] if number % 2 == 0 else []
        items += ["flatten"]
        for units in self.dense:
            items += [{"dense": units}, *block]
        return [*items, {"dense": "$classes"}]

    def flops(self, rows: int, shape: tuple[int, ...], classes: int) -> float:
        """Return the FLOPs of the products and convolutions of one step: forward, weight gradients, input gradients.

        The gradient with respect to the network's input is not needed and not counted.
        """
        products: list[float] = []
        size, channels = shape[0], shape[-1]
        for number, filters in enumerate(self.filters, start=1):
            products.append(size * size * 9 * channels * filters)
            channels, size = filters, size // 2 if number % 2 == 0 else size
        width = size * size * channels if self.filters else int(np.prod(shape))
        for units in (*self.dense, classes):
            products.append(width * units)
            width = units
        return 2.0 * rows * (3 * sum(products) - products[0])


CNN = (32, 32, 64, 64)
NETWORKS = {
    "leaf": Network(
        "Leaf 192-100-100, batch 10", {"name": "leaf"}, {"name": "sgd", "momentum": 0.9, "nesterov": True}, 10, 69,
        (192, 100, 100), epochs=5,
    ),
    "letters": Network(
        "letters 600-400-200, batch 32", {"name": "notmnist", "scale": "unit"}, {"name": "adam"}, 32, 100,
        (600, 400, 200),
    ),
    "mnist": Network(
        "MNIST 1024, batch 64", {"name": "mnist", "scale": "unit", "limit": 10_000}, {"name": "adam"}, 64, 100, (1024,)
    ),
    "fashion": Network(
        "Fashion-MNIST 300-100, full batch", {"name": "fashion_mnist", "scale": "unit"}, {"name": "adam"}, "full", 1,
        (300, 100),
    ),
    "cifar10": Network(
        "CIFAR-10 CNN, batch 32", {"name": "cifar10", "scale": "unit", "limit": 4_000}, {"name": "rmsprop"}, 32, 6,
        (512,), CNN,
    ),
    "cifar10-augmented": Network(
        "CIFAR-10 CNN, batch 32, augmented", {"name": "cifar10", "scale": "unit", "limit": 4_000}, {"name": "rmsprop"},
        32, 10, (512,), CNN, augmented=True,
    ),
}  # fmt: skip


def program(name: str, variant: str) -> Program:
    """Return bnbench's program of a network; an epoch has the steps of its record."""
    network = NETWORKS[name]
    values = {
        "name": name,
        "data": network.data,
        "model": {"layers": network.layers()},
        "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}},
        "train": {
            "epochs": 1, "batch_size": network.batch_size, "steps_per_epoch": network.steps,
            "optimizer": network.optimizer,
        },
        "sweep": {"learning_rate": [1e-4], "seeds": 1},
    }  # fmt: skip
    places = DataDirs.from_environment()
    planned = plan.make_plan(
        check_config(values, name), lambda settings: access.dataset_info(settings, places, download=True), name
    )
    return next(cohort.program for cohort in planned.cohorts if cohort.variant == variant)


@dataclass(frozen=True)
class Work:
    """The input of a peer: the rows, ready to use, and the order in which to use them."""

    network: Network
    norm: bool
    # Of shape (rows, *shape).
    x: NDArray[np.float32]
    y: NDArray[np.int32]
    # Row numbers of shape (steps, batch).
    order: NDArray[np.int32]
    classes: int

    @property
    def batch_size(self) -> int:
        """The number of rows per step."""
        return int(self.order.shape[1])

    @property
    def steps(self) -> int:
        """The number of steps per epoch."""
        return int(self.order.shape[0])


def work(name: str, variant: str) -> Work:
    """Return the training part of seed 0 as float32, scaled as bnbench scales it."""
    asked = program(name, variant)
    dataset = access.load_dataset(asked.data, DataDirs.from_environment())
    parts = split_rows(dataset, asked.data, asked.sizes, 0)
    x = apply_scaling(fit_scaling(dataset, asked.data, parts.train), np.asarray(dataset.x[parts.train])).astype(
        np.float32
    )
    order = np.resize(
        np.random.default_rng(0).permutation(len(x)).astype(np.int32), asked.batch_size * asked.steps_per_epoch
    )
    classes = len(asked.facts.classes)
    batches = order.reshape(asked.steps_per_epoch, asked.batch_size)
    return Work(NETWORKS[name], variant == "batchnorm", x, dataset.y[parts.train].astype(np.int32), batches, classes)
