"""Imports TensorFlow quietly, with the settings that bnbench needs."""

import importlib
import logging
import os
import sys
import tempfile

from bnbench.errors import BnbenchError

# Keras and TensorFlow read these when they are imported.
SETTINGS = {
    # Faults arrive as exceptions, so the log is not needed.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # The only backend that bnbench has. The variable counts more than a keras.json of the user.
    "KERAS_BACKEND": "tensorflow",
}
# Settings that a user may have changed. All others are always set.
CHANGEABLE = {"TF_CPP_MIN_LOG_LEVEL"}


def import_tensorflow() -> None:
    """Import TensorFlow and hide the lines that its libraries write to stderr as they load, whatever the log level.

    If the import fails, these lines are shown. Call this before the first import of Keras or TensorFlow in a process.

    Raises:
        BnbenchError: Keras has been imported in this process, with another backend.
    """
    for name, value in SETTINGS.items():
        os.environ[name] = os.environ.get(name, value) if name in CHANGEABLE else value
    _check_backend()
    # TensorFlow warns of many small functions, which the check of many programs needs.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
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


def _check_backend() -> None:
    keras = sys.modules.get("keras")
    if keras and (backend := keras.config.backend()) != SETTINGS["KERAS_BACKEND"]:
        raise BnbenchError(
            f"Keras has been imported in this process with the backend {backend}, wanted tensorflow: start a new "
            "process, or set KERAS_BACKEND=tensorflow before the import"
        )
