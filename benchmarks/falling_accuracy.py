"""`python -m benchmarks.falling_accuracy`: which rows show a validation accuracy of 97% that falls to 12%?

Source 004, question "Accuracy Decreasing with higher epochs": the data are not given. This trains the asker's network
on many kinds of rows, in NumPy for all runs of a kind at once, and counts the runs with the curve that was described.
Three classes against one sigmoid are among them, which bnbench itself refuses.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.data.datasets.sorted_windows import MIDDLE, WIDTH, WRONG_EVERY, sensor_readings

TABLE = Path(__file__).parent / "results" / "falling-accuracy.csv"
RUNS, EPOCHS, BATCH = 50, 60, 40
# The curve that was described: at least this accuracy in epoch 2 or 3, at most that one in the last epoch.
HIGH, LOW = 0.95, 0.15
# Adam as in Keras, and the rate at which the asker trained.
RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7
DROPOUT = (0.35, 0.1)
ROWS = (50, 170, 1_700)
# Inputs and weights are float32, labels int32.
Array = NDArray[Any]
Labels = NDArray[Any]


@dataclass(frozen=True)
class Attempt:
    """One kind of rows, and how the network is trained on them."""

    kind: str
    rows: int
    standardized: bool
    rate: float = RATE

    def data(self) -> tuple[Array, Labels, Array, Labels]:
        """Return inputs (rows, 120) and labels: of the first four fifths, then of the last fifth."""
        x, y = KINDS[self.kind](np.arange(self.rows) / self.rows, np.random.default_rng(7))
        cut = self.rows - round(0.2 * self.rows)
        flat = x.reshape(self.rows, -1)
        if self.standardized:
            flat = (flat - flat[:cut].mean(axis=0)) / flat[:cut].std(axis=0)
        return flat[:cut], y[:cut], flat[cut:], y[cut:]


def attempts() -> Iterator[Attempt]:
    """Yield every kind of rows at every size, raw and standardized, and two at higher rates, where relus die."""
    for rows in ROWS:
        for standardized in (False, True):
            yield from (Attempt(kind, rows, standardized) for kind in KINDS)
    for kind in ("any order", "sorted"):
        yield from (Attempt(kind, 170, standardized, rate) for rate in (1e-2, 1e-1) for standardized in (False, True))


def labels_of(chance: Array, generator: np.random.Generator) -> Labels:
    """Return labels that are 1 with the chance of each row; one in WRONG_EVERY is wrong."""
    y = generator.random(len(chance)) < chance
    return np.asarray(y ^ (np.arange(len(y)) % WRONG_EVERY == WRONG_EVERY // 2), np.int32)


def by_chance(chance: Callable[[Array], Array]) -> Callable[[Array, np.random.Generator], tuple[Array, Labels]]:
    """Return a kind of rows whose class depends on the place in the file as `chance` says."""

    def draw(place: Array, generator: np.random.Generator) -> tuple[Array, Labels]:
        y = labels_of(chance(place), generator)
        return sensor_readings(y, generator), y

    return draw


def three_classes(*order: int) -> Callable[[Array, np.random.Generator], tuple[Array, Labels]]:
    """Return rows of classes 0, 1 and 2, sorted in this order; without an order, they are mixed."""

    def draw(place: Array, generator: np.random.Generator) -> tuple[Array, Labels]:
        mixed = generator.integers(0, 3, len(place))
        y = (np.array(order)[(3 * place).astype(int)] if order else mixed).astype(np.int32)
        return sensor_readings(y, generator), y

    return draw


def falling_level(place: Array, generator: np.random.Generator) -> tuple[Array, Labels]:
    """Return rows of both classes whose sensors read less and less along the file."""
    y = labels_of(np.full(len(place), 0.5, np.float32), generator)
    return sensor_readings(y, generator) - place[:, None, None].astype(np.float32), y


def reversed_meaning(place: Array, generator: np.random.Generator) -> tuple[Array, Labels]:
    """Return rows of both classes; in the last fifth, a high reading means the other class."""
    y = labels_of(np.full(len(place), 0.5, np.float32), generator)
    return sensor_readings(5 * y, generator), np.where(place >= 0.8, 1 - y, y).astype(np.int32)


KINDS: dict[str, Callable[[Array, np.random.Generator], tuple[Array, Labels]]] = {
    "any order": by_chance(lambda place: np.full_like(place, 0.5)),
    "sorted": by_chance(lambda place: place >= 0.5),
    "sorted the other way": by_chance(lambda place: place < 0.5),
    "wears out": by_chance(lambda place: 1 / (1 + np.exp((MIDDLE - place) / WIDTH))),
    "changes at the last fifth": by_chance(lambda place: np.where(place < 0.8, 0.2, 1.0)),
    "level falls": falling_level,
    "meaning is reversed": reversed_meaning,
    "three classes, any order": three_classes(),
    "three classes, 0 1 2": three_classes(0, 1, 2),
    "three classes, 1 2 0": three_classes(1, 2, 0),
    "three classes, 0 2 1": three_classes(0, 2, 1),
}


class Networks:
    """The asker's network, with other initial weights in each run: kernels (runs, inputs, units)."""

    def __init__(self, inputs: int, generator: np.random.Generator) -> None:
        self.generator, self.steps = generator, 0
        sizes = ((inputs, 6), (6, 3), (3, 1))
        self.weights: list[Array] = []
        for size in sizes:
            limit = np.sqrt(6 / sum(size))
            self.weights += [generator.uniform(-limit, limit, (RUNS, *size)).astype(np.float32)]
            self.weights += [np.zeros((RUNS, 1, size[1]), np.float32)]
        self.first = [np.zeros_like(weight) for weight in self.weights]
        self.second = [np.zeros_like(weight) for weight in self.weights]

    def forward(self, x: Array, training: bool) -> list[Array]:
        """Return the inputs of the three layers and, last, the logits."""
        values = [x]
        for i, rate in enumerate(DROPOUT):
            value = np.maximum(values[-1] @ self.weights[2 * i] + self.weights[2 * i + 1], 0)
            if training:
                kept = self.generator.random(value.shape, np.float32) >= rate
                value = value * kept / np.float32(1 - rate)
            values.append(value)
        return [*values, values[-1] @ self.weights[4] + self.weights[5]]

    def step(self, x: Array, y: Labels, rate: float) -> None:
        """Change the weights by one step of Adam on the binary cross-entropy of a mini-batch."""
        *values, logits = self.forward(x, training=True)
        error = (1 / (1 + np.exp(-np.clip(logits, -80, 80))) - y[..., None]) / y.shape[1]
        gradients: list[Array] = []
        for i in (2, 1, 0):
            gradients = [values[i].swapaxes(-1, -2) @ error, error.sum(axis=1, keepdims=True), *gradients]
            if i:
                # A value is 0 where its relu is off, or where it was dropped.
                error = (error @ self.weights[2 * i].swapaxes(-1, -2)) * (values[i] > 0) / (1 - DROPOUT[i - 1])
        self.steps += 1
        size = rate * np.sqrt(1 - BETA_2**self.steps) / (1 - BETA_1**self.steps)
        for i, gradient in enumerate(gradients):
            self.first[i] = BETA_1 * self.first[i] + (1 - BETA_1) * gradient
            self.second[i] = BETA_2 * self.second[i] + (1 - BETA_2) * gradient**2
            self.weights[i] -= (size * self.first[i] / (np.sqrt(self.second[i]) + EPSILON)).astype(np.float32)

    def accuracy(self, x: Array, y: Labels) -> NDArray[np.float64]:
        """Return the accuracy of each run, as Keras' binary accuracy: class 2 is never right."""
        predicted = self.forward(x[None], training=False)[-1][..., 0] > 0
        return np.asarray((predicted == y).mean(axis=1))


def curves(attempt: Attempt) -> NDArray[np.float64]:
    """Return the validation accuracy (epochs, runs) after each epoch."""
    x, y, validation_x, validation_y = attempt.data()
    generator = np.random.default_rng(8)
    networks = Networks(x.shape[1], generator)
    history = []
    for _ in range(EPOCHS):
        order = np.argsort(generator.random((RUNS, len(x))), axis=1)
        for start in range(0, len(x), BATCH):
            batch = order[:, start : start + BATCH]
            networks.step(x[batch], y[batch], attempt.rate)
        history.append(networks.accuracy(validation_x, validation_y))
    return np.array(history)


def summary(attempt: Attempt, accuracy: NDArray[np.float64]) -> dict[str, object]:
    """Return a row of the table: in how many runs the described curve and parts of it appear."""
    early, last = accuracy[1:3].max(axis=0), accuracy[-1]
    return {
        "rows": attempt.kind,
        "number": attempt.rows,
        "inputs": "standardized" if attempt.standardized else "raw",
        "rate": attempt.rate,
        "runs": RUNS,
        "97% then 12%": int(((early >= HIGH) & (last <= LOW)).sum()),
        "97% in epoch 2 or 3": int((early >= HIGH).sum()),
        "12% at the end": int((last <= LOW).sum()),
        "median drop": float(np.median(accuracy.max(axis=0) - last)),
    }


def main() -> None:
    """Train on all kinds of rows, and write and print the table."""
    table = pd.DataFrame([summary(attempt, curves(attempt)) for attempt in attempts()])
    table.to_csv(TABLE, index=False, float_format="%.3g")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
