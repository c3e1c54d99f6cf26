"""Type checkers use the types of an installed bnbench only if it contains an empty file py.typed (PEP 561)."""

from importlib.resources import files


def test_the_package_says_that_it_is_typed() -> None:
    marker = files("bnbench") / "py.typed"
    assert marker.is_file()
    assert marker.read_bytes() == b""
