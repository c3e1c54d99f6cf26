"""Imports TensorFlow quietly, with the settings that bnbench needs."""

import importlib
import os
import sys
import tempfile

# Keras and TensorFlow read these when they are imported. Variables that are already set stay as they are.
SETTINGS = {
    # Faults arrive as exceptions, so the log is not needed.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
}


def import_tensorflow() -> None:
    """Import TensorFlow and hide the lines that its libraries write to stderr as they load, whatever the log level.

    If the import fails, these lines are shown. Call this before the first import of Keras or TensorFlow in a process.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        except BaseException:
            hidden.seek(0)
            os.write(screen, hidden.read())
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)
