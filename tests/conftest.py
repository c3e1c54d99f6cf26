"""Keeps the tests off the network: they can only reach this machine itself. Keeps them from timing steps, too."""

import gc
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bnbench.data.types import DataDirs

if "BNBENCH_DATA" in os.environ:
    # Tests run in temporary folders.
    os.environ["BNBENCH_DATA"] = str(Path(os.environ["BNBENCH_DATA"]).absolute())

# Some tests import Keras themselves, and not through bnbench.training.startup, which has the same settings.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

# Collecting garbage less often saves a tenth of the time: most objects are those of TensorFlow, which stay.
gc.set_threshold(50_000, 20, 100)


def pytest_collection_finish() -> None:
    """Keep the modules that were imported out of every later search for garbage."""
    gc.freeze()


def _is_this_machine(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_other_machines(original: Callable[..., Any], host_of: Callable[..., object]) -> Callable[..., Any]:
    def guarded(*args: Any, **kwargs: Any) -> Any:
        host = host_of(*args, **kwargs)
        if not _is_this_machine(host):
            # `except Exception` in the code under test does not hide pytest's own failure.
            pytest.fail(f"a test wanted to reach {host!r}: tests use no network; serve what they need on 127.0.0.1")
        return original(*args, **kwargs)

    return guarded


def _address_host(_: socket.socket, *args: Any) -> object:
    # `sendto` takes data and flags before the address.
    address = args[-1]
    # An address that is not a tuple is the path of a socket file.
    return address[0] if isinstance(address, tuple) else None


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Fail a test that connects to another machine or looks it up."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _refuse_other_machines(getattr(socket.socket, name), _address_host))
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            patch.setattr(socket, name, _refuse_other_machines(getattr(socket, name), lambda host, *_, **__: host))
        yield


@pytest.fixture(scope="session", autouse=True)
def any_size() -> Iterator[None]:
    """Let tables have any width and height, here and in processes that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COLUMNS", "LINES"):
            patch.delenv(name, raising=False)
            # pytest imports readline, which sets them behind the back of `os.environ`.
            os.unsetenv(name)
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of published data sets. Without one, tests that need it are skipped; in CI they fail."""
    named = os.environ.get("BNBENCH_DATA")
    if not named:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("BNBENCH_DATA names no folder of real data")
    return Path(str(named))


@pytest.fixture(scope="session")
def places(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> DataDirs:
    """Places with the published data sets, and with a cache of their own."""
    return DataDirs(real_data, tmp_path_factory.mktemp("cache"), offline=True)


@pytest.fixture(scope="session", autouse=True)
def made_up_step_times() -> Iterator[None]:
    """Let no training in this process compile pairs of programs to time their steps, which takes seconds."""
    from bnbench.execution.in_process import InProcessTrainer
    from support.turns import made_up_times

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InProcessTrainer, "time_steps", lambda self, pairs: made_up_times(pairs))
        yield
