import importlib
import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from bnbench.errors import BnbenchError
from bnbench.training import startup


class Config:
    """What TensorFlow says of the cards of a machine."""

    def __init__(self, cards: list[str], in_use: bool = False) -> None:
        self.cards, self.in_use, self.visible = cards, in_use, cards
        self.called: list[tuple[str, bool]] = []

    def list_physical_devices(self, kind: str) -> list[str]:
        return self.cards if kind == "GPU" else ["cpu"]

    @property
    def experimental(self) -> Any:
        return SimpleNamespace(
            enable_tensor_float_32_execution=lambda on: self.called.append(("tf32", on)),
            enable_op_determinism=lambda: self.called.append(("deterministic", True)),
        )

    def set_visible_devices(self, devices: list[str], kind: str) -> None:
        if self.in_use:
            raise RuntimeError("Visible devices cannot be modified after being initialized")
        self.visible = devices


def without_cards() -> Any:
    return SimpleNamespace(config=Config([]))


@pytest.fixture
def at_import(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str | None]]:
    """Return the settings that TensorFlow would see at its import. The import itself is replaced."""
    seen: list[dict[str, str | None]] = []
    monkeypatch.setitem(sys.modules, "tensorflow", without_cards())
    for name in (*startup.SETTINGS, *startup.NO_CARDS, *startup.ON_A_CARD, "XLA_FLAGS"):
        # Set first, so that the end of the test restores what the code under test sets.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(
        importlib,
        "import_module",
        lambda name: seen.append({k: os.environ.get(k) for k in (*startup.SETTINGS, *startup.NO_CARDS)}),
    )
    return seen


def test_importing_the_package_sets_no_environment_variables(at_import: list[dict[str, str | None]]) -> None:
    importlib.reload(startup)
    assert not startup.SETTINGS.keys() & os.environ.keys()
    assert at_import == []


def test_tensorflow_is_imported_with_the_settings(at_import: list[dict[str, str | None]]) -> None:
    startup.import_tensorflow()
    assert at_import == [{"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}]


def test_no_card_is_used_even_if_tensorflow_was_imported_before(
    at_import: list[dict[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(["card 0", "card 1"])
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config))
    startup.import_tensorflow()
    assert config.visible == []
    assert config.called == []
    config.in_use = True
    with pytest.raises(BnbenchError, match="already uses a graphics card in this process"):
        startup.import_tensorflow()


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

    monkeypatch.setitem(sys.modules, "tensorflow", without_cards())
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


def test_a_card_computes_in_float32_and_the_same_each_time(
    at_import: list[dict[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("XLA_FLAGS", "--xla_mine")
    config = Config(["card 1"])
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config))
    startup.import_tensorflow(on_card=True)
    assert config.called == [("tf32", False), ("deterministic", True)]
    assert config.visible == ["card 1"]
    assert at_import[0]["CUDA_VISIBLE_DEVICES"] == "1"
    assert os.environ["XLA_FLAGS"] == "--xla_mine --xla_gpu_deterministic_ops=true"
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    config.cards = []
    with pytest.raises(BnbenchError, match="TensorFlow sees no graphics card"):
        startup.import_tensorflow(on_card=True)


def test_the_settings_of_portable_trials_are_removed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setenv("XLA_FLAGS", "--xla_of_the_user")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "")
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    startup._set_portable(True)
    assert os.environ["XLA_FLAGS"] == f"--xla_of_the_user {startup.XLA_PORTABLE}"
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    startup._set_portable(False)
    assert os.environ["XLA_FLAGS"] == "--xla_of_the_user"
    assert "ONEDNN_MAX_CPU_ISA" not in os.environ


def test_tensorflow_that_computes_otherwise_is_an_error(
    at_import: list[dict[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BnbenchError, match=r"already computes without --portable in this process: start a new process"):
        startup.import_tensorflow(portable=True)
    assert at_import == []
