from collections.abc import Iterator

import keras
import pytest

from bnbench.training.compiled_program import CompiledProgram


@pytest.fixture
def float64() -> Iterator[None]:
    """Keras computes in float64 during the test."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


@pytest.fixture
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile nothing, for tests that read the variables of a program but do not run it."""
    monkeypatch.setattr(CompiledProgram, "warm_up", lambda self: None)
