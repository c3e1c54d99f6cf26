import os
from functools import partial
from pathlib import Path

import pytest

from support import forked, kills
from support.trainers import Steady


def start(folder: Path) -> forked.Forked:
    """Start a run with the real coordinator and the real store.

    To save seconds, the workers train nothing, so they need no TensorFlow, and no figures are drawn. `make soak` does
    both, and more kills.
    """
    words = ["run", "--quiet", "--jobs", "2", "killed.yaml"]
    return forked.Forked(partial(forked.command, Steady, (), words), folder, stderr=Path(os.devnull))


def test_after_sigkill_at_ten_moments_every_trial_is_stored_once_with_the_same_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(kills.SWEEP, "sweep", {"learning_rate": [0.01, 0.1, 1.0, 1000.0], "seeds": 5})
    # Otherwise its start would count as part of a sweep, and most kills would come after the end.
    forked.start_server()
    counts = kills.run(10, start)
    assert sum(counts[victim] for victim in kills.VICTIMS) == 10
    assert (counts["lost"], counts["twice"], counts["different"]) == (0, 0, 0)
