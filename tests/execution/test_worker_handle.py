import sys
from queue import SimpleQueue
from typing import Any

import pytest

from bnbench.execution import worker_handle
from bnbench.execution.worker_handle import WorkerHandle

SEND_VARIABLES = """
import os, pickle, sys
names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TOKEN")
pickle.dump(("variables", [os.environ.get(name) for name in names]), sys.stdout.buffer)
"""


def test_numpy_uses_one_thread_in_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_handle, "COMMAND", (sys.executable, "-c", SEND_VARIABLES))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    received: SimpleQueue[tuple[str, Any]] = SimpleQueue()
    worker = WorkerHandle(lambda _, message: received.put(message), {"TOKEN": "given"})
    assert received.get(timeout=60) == ("variables", ["1", "1", "given"])
    assert received.get(timeout=60) == ("dead", None)
    worker.stop()
