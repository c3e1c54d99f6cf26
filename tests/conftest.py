"""Keeps the tests off the network: they reach this machine itself and nothing else."""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if "BNBENCH_DATA" in os.environ:
    os.environ["BNBENCH_DATA"] = str(Path(os.environ["BNBENCH_DATA"]).absolute())  # tests run in folders of their own

# Some tests import Keras themselves, and not through bnbench.training.startup, which has the same settings.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_elsewhere(original: Callable[..., Any], host_of: Callable[..., object]) -> Callable[..., Any]:
    def guarded(*args: Any, **kwargs: Any) -> Any:
        host = host_of(*args, **kwargs)
        if not _is_here(host):
            # pytest's own failure: no `except Exception` of the code under test hides it.
            pytest.fail(f"a test wanted to reach {host!r}: tests use no network; serve what they need on 127.0.0.1")
        return original(*args, **kwargs)

    return guarded


def _address_host(_: socket.socket, *args: Any) -> object:
    address = args[-1]  # sendto takes data and flags before it
    return address[0] if isinstance(address, tuple) else None  # else the path of a socket file


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Any connection to, or look-up of, another machine fails the test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _refuse_elsewhere(getattr(socket.socket, name), _address_host))
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            patch.setattr(socket, name, _refuse_elsewhere(getattr(socket, name), lambda host, *_, **__: host))
        yield
