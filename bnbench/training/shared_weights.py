"""Counts in how many of its weights a network starts from the same values as another one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from bnbench.data.types import Array
from bnbench.model.layer import Layer
from bnbench.model.norms import NORM_CLASSES
from bnbench.training.builder import RANDOM_STATE, build_model, layers_in_order
from bnbench.training.keras_objects import keras_defaults

# Any seed: two arrays are equal for all seeds, or for none.
SEED = 0
# Names in a message.
MAX_NAMED = 4


@dataclass(frozen=True)
class SharedWeights:
    """How many arrays of a network start from the same values as in the baseline."""

    shared: int
    total: int
    # The arrays that differ, outside of normalizations: `dense_1/kernel`.
    others: tuple[str, ...]

    def describe(self, variant: str, baseline: str) -> str:
        """Return a sentence: `batchnorm starts with the same values as plain in 8 of its 12 arrays`."""
        said = f"{variant} starts with the same values as {baseline} in {self.shared} of its {self.total} arrays"
        if self.others:
            more = f" and {len(self.others) - MAX_NAMED} more" if len(self.others) > MAX_NAMED else ""
            return f"{said}: other ones are {', '.join(self.others[:MAX_NAMED])}{more}"
        return said if self.shared == self.total else f"{said}; the others are those of its normalizations"


def initial_weights(layers: Sequence[Layer], shape: tuple[int, ...], dtype: str) -> dict[str, Array]:
    """Return the initial values of all arrays of a network by layer and name, for one seed.

    Args:
        layers: the network.
        shape: of one row.
        dtype: of the weights.
    """
    with keras_defaults(dtype):
        model = build_model(layers, shape, dtype, SEED)
    return {
        f"{layer.name}/{name}": value
        for layer, built in layers_in_order(layers, model)
        for name, value in _named_values(built).items()
    }


def _named_values(built: keras.layers.Layer) -> dict[str, Array]:
    values: dict[str, Array] = {}
    for variable in built.variables:
        if variable.name != RANDOM_STATE:
            # Two arrays of a layer may have one name, as those of the two directions of a bidirectional one.
            name = variable.name if variable.name not in values else f"{variable.name}_{len(values)}"
            values[name] = keras.ops.convert_to_numpy(variable)
    return values


def count_shared(layers: Sequence[Layer], weights: Mapping[str, Array], baseline: Mapping[str, Array]) -> SharedWeights:
    """Return how many arrays of a network are equal to those of the baseline.

    Args:
        layers: the network.
        weights: its `initial_weights`.
        baseline: those of the baseline.
    """
    shared = {name for name, value in weights.items() if name in baseline and np.array_equal(value, baseline[name])}
    norms = {layer.name for layer in layers if layer.class_name in NORM_CLASSES}
    others = [name for name in weights if name not in shared and name.partition("/")[0] not in norms]
    return SharedWeights(len(shared), len(weights), tuple(others))
