"""The end of a SLURM job: a command that trains ends in time to store its trials and write the report."""

import logging
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
    """Interrupt this process a minute before its SLURM job ends, as SIGUSR1 does; do nothing outside of a job."""
    try:
        seconds = float(os.environ[END]) - MARGIN - time.time()
    except (KeyError, ValueError):
        yield
        return
    # A thread cannot wait for longer than this, and no job takes so long.
    timer = threading.Timer(min(max(0.0, seconds), threading.TIMEOUT_MAX), _interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _interrupt() -> None:
    log.warning("the SLURM job ends in %.0f s: stopping", MARGIN)
    os.kill(os.getpid(), signal.SIGUSR1)
