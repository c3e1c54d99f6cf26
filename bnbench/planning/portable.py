"""Portable trials: the same bits on all x86 processors with AVX2 whose first-level data caches have one size.

`training.startup` has the settings of TensorFlow. They hold for what XLA compiles: TensorFlow's own operations use
instructions whose precision the maker of a processor chooses.
"""

from bnbench.analysis.labels import format_list
from bnbench.errors import ConfigError
from bnbench.planning.machine import PORTABLE, Machine, this_machine
from bnbench.planning.plan import Plan

OPTION = "--portable"


def check_portable(plan: Plan, here: Machine | None = None) -> None:
    """Check that the trials of a plan can be portable.

    Args:
        plan: what is trained.
        here: a machine that trains; by default this one.

    Raises:
        ConfigError: a variant is trained with another engine than XLA, or on a graphics card, or the processor is none
            of x86 with AVX2.
    """
    if plan.device:
        raise ConfigError(OPTION, f"is for processors, but the trials are trained on {plan.device}")
    kind = (here or this_machine()).kind
    if kind.architecture not in {"x86_64", "AMD64"} or not set(PORTABLE) <= set(kind.abilities):
        raise ConfigError(OPTION, "needs a processor of x86 with AVX2 and FMA, and Linux, which says so")
    of_graphs = dict.fromkeys(cohort.variant for cohort in plan.cohorts if cohort.program.train.engine != "xla")
    if of_graphs:
        raise ConfigError(
            OPTION,
            f"{format_list(list(of_graphs))}: the engine is graph, whose bits depend on the processor: set "
            "train.engine=xla, which is slower with convolutions and dropout",
        )
