"""The conditions of layers that take whole numbers, need values from the data, or could mix the rows of a batch."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bnbench.errors import shorten
from bnbench.model.condition import Condition, Context, Problem


def _whole(context: Context) -> Problem | None:
    if context.values.unknown:
        # The check before training looks at the numbers of a table.
        may_be_whole = context.values.whole
        return None if may_be_whole else Problem(f"takes whole numbers, but {context.values.unknown}: {_MAKE_WHOLE}")
    if not context.values.whole:
        low, high = context.values.span
        return Problem(f"takes whole numbers, but its inputs are fractions from {low} to {high}: {_MAKE_WHOLE}")
    if context.values.low < 0:
        return Problem(f"takes whole numbers from 0 on, but its inputs begin at {context.values.span[0]}")
    return None


_MAKE_WHOLE = "use data.scale: none where the data are whole numbers, or write `- discretization` in front of it"


def _whole_below(argument: str) -> Callable[[Context], Problem | None]:
    def find_problem(context: Context) -> Problem | None:
        problem = _whole(context)
        size, high = context.layer.arguments.get(argument), context.values.span[1]
        if problem or context.values.unknown or not isinstance(size, int) or size > high:
            return problem
        return Problem(f"found {size}, wanted more than the largest number of its inputs, which is {high}", argument)

    return find_problem


def _encoded(context: Context) -> Problem | None:
    if context.layer.arguments.get("output_mode", "int") != "int":
        return None
    return Problem(
        "found int, wanted one_hot, multi_hot or count: bins in no order, as numbers, mean nothing", "output_mode"
    )


def _mean_and_variance(context: Context) -> Problem | None:
    if all(context.layer.arguments.get(name) is not None for name in ("mean", "variance")):
        return None
    return Problem(
        "does nothing without mean and variance, because nobody adapts it: use data.scale: standard, or give both"
    )


def _bin_boundaries(context: Context) -> Problem | None:
    if context.layer.arguments.get("bin_boundaries"):
        return None
    return Problem("has no bins without bin_boundaries, because nobody adapts it: give bin_boundaries: [...]")


def _not_along_the_batch(context: Context) -> Problem | None:
    axis = context.layer.arguments.get("axis", -1)
    axes = axis if isinstance(axis, list) else [axis]
    batch = {0} if context.shape is None else {0, -len(context.shape) - 1}
    if not batch & {one for one in axes if isinstance(one, int)}:
        return None
    return Problem(
        f"found {shorten(axis)}, which is the axis of the batch, so the rows of a batch would change each other: "
        "use -1",
        "axis",
    )


def _noise_for_each_row(context: Context) -> Problem | None:
    noise = context.layer.arguments.get("noise_shape")
    if not noise or not isinstance(noise, list) or noise[0] in {None, 1}:
        return None
    return Problem(
        f"found {shorten(noise)}, whose first number is that of the rows of a batch, and the last batch may be "
        "smaller: begin with null (another mask for each row) or 1 (one mask for all)",
        "noise_shape",
    )


def _equation_keeps_rows(context: Context) -> Problem | None:
    equation = str(context.layer.arguments.get("equation", "")).replace(" ", "")
    inputs, _, outputs = equation.partition("->")
    rows, _, kernel = inputs.partition(",")
    first = "..." if rows.startswith("...") else rows[:1]
    if first and outputs.startswith(first) and (first == "..." or first not in kernel + rows[1:] + outputs[1:]):
        return None
    return Problem(
        f"found {shorten(equation)}, which mixes the rows of a batch: begin the input and the output with a letter of "
        "their own, as in abc,cd->abd",
        "equation",
    )


def _float32(context: Context) -> Problem | None:
    if context.dtype == "float32":
        return None
    return Problem(f"computes in float32 only, but train.dtype is {context.dtype}: use train.dtype: float32")


def _not_xla(context: Context) -> Problem | None:
    if context.engine != "xla":
        return None
    return Problem("cannot be compiled by XLA: use train.engine: auto or graph")


ROW_CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        "whole": Condition("its inputs are whole numbers", _whole),
        "whole_below_input_dim": Condition("its inputs are whole numbers below `input_dim`", _whole_below("input_dim")),
        "whole_below_num_tokens": Condition(
            "its inputs are whole numbers below `num_tokens`", _whole_below("num_tokens")
        ),
        "encoded": Condition("`output_mode` is not `int`", _encoded),
        "mean_and_variance": Condition("`mean` and `variance` are given: nobody adapts it", _mean_and_variance),
        "bin_boundaries": Condition("`bin_boundaries` are given: nobody adapts it", _bin_boundaries),
        "not_along_the_batch": Condition("`axis` is not that of the batch", _not_along_the_batch, of_shape=True),
        "noise_for_each_row": Condition("`noise_shape` begins with null or 1", _noise_for_each_row),
        "equation_keeps_rows": Condition("`equation` keeps the rows of a batch apart", _equation_keeps_rows),
        "float32": Condition("`train.dtype` is float32", _float32),
        "not_xla": Condition("`train.engine` is not `xla`", _not_xla),
    }
)
