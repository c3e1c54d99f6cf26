"""What an executor is doing, as a progress display shows it."""

from collections.abc import Callable

from bnbench.analysis.labels import format_count, format_duration

# Called in the thread of the coordinator when an executor begins to do something else; it may repeat a phase.
OnPhase = Callable[[str], None]

LOADING = "loading TensorFlow"
TRAINING = "training"
WRITING = "writing the report"


def checking(models: int) -> str:
    """Return the phase in which Keras tries models before the first trial."""
    return f"checking {format_count(models, 'model')}"


def compiling(programs: int) -> str:
    """Return the phase in which every busy worker compiles its program."""
    return f"compiling {format_count(programs, 'program')}"


def timing(pairs: int, seconds: float) -> str:
    """Return for example `timing the steps of 2 pairs of variants, about 5 s`."""
    return f"timing the steps of {format_count(pairs, 'pair')} of variants, about {format_duration(seconds)}"


def phase_of(watcher: object) -> OnPhase:
    """Return the method of a watcher that gets the phase. Watchers that users wrote for version 0.1 have none."""
    return getattr(watcher, "phase", ignore_phase)


def ignore_phase(phase: str) -> None:
    """Do nothing."""
