"""The layers of one variant as a tree of blocks, and how it becomes the list of layers that a model is built from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model import catalog
from bnbench.model.graph import number_layers, shorten_inputs
from bnbench.model.layer import ACTIVATION_CLASSES, INPUT, Layer

# The entry of a layer list that each variant replaces with its norm, and the name of that layer in a tree.
SLOT = "norm"


@dataclass(frozen=True)
class Block:
    """Branches that take the same input, and the layer that merges their outputs. A branch may be empty."""

    branches: tuple["Chain", ...]
    merge: Layer
    # `auto` or `conv`, if the shortcut of a residual block is still missing.
    shortcut: str = ""
    where: Location | str = ""


# The layers of a tree have their stems as names: SLOT, `shortcut`, or empty for the class.
Chain = tuple[Layer | Block, ...]


def move_norms(chain: Chain, position: str) -> Chain:
    """Return the tree with each norm before or after the activation next to its slot, in the same list of layers.

    Args:
        position: `before` or `after`.

    Raises:
        ConfigError: there is no activation next to a slot.
    """
    moved = [_move_inside(node, position) if isinstance(node, Block) else node for node in chain]
    for norm in [node for node in chain if isinstance(node, Layer) and node.name == SLOT]:
        i = next(i for i, other in enumerate(moved) if other is norm)
        follows = i > 0 and _is_activation(moved[i - 1])
        precedes = i + 1 < len(moved) and _is_activation(moved[i + 1])
        if not (follows or precedes):
            raise ConfigError(
                norm.where,
                "norm_position needs an activation layer next to the slot, in the same list of layers: write the "
                "activation as a layer of its own",
            )
        if position == "after" and precedes:
            moved[i], moved[i + 1] = moved[i + 1], moved[i]
        elif position == "before" and follows and not precedes:
            moved[i - 1], moved[i] = moved[i], moved[i - 1]
    return tuple(moved)


def _move_inside(block: Block, position: str) -> Block:
    return replace(block, branches=tuple(move_norms(branch, position) for branch in block.branches))


def _is_activation(node: Layer | Block) -> bool:
    return isinstance(node, Layer) and node.class_name in ACTIVATION_CLASSES


def lay_out(chain: Chain) -> tuple[Layer, ...]:
    """Return the layers of a tree as a list, with their names: branch after branch, then the layer that merges them."""
    laid: list[Layer] = []
    stems: list[str] = []
    _lay_out(chain, INPUT, laid, stems)
    return number_layers(laid, lambda layer: stems[int(layer.name)])


def _lay_out(chain: Sequence[Layer | Block], source: str, laid: list[Layer], stems: list[str]) -> str:
    """Append the layers of a chain that begins at a source, each named by its position; return where the chain ends."""
    for node in chain:
        if isinstance(node, Layer):
            layer, sources = node, [source]
        else:
            layer = node.merge
            sources = [_lay_out(branch, source, laid, stems) for branch in node.branches]
        before = str(len(laid) - 1) if laid else INPUT
        source = str(len(laid))
        stems.append(layer.name or catalog.snake_case(layer.class_name))
        laid.append(shorten_inputs(replace(layer, name=source, inputs=tuple(sources)), before))
    return source
