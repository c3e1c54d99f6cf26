"""Warns of a batch normalization that gets too few values in a step to normalize them."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod

from bnbench.analysis.labels import format_axes, format_places
from bnbench.errors import ConfigError
from bnbench.model.layers import Layer
from bnbench.model.shapes import Shape, follow_inputs
from bnbench.planning.plan import Plan

BATCH_NORM = "BatchNormalization"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batches:
    """How the training rows are cut into steps.

    Attributes:
        rows: in the training part.
        size: rows in a step.
        steps_per_epoch: None for one pass over the training part, whose last step may have fewer rows. With a number
            the next epoch takes the next rows, so every step has `size` rows.
    """

    rows: int
    size: int
    steps_per_epoch: int | None

    @property
    def last(self) -> int:
        """Rows in the last step of an epoch."""
        return self.size if self.steps_per_epoch else self.rows % self.size or self.size


@dataclass(frozen=True)
class _NormPlace:
    """A batch normalization, the shape of its input without the batch, and the values of one row in one statistic."""

    norm: Layer
    shape: Shape
    values: int


def log_small_batches(plan: Plan) -> None:
    """Log a warning for each kind of batch in a plan that is too small for a batch normalization."""
    labels: dict[str, dict[str, list[str]]] = {}
    settings = len({tuple(map(str, cohort.axes.items())) for cohort in plan.cohorts})
    for cohort in plan.cohorts:
        program = cohort.program
        batches = Batches(program.sizes.train, program.batch_size, program.train.steps_per_epoch)
        warning = describe_small_batches(program.layers, program.facts.shape, batches)
        if warning:
            axes = format_axes(cohort.axes, cohort.axes)
            label = f"{cohort.variant} ({axes})" if axes else cohort.variant
            labels.setdefault(warning, {}).setdefault(cohort.variant, []).append(label)
    for warning, named in labels.items():
        log.warning("%s: %s", format_places(named, settings), warning)


def describe_small_batches(layers: Sequence[Layer], shape: Shape, batches: Batches) -> str:
    """Return what too small batches do to a batch normalization, with cures; empty if no batch is too small.

    A statistic of one value has no variance: the normalization returns its bias, whatever its input is, and passes no
    gradient. Of two values it keeps only which one is larger. For a convolution a single row has height x width values.

    Args:
        layers: of one variant.
        shape: of one row of the data.
    """
    if min(batches.size, batches.last) > 2:
        return ""
    places = list(_norm_places(layers, shape))
    for rows, values in ((batches.size, 1), (batches.size, 2), (batches.last, 1)):
        found = next((place for place in places if rows * place.values == values), None)
        if found:
            return f"{_problem(found, rows, values, batches)}. {_cures(found, rows, batches)}"
    return ""


def _norm_places(layers: Sequence[Layer], shape: Shape) -> Iterator[_NormPlace]:
    """Yield the batch normalizations that use the statistics of a batch.

    A frozen one uses its moving statistics. One behind a layer whose shape only Keras knows is left out.
    """
    for layer, inputs in _known_inputs(layers, shape):
        if layer.class_name == BATCH_NORM and layer.arguments.get("trainable", True):
            axis = layer.arguments.get("axis", -1)
            kept = axis - 1 if axis > 0 else axis + len(inputs)
            yield _NormPlace(layer, inputs, prod(size for n, size in enumerate(inputs) if n != kept))


def _known_inputs(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[Layer, Shape]]:
    """Yield each layer with a single input whose shape is known, up to a layer that does not fit its input."""
    with suppress(ConfigError):
        for layer, inputs in zip(layers, follow_inputs(layers, shape, ""), strict=True):
            if inputs and len(inputs) == 1:
                yield layer, inputs[0]


def _problem(place: _NormPlace, rows: int, values: int, batches: Batches) -> str:
    name = place.norm.name
    if values == 2:
        return (
            f"each step has {rows} rows, so {name} normalizes two values at a time: it keeps only which one is larger"
        )
    result = f"{name} returns a constant whatever its input is, and the layers before it get no gradient"
    if rows == batches.size:
        return f"each step has 1 row, and batch normalization over a single value leaves nothing of it: {result}"
    return (
        f"the last step of each epoch has 1 row ({batches.rows:,} rows in batches of {batches.size:,}), and batch "
        f"normalization over a single value leaves nothing of it: in that step {result}, and its moving variance "
        "falls toward 0"
    )


def _cures(place: _NormPlace, rows: int, batches: Batches) -> str:
    cures = []
    if rows == batches.size:
        cures += ["a larger batch_size"] if batches.rows > batches.size else []
    else:
        cures.append(f"another batch_size, as {_better_size(batches)}")
        cures.append(f"steps_per_epoch: {batches.rows // batches.size} (all steps then have {batches.size:,} rows)")
    if place.shape[-1] > 1:
        cures.append("norm: layer, which does not depend on the batch")
    return f"What helps: {'; '.join(cures)}." if cures else "No setting helps."


def _better_size(batches: Batches) -> int:
    """Return the batch size next to the given one that leaves no single row over."""
    near = (batches.size + sign * step for step in range(1, batches.rows) for sign in (1, -1))
    return next(size for size in near if 2 < size <= batches.rows and batches.rows % size != 1)
