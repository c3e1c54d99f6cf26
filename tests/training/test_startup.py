import importlib
import os
import sys
from types import SimpleNamespace

import pytest

from bnbench.errors import BnbenchError
from bnbench.training import startup


@pytest.fixture
def at_import(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str | None]]:
    """Return the settings that TensorFlow would see at its import. The import itself is replaced."""
    seen: list[dict[str, str | None]] = []
    for name in startup.SETTINGS:
        # Set first, so that the end of the test restores what the code under test sets.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(
        importlib, "import_module", lambda name: seen.append({k: os.environ.get(k) for k in startup.SETTINGS})
    )
    return seen


def test_importing_the_package_sets_no_environment_variables(at_import: list[dict[str, str | None]]) -> None:
    importlib.reload(startup)
    assert not startup.SETTINGS.keys() & os.environ.keys()
    assert at_import == []


def test_tensorflow_is_imported_with_the_settings(at_import: list[dict[str, str | None]]) -> None:
    startup.import_tensorflow()
    assert at_import == [{"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}]


def test_settings_of_the_user_stay(at_import: list[dict[str, str | None]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    startup.import_tensorflow()
    assert at_import[0]["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_what_libraries_write_is_shown_where_the_import_fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(name: str) -> None:
        os.write(2, b"a reason from a library")
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ImportError, match="tensorflow"):
        startup.import_tensorflow()
    assert "a reason from a library" in capfd.readouterr().err
    monkeypatch.setattr(importlib, "import_module", lambda name: os.write(2, b"noise"))
    startup.import_tensorflow()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("backend", ["jax", "torch", "nonsense"])
def test_bnbench_computes_with_tensorflow_whatever_backend_the_user_prefers(
    at_import: list[dict[str, str | None]], monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    startup.import_tensorflow()
    assert at_import[0]["KERAS_BACKEND"] == "tensorflow"


def test_keras_with_another_backend_in_this_process_is_an_error(
    at_import: list[dict[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(config=SimpleNamespace(backend=lambda: "jax")))
    with pytest.raises(BnbenchError, match=r"backend jax, wanted tensorflow: .*KERAS_BACKEND=tensorflow"):
        startup.import_tensorflow()
    assert at_import == []
