import os
import sys

import pytest

from support import kills
from support.paths import ROOT

# The coordinator and the store are the real ones; the workers train nothing and so need no TensorFlow, and no figures
# are drawn: both take seconds. `make soak` has all, and more of everything.
COORDINATOR = """
from contextlib import contextmanager
import bnbench
from bnbench.execution import executors
from bnbench.cli.main import main
from bnbench.execution.process_pool import ProcessPool
from bnbench.planning.resources import Jobs
from support.trainers import Steady

@contextmanager
def start(request):
    with ProcessPool(Jobs(request.jobs), Steady) as started:
        yield started

executors.EXECUTORS["process-pool"] = start
bnbench._report = lambda folder: None
main()
"""


def test_after_sigkill_at_twenty_moments_every_trial_is_there_once_with_the_same_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests")]))
    command = [sys.executable, "-c", COORDINATOR, "run", "--quiet", "--jobs", "2"]
    counts = kills.run(20, command)
    assert sum(counts[victim] for victim in kills.VICTIMS) == 20
    assert (counts["lost"], counts["twice"], counts["different"]) == (0, 0, 0)
