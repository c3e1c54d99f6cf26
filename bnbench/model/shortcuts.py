"""Makes the shortcuts of residual blocks that depend on shapes: the identity, or a projection.

A projection is a convolution of size 1 with the strides that are needed, or a dense layer if an example has one axis
(He et al. 2015, section 3.3). It starts and is regularized like the last convolution or dense layer of its block.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model.blocks import SLOT, Block, Chain
from bnbench.model.layer import Layer
from bnbench.model.shape_types import Shape
from bnbench.model.shapes import trace_layer

# The name of projections. A name of their own, so that all other layers keep theirs, and with it their initial weights,
# in a network without shortcuts.
PROJECTION = "shortcut"
# The classes that a projection can follow, and the arguments that it takes from the last of them in its block.
KERNELS = ("Dense", "Conv1D", "Conv2D", "Conv3D")
SHARED = (
    "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "data_format",
)  # fmt: skip
ANOTHER_WAY = "write the shortcut as a list of layers, as in `shortcut: [{conv2d: ...}, norm]`"


def add_shortcuts(chain: Chain, shape: Shape | None) -> Chain:
    """Return the tree with the shortcut of each residual block as its second branch.

    Args:
        shape: of one example. If it is unknown, each shortcut is the identity; that is enough to describe a variant.

    Raises:
        ConfigError: no projection leads from the input of a block to its output, only Keras can tell these shapes, or
            a layer does not fit its input.
    """
    if not any(_misses_shortcut(node) for node in chain):
        return chain
    if shape is None:
        return tuple(_with_identities(node) for node in chain)
    return _follow(chain, shape)[0]


def _misses_shortcut(node: Layer | Block) -> bool:
    if isinstance(node, Layer):
        return False
    return bool(node.shortcut) or any(_misses_shortcut(inner) for branch in node.branches for inner in branch)


def _with_identities(node: Layer | Block) -> Layer | Block:
    if isinstance(node, Layer):
        return node
    branches = tuple(tuple(map(_with_identities, branch)) for branch in node.branches)
    return replace(node, branches=(*branches, ()) if node.shortcut else branches, shortcut="")


def _follow(chain: Chain, shape: Shape | None) -> tuple[Chain, Shape | None]:
    """Return a chain with its shortcuts, and the shape behind it; None if only Keras can tell a shape."""
    done: list[Layer | Block] = []
    for node in chain:
        if isinstance(node, Block):
            node, shape = _follow_block(node, shape)
        else:
            shape = _shape_behind(node, [shape])
        done.append(node)
    return tuple(done), shape


def _follow_block(block: Block, shape: Shape | None) -> tuple[Block, Shape | None]:
    followed = [_follow(branch, shape) for branch in block.branches]
    branches, shapes = [branch for branch, _ in followed], [behind for _, behind in followed]
    if block.shortcut:
        shortcut = _make_shortcut(block, branches[0], shape, shapes[0])
        branches.append(shortcut)
        shapes.append(shapes[0])
    return replace(block, branches=tuple(branches), shortcut=""), _shape_behind(block.merge, shapes)


def _shape_behind(layer: Layer, inputs: Sequence[Shape | None]) -> Shape | None:
    known = [shape for shape in inputs if shape is not None]
    result = trace_layer(layer, known, "") if len(known) == len(inputs) else None
    return result.shape if result else None


def _make_shortcut(block: Block, branch: Chain, before: Shape | None, behind: Shape | None) -> Chain:
    if before is None or behind is None:
        raise ConfigError(block.where, f"only Keras can tell the shapes of the block: {ANOTHER_WAY}, or []")
    if block.shortcut == "auto" and before == behind:
        return ()
    last = branch[-1]
    norm = (last,) if isinstance(last, Layer) and last.name == SLOT else ()
    return (_projection(block, branch, before, behind), *norm)


def _projection(block: Block, branch: Chain, before: Shape, behind: Shape) -> Layer:
    """Return the layer that brings the input of a block to the shape of its output."""
    like = next((layer for layer in reversed(list(_all_layers(branch))) if layer.class_name in KERNELS), None)
    given = like.arguments if like else {}
    shared = {name: given[name] for name in SHARED if name in given}
    rank = len(before) - 1
    if len(behind) != len(before) or rank not in range(len(KERNELS)):
        raise _no_projection(block, before, behind)
    if not rank:
        shared.pop("data_format", None)
        return Layer(PROJECTION, "Dense", {"units": behind[0], **shared}, block.where)
    first = shared.get("data_format") == "channels_first"
    (*sizes, _), (*wanted, filters) = ((*s[1:], s[0]) if first else s for s in (before, behind))
    strides = [_find_stride(size, left) for size, left in zip(sizes, wanted, strict=True)]
    if None in strides:
        raise _no_projection(block, before, behind)
    arguments = {"filters": filters, "kernel_size": 1, "strides": strides, **shared}
    return Layer(PROJECTION, KERNELS[rank], arguments, block.where)


def _find_stride(size: int, wanted: int) -> int | None:
    """Return the smallest stride with which a window of size 1 leaves this many positions of an axis."""
    return next((stride for stride in range(1, size + 1) if -(-size // stride) == wanted), None)


def _all_layers(chain: Chain) -> Iterator[Layer]:
    for node in chain:
        if isinstance(node, Layer):
            yield node
        else:
            for branch in node.branches:
                yield from _all_layers(branch)


def _no_projection(block: Block, before: Shape, behind: Shape) -> ConfigError:
    return ConfigError(
        Location.of(block.where),
        f"the layers make {behind} of {before}, and no stride of a convolution of size 1 does: use padding: same, or "
        f"{ANOTHER_WAY}",
    )
