"""How long trials take: by steps that were timed, else by the arithmetic of their programs."""

from collections.abc import Mapping, Sequence

from bnbench.planning.plan import Cohort, Program

# Of one core of a two-core machine (AMD EPYC). Of the 36 experiments of configs/ that tell how long they take, 34 are
# within a factor of two of it.
START_SECONDS = 6.0  # of workers, and the figures at the end
PROGRAM_SECONDS = 1.5  # to compile one
EPOCH_SECONDS = 3e-3  # beside its steps
STEP_SECONDS = 5e-5  # beside its products
PRODUCTS_A_SECOND = 4e10
NUMBERS_A_SECOND = 5e8  # to and from memory: what layers give out, and each weight in its update
PASSES = 3  # of a step: forward, and back to the inputs and to the weights of each layer


def estimate_seconds(todo: Sequence[Cohort], measured: Mapping[str, float], jobs: int) -> float | None:
    """About how long the trials take with so many workers, rather too long than too short: none is taken to diverge.

    Args:
        todo: the trials, by program.
        measured: seconds a step by the key of a program, of those that have been timed.
        jobs: how many train side by side; 0 counts as one.

    Returns:
        None where a program has not been timed and holds a layer whose weights only Keras can count.
    """
    total = 0.0
    for cohort in todo:
        trial = _trial(cohort.program, measured.get(cohort.program.key))
        if trial is None:
            return None
        total += PROGRAM_SECONDS + trial * len(cohort.trials)
    return total / max(1, jobs) + START_SECONDS if todo else 0.0


def _trial(program: Program, step: float | None) -> float | None:
    if step is None and program.weights is None:
        return None
    if step is None:
        moved = program.outputs * program.batch_size + program.parameters
        step = STEP_SECONDS + PASSES * program.products * program.batch_size / PRODUCTS_A_SECOND
        step += moved / NUMBERS_A_SECOND
    validation = program.products * program.sizes.validation / PRODUCTS_A_SECOND
    return program.train.epochs * (EPOCH_SECONDS + program.steps_per_epoch * step + validation)
