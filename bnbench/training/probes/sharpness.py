"""Sharpness: the largest eigenvalue of the Hessian of the loss, and its product with the learning rate.

Full-batch gradient descent is stable while the product is below 2, or 2(1 + momentum) with momentum; training drives
it there (Cohen et al. 2021, "Gradient descent on neural networks typically occurs at the edge of stability").
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from bnbench.training.probes.forward import spread_rows
from bnbench.training.probes.loss_surface import LossSurface, Vector
from bnbench.training.probes.types import Length, Moment, Probe, Value, When
from bnbench.training.seed_state import RowIndices

# The step of the second look: by then the network has adapted to the rate.
EARLY = 100
# Training rows of the larger sample.
ROWS = 512
# The most Hessian products for one eigenvalue, and the relative error that suffices.
PRODUCTS, TOLERANCE = 24, 1e-3
# In the check before training two products suffice to find out whether the layers have second derivatives.
PRODUCTS_IN_CHECK = 2
START_SEED = 0


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the sharpness on the mini-batch and on more rows, and the product of each with the rate.

    The position is the number of steps that have been trained.
    """
    sample = spread_rows(moment.start.parts.train, ROWS)
    for name, rows in (("batch_sharpness", moment.batch), ("sharpness", sample)):
        value = _largest_eigenvalue(moment, rows)
        yield Value(name, value, position=moment.step)
        yield Value(f"{name}_times_rate", value * moment.rate, position=moment.step)


def _largest_eigenvalue(moment: Moment, rows: RowIndices) -> float:
    surface = moment.compiled.tool(LossSurface)
    most = PRODUCTS_IN_CHECK if moment.compiled.is_eager else PRODUCTS
    return largest_eigenvalue(lambda vector: surface.hessian_product(rows, vector), surface.size, most)


def largest_eigenvalue(product: Callable[[Vector], Vector], size: int, most: int = PRODUCTS) -> float:
    """Return the largest eigenvalue of a symmetric matrix, by the Lanczos method with full orthogonalization.

    Other than the power iteration, it finds the largest eigenvalue also where a negative one has a larger absolute
    value, as with batch normalization, and needs fewer products. It ends early once the residual of the eigenvector is
    below TOLERANCE of the eigenvalue (Parlett 1998, "The symmetric eigenvalue problem", chapter 13).

    Args:
        product: multiplies the matrix with a vector, (size,).
        size: of the matrix.
        most: the largest number of products.

    Returns:
        NaN if a product is not finite.
    """
    vector = np.random.Generator(np.random.PCG64(START_SEED)).standard_normal(size)
    most = min(most, size)
    basis = np.empty((most, size))
    basis[0] = vector / np.linalg.norm(vector)
    diagonal: list[float] = []
    off_diagonal: list[float] = []
    while True:
        count = len(diagonal) + 1
        image = product(basis[count - 1])
        if not np.isfinite(image).all():
            return float("nan")
        diagonal.append(float(basis[count - 1] @ image))
        # Twice, because rounding leaves a part after the first time.
        for _ in range(2):
            image = image - basis[:count].T @ (basis[:count] @ image)
        rest = float(np.linalg.norm(image))
        values, vectors = np.linalg.eigh(_tridiagonal(diagonal, off_diagonal))
        error = rest * abs(vectors[-1, -1])
        if count == most or error <= TOLERANCE * abs(values[-1]):
            return float(values[-1])
        off_diagonal.append(rest)
        basis[count] = image / rest


def _tridiagonal(diagonal: list[float], off_diagonal: list[float]) -> NDArray[np.float64]:
    return np.diag(diagonal) + np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1)


def steps(length: Length) -> list[int]:
    """Return the steps before which it measures, in addition to the end."""
    return [step for step in (0, EARLY, *length.spread()) if step < length.steps]


PROBE = Probe(
    name="sharpness",
    measures="the largest eigenvalue of the Hessian of the training loss, also times the learning rate",
    unit="",
    when=When.AT_THE_END,
    measure=measure,
    asked=True,
    steps=steps,
)
