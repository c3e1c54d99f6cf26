"""Estimates how long trials take, from steps that were timed or, without a timing, from the arithmetic of a program.

`plan`, `reproduce` and budgets of time all use this estimate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bnbench.analysis.labels import format_duration
from bnbench.planning.compile_key import compile_key
from bnbench.planning.plan import Cohort, Program

# Measured on one core of a two-core machine (AMD EPYC). Of the 36 experiments in configs/ with a known time, the
# estimate for 34 is within a factor of two.
# To start workers, and to draw the figures at the end.
LOADING_SECONDS, REPORT_SECONDS = 3.0, 3.0
START_SECONDS = LOADING_SECONDS + REPORT_SECONDS
# To compile the functions of a program, which others may share.
PROGRAM_SECONDS = 1.5
# For each epoch, in addition to its steps.
EPOCH_SECONDS = 3e-3
# For each step, in addition to its arithmetic.
STEP_SECONDS = 5e-5
PRODUCTS_PER_SECOND = 4e10
# Numbers that move to and from memory: outputs of layers, and each weight in its update.
NUMBERS_PER_SECOND = 5e8
# A step goes forward once, and back twice: to the inputs and to the weights of each layer.
PASSES = 3


# What a trial takes on disk, measured on 140 trials of Leaf (3,700 steps and 54 epochs each) and 10,000 made-up ones:
# its row and its measurements, an epoch, and a step, whose loss hardly gets smaller when it is compressed.
TRIAL_BYTES, EPOCH_BYTES, STEP_BYTES = 2_600, 75, 3.5
# A saved model has its weights in float32 and their description.
MODEL_BYTES = 40_000


def estimate_bytes(cohorts: Sequence[Cohort]) -> int:
    """Return about how many bytes the trials of cohorts take on disk, without figures; divergence makes it less."""
    return round(sum(len(cohort.trials) * _bytes_of_trial(cohort.program) for cohort in cohorts))


def _bytes_of_trial(program: Program) -> float:
    epochs = program.train.epochs
    model = MODEL_BYTES + 4 * program.parameters if program.save_models != "none" else 0
    return TRIAL_BYTES + epochs * (EPOCH_BYTES + STEP_BYTES * program.steps_per_epoch) + model


@dataclass(frozen=True)
class RuntimeEstimate:
    """About how long trials take, and what the estimate is based on."""

    # Estimated seconds of the trials whose time is known. It may be too long, because no trial is expected to diverge.
    seconds: float
    # Numbers of trials by the source of their estimate: measured steps, the arithmetic of the program, or none.
    timed: int
    calculated: int
    unknown: int

    def __str__(self) -> str:
        known = f"about {format_duration(self.seconds)}" if self.timed + self.calculated else ""
        unknown = f"time unknown for {self.unknown} trials (Keras has to count their weights)" if self.unknown else ""
        return "; ".join(filter(None, (f"{known}{self._basis()}", unknown)))

    def _basis(self) -> str:
        if self.timed and self.calculated:
            return f" ({self.timed} trials from steps timed here, {self.calculated} from arithmetic)"
        if self.timed:
            return ", from steps timed here"
        return ", from arithmetic (no step has been timed here)" if self.calculated else ""


def estimate_runtime(todo: Sequence[Cohort], measured: Mapping[str, float], jobs: int) -> RuntimeEstimate:
    """Return about how long trials take.

    Args:
        todo: the trials, by program.
        measured: the key of each program that has been timed -> its seconds per step.
        jobs: how many trials run at the same time; 0 counts as 1.
    """
    total, functions = 0.0, set[str]()
    counts = {"timed": 0, "calculated": 0, "unknown": 0}
    for cohort in todo:
        trial, basis = estimate_trial(cohort.program, measured)
        counts[basis] += len(cohort.trials)
        if basis != "unknown":
            total += len(cohort.trials) * trial
            functions.add(compile_key(cohort.program))
    total += PROGRAM_SECONDS * len(functions)
    seconds = total / max(1, jobs) + START_SECONDS if total else 0.0
    return RuntimeEstimate(seconds, **counts)


def estimate_seconds(todo: Sequence[Cohort], measured: Mapping[str, float], jobs: int) -> float | None:
    """Return about how many seconds trials take, or None if the time of some trials is unknown."""
    estimate = estimate_runtime(todo, measured, jobs)
    return None if estimate.unknown else estimate.seconds


def step_seconds(program: Program, measured: Mapping[str, float]) -> float:
    """Return the seconds of a step of a program, as `estimate_runtime` estimates it; 0 if it is unknown."""
    return _step_time(program, measured)[0]


def estimate_trial(program: Program, measured: Mapping[str, float]) -> tuple[float, str]:
    """Return about how many seconds a trial takes, and the basis: `timed`, `calculated`, or `unknown` with 0 seconds.

    Compilation is not included.
    """
    step, basis = _step_time(program, measured)
    return (0.0 if basis == "unknown" else trial_seconds(program, step)), basis


def _step_time(program: Program, measured: Mapping[str, float]) -> tuple[float, str]:
    """Return the seconds of a step, and what they are based on."""
    if program.key in measured:
        return measured[program.key], "timed"
    if program.weights is None:
        return 0.0, "unknown"
    moved = program.outputs * program.batch_size + program.parameters
    arithmetic = PASSES * program.products * program.batch_size / PRODUCTS_PER_SECOND
    return STEP_SECONDS + arithmetic + moved / NUMBERS_PER_SECOND, "calculated"


def trial_seconds(program: Program, step: float) -> float:
    """Return about how many seconds a trial takes whose steps take this long."""
    validation = program.products * program.sizes.validation / PRODUCTS_PER_SECOND
    return program.train.epochs * (EPOCH_SECONDS + program.steps_per_epoch * step + validation)
