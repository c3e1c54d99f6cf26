import os
import sys
from pathlib import Path

import pytest

from soak import kills

HERE = Path(__file__).parent

# The coordinator and the store are the real ones; the workers train nothing and so need no TensorFlow, and no figures
# are drawn: both take seconds. `make soak` has all, and more of everything.
COORDINATOR = """
from contextlib import contextmanager
import bnbench
from bnbench import workers
from bnbench.cli import main
from bnbench.workers.processes import Processes
from trainers import Steady

@contextmanager
def start(jobs, places):
    with Processes(jobs, Steady) as started:
        yield started

workers.start = start
bnbench._report = lambda folder: None
main()
"""


def test_after_sigkill_at_twenty_moments_every_trial_is_there_once_with_the_same_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE.parent), str(HERE)]))
    command = [sys.executable, "-c", COORDINATOR, "run", "--quiet", "--jobs", "2"]
    counts = kills.run(20, command)
    assert sum(counts[victim] for victim in kills.VICTIMS) == 20
    assert (counts["lost"], counts["twice"], counts["different"]) == (0, 0, 0)
