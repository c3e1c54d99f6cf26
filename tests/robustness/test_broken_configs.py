import json
import os
import subprocess
import sys
import tempfile

from support.paths import ROOT

# Thousands of folders are made and removed: on a disk that takes longer than all else.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()  # noqa: S108  it is only asked for room
MUTATIONS = 160  # of 23,000; `python -m support.broken_configs.py` takes all of them


def test_every_broken_config_is_refused_by_one_message_in_no_time_and_writes_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "support.broken_configs", str(MUTATIONS)],
        capture_output=True, text=True, timeout=300,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), "TMPDIR": MEMORY},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["not refused as they should be"] == found["bytes written outside"] == 0, done.stderr
    assert found["inputs"] >= 300
    assert found["slowest, milliseconds"] < 1000, done.stderr
    assert found["peak memory, MB"] < 200
