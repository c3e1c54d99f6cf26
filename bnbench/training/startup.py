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
# Without `--device`, trials are trained on the processor, whatever cards the machine has: a card gives other bits, and
# each worker would take all memory of the first one.
NO_CARDS = {"CUDA_VISIBLE_DEVICES": "-1"}
# A card takes memory as it needs it, multiplies in float32 and not in TF32, and does the same operations in the same
# order each time.
ON_A_CARD = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "NVIDIA_TF32_OVERRIDE": "0"}
XLA_ON_A_CARD = "--xla_gpu_deterministic_ops=true"
# With `--portable`, XLA computes the same bits on all x86 processors with AVX2: no newer instructions, matrix products
# that add up in one order, and no instruction whose precision the maker of a processor chooses, such as the estimate of
# a reciprocal square root.
XLA_PORTABLE = (
    "--xla_cpu_max_isa=AVX2 --xla_cpu_experimental_ynn_fusion_type= "
    "--xla_backend_extra_options=xla_cpu_disable_platform_dependent_math"
)
PORTABLE = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
# Settings that a user may have changed. All others are always set.
CHANGEABLE = {"TF_CPP_MIN_LOG_LEVEL"}


def import_tensorflow(on_card: bool = False, portable: bool = False) -> None:
    """Import TensorFlow and hide the lines that its libraries write to stderr as they load, whatever the log level.

    If the import fails, these lines are shown. Call this before the first import of Keras or TensorFlow in a process.

    Args:
        on_card: whether to use the graphics card that is visible, and not the processor.
        portable: whether to compute the same bits on all x86 processors with AVX2.

    Raises:
        BnbenchError: Keras has been imported in this process, with another backend, or TensorFlow cannot use the card,
            or already uses one that it shall not use, or computes otherwise than `portable` says.
    """
    _set_portable(portable)
    for name, value in {**SETTINGS, **(ON_A_CARD if on_card else NO_CARDS)}.items():
        os.environ[name] = os.environ.get(name, value) if name in CHANGEABLE else value
    if on_card:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {XLA_ON_A_CARD}".strip()
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
    if on_card:
        _prepare_card()
    else:
        _hide_cards()


def is_portable() -> bool:
    """Return whether TensorFlow computes the same bits on all x86 processors with AVX2."""
    return XLA_PORTABLE in os.environ.get("XLA_FLAGS", "")


def _set_portable(portable: bool) -> None:
    """Set the variables of portable trials, or remove those that an earlier call has left."""
    if portable == is_portable():
        return
    flags = os.environ.get("XLA_FLAGS", "")
    if "tensorflow" in sys.modules:
        raise BnbenchError(
            f"TensorFlow already computes with{'out' if portable else ''} --portable in this process: start a new "
            "process, or let workers train (--jobs)"
        )
    if portable:
        os.environ.update(PORTABLE, XLA_FLAGS=f"{flags} {XLA_PORTABLE}".strip())
        return
    os.environ["XLA_FLAGS"] = flags.replace(XLA_PORTABLE, "").strip()
    for name in PORTABLE:
        os.environ.pop(name, None)


def _prepare_card() -> None:
    """Let the card compute the same bits each time, or say why it cannot be used."""
    config = sys.modules["tensorflow"].config
    if not config.list_physical_devices("GPU"):
        raise BnbenchError(
            "--device gpu: TensorFlow sees no graphics card, although the driver lists one: install its CUDA "
            "libraries, `pip install 'tensorflow[and-cuda]'`"
        )
    config.experimental.enable_tensor_float_32_execution(False)
    config.experimental.enable_op_determinism()


def _hide_cards() -> None:
    """Let TensorFlow use no card, if it was imported before its environment was set here."""
    tensorflow = sys.modules["tensorflow"]
    if not tensorflow.config.list_physical_devices("GPU"):
        return
    try:
        tensorflow.config.set_visible_devices([], "GPU")
    except RuntimeError:
        raise BnbenchError(
            "TensorFlow already uses a graphics card in this process, and trials are trained on the processor: start a "
            "new process, or let workers train (--jobs)"
        ) from None


def _check_backend() -> None:
    keras = sys.modules.get("keras")
    if keras and (backend := keras.config.backend()) != SETTINGS["KERAS_BACKEND"]:
        raise BnbenchError(
            f"Keras has been imported in this process with the backend {backend}, wanted tensorflow: start a new "
            "process, or set KERAS_BACKEND=tensorflow before the import"
        )
