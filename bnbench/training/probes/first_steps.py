"""The first steps of a trial, layer by layer: gradient norm, update over weight, dead units.

Here one sees how a rate that is too high kills a network, and how another one returns.
"""

from collections.abc import Iterator

from bnbench.training.probes.layer_look import LayerLooks, update_ratios, weights_by_layer
from bnbench.training.probes.types import Length, Moment, Probe, Value, When

# How many steps it looks at. What kills a network at a constant rate does so within a hundred steps.
STEPS = 200


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the values of the mini-batch of the next step, and how far the last step has moved the weights.

    The position is the number of the step, from 1.
    """
    after, before = weights_by_layer(moment.compiled), moment.kept.get("weights", {})
    for layer, ratio in update_ratios(before, after).items():
        yield Value("update_ratio", ratio, layer, position=moment.step)
    moment.kept["weights"] = after
    if moment.step == STEPS:
        return
    look = moment.compiled.tool(LayerLooks).look(moment.batch)
    for layer, norm in look.gradient_norms.items():
        yield Value("gradient_norm", norm, layer, position=moment.step + 1)
    for layer, share in look.dead_shares.items():
        yield Value("batch_dead_share", share, layer, position=moment.step + 1)


def steps(length: Length) -> range:
    """Return the steps before which it measures. Before the last of them it looks at the update only."""
    return range(min(STEPS + 1, length.steps))


PROBE = Probe(
    name="first_steps",
    measures="norm of the gradient, norm of the update over that of the weights, share of dead units, by layer",
    unit="",
    when=When.AT_STEPS,
    measure=measure,
    asked=True,
    steps=steps,
)
