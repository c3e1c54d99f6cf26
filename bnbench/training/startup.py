"""Importing TensorFlow: quietly, and with the settings that bnbench needs."""

import importlib
import os
import sys
import tempfile

# Before TensorFlow is imported, which only happens below this package.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # faults arrive as exceptions
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def import_tensorflow() -> None:
    """Import TensorFlow without the lines that its libraries write to stderr as they load, whatever the log level.

    They are shown after all where the import fails.
    """
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        except BaseException:
            held.seek(0)
            os.write(screen, held.read())
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)
