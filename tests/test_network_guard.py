import contextlib
import socket
import urllib.request
from collections.abc import Callable

import pytest

# An address for documentation, which no machine has.
OTHER_MACHINE = ("192.0.2.1", 80)


def _tcp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_connecting_to_another_machine_fails(method: str) -> None:
    with _tcp() as sock, pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1.*no network"):
        getattr(sock, method)(OTHER_MACHINE)


def test_sending_to_another_machine_fails() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(pytest.fail.Exception):
        sock.sendto(b"x", OTHER_MACHINE)


@pytest.mark.parametrize(
    "look_up", [lambda: socket.getaddrinfo("example.org", 80), lambda: socket.gethostbyname("example.org")]
)
def test_looking_up_a_name_fails(look_up: Callable[[], object]) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"example\.org"):
        look_up()


def test_the_failure_is_not_swallowed_by_code_that_catches_every_exception() -> None:
    def tolerant() -> None:
        with contextlib.suppress(Exception):
            socket.create_connection(OTHER_MACHINE, timeout=1)

    with pytest.raises(pytest.fail.Exception):
        tolerant()


def test_urllib_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(pytest.fail.Exception):
        urllib.request.urlopen("http://example.org/", timeout=1)


def test_requests_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(pytest.fail.Exception):
        requests.get("http://192.0.2.1/", timeout=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_can_be_reached(host: str) -> None:
    with _tcp() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection((host, server.getsockname()[1]), timeout=5) as client:
            assert client.getpeername()[0] == "127.0.0.1"


def test_socket_files_can_be_reached() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
