import json
import os
import subprocess
import sys
import tempfile

from support.paths import ROOT

# Thousands of folders are made and removed. On a disk that would take most of the time.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()  # noqa: S108  only for temporary folders
# A sample of 23,000 mutations; `python -m support.broken_configs` takes all of them.
MUTATIONS = 160


def test_every_broken_config_is_refused_quickly_with_one_message_and_nothing_is_written() -> None:
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
