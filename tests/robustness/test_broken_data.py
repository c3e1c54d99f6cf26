import json
import os
import subprocess
import sys
import tempfile

from support.paths import ROOT

# Thousands of folders are made and removed. On a disk that would take most of the time.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()  # noqa: S108  only for temporary folders


def test_every_broken_data_file_is_refused_by_name_or_harmless_and_nothing_is_written_outside() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "support.broken_data"],
        capture_output=True, text=True, timeout=300,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), "TMPDIR": MEMORY},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["not refused as they should be"] == found["bytes written outside"] == 0, done.stderr
    assert found["inputs"] >= 500
    assert found["peak memory, MB"] < 200
