"""The end of a SLURM job: a command that trains ends in time to store its trials and write the report."""

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# SLURM sets it to the time at which the job is ended, in seconds since 1970.
END = "SLURM_JOB_END_TIME"
# Seconds before that time.
MARGIN = 60.0
log = logging.getLogger(__name__)


@contextmanager
def ended_before_job() -> Iterator[None]:
    """Interrupt this process a minute before its SLURM job ends, as SIGUSR1 does; do nothing outside of a job.

    A job that ends in less than a minute is interrupted at once.
    """
    end = _end_of_job()
    if end is None:
        yield
        return
    # A thread cannot wait for longer than this, and no job takes so long.
    seconds = min(max(0.0, end - MARGIN - time.time()), threading.TIMEOUT_MAX)
    timer = threading.Timer(seconds, _interrupt, [end])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end_of_job() -> float | None:
    """Return when the job ends, in seconds since 1970; None outside of a job, or if the time is over."""
    try:
        end = float(os.environ[END])
    except (KeyError, ValueError):
        return None
    if not math.isfinite(end):
        return None
    # A shell may keep the variable of a job that has ended.
    if end <= time.time():
        log.warning("%s=%s is ignored, because this time has passed: unset it", END, os.environ[END])
        return None
    return end


def _interrupt(end: float) -> None:
    log.warning("the SLURM job ends in %.0f s: stopping", max(0.0, end - time.time()))
    os.kill(os.getpid(), signal.SIGUSR1)
