import os
from functools import partial
from pathlib import Path

import pytest

from support import forked, kills
from support.trainers import Steady


def start(folder: Path) -> forked.Forked:
    """The coordinator and the store are the real ones; the workers train nothing and so need no TensorFlow, and no
    figures are drawn: both take seconds. `make soak` has all, and more of everything.
    """
    words = ["run", "--quiet", "--jobs", "2", "killed.yaml"]
    return forked.Forked(partial(forked.command, Steady, (), words), folder, told=Path(os.devnull))


def test_after_sigkill_at_twenty_moments_every_trial_is_there_once_with_the_same_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(kills.SWEEP, "sweep", {"learning_rate": [0.01, 0.1, 1.0, 1000.0], "seeds": 5})
    forked.start_server()  # its seconds would count as those of a sweep, and most kills come after the end
    counts = kills.run(20, start)
    assert sum(counts[victim] for victim in kills.VICTIMS) == 20
    assert (counts["lost"], counts["twice"], counts["different"]) == (0, 0, 0)
