"""The kind of a machine, and what differs between two kinds in words."""

from dataclasses import asdict, replace

import pytest

from bnbench.planning import machine
from bnbench.planning.machine import Machine, MachineKind, Source, kind_differences, this_machine

AVX2 = MachineKind("x86_64", ("avx", "avx2", "fma"), ("L1 Data 32K",), (("keras", "3.15.1"), ("tensorflow", "2.21.0")))
AVX512 = replace(AVX2, abilities=("avx", "avx2", "avx512f", "fma"))


def test_this_machine_is_of_its_own_kind() -> None:
    here = this_machine()
    assert here.kind.abilities
    assert {"keras", "tensorflow"} <= dict(here.kind.packages).keys()
    assert kind_differences(here.kind, here.kind) == ""


@pytest.mark.parametrize(
    ("there", "here", "wanted"),
    [
        (AVX512, AVX2, "other instructions: avx512f only there"),
        (AVX2, AVX512, "other instructions: avx512f only here"),
        (replace(AVX2, architecture="aarch64"), AVX2, "aarch64 there, x86_64 here"),
        (replace(AVX2, caches=("L1 Data 48K",)), AVX2,
         "other caches: L1 Data 48K only there and L1 Data 32K only here"),
        (replace(AVX2, packages=(("keras", "3.15.0"),)), AVX2,
         "keras 3.15.0 there, 3.15.1 here, tensorflow unknown there, 2.21.0 here"),
        (replace(AVX2, device="GPU NVIDIA H100"), AVX2, "device GPU NVIDIA H100 there, CPU here"),
    ],
)  # fmt: skip
def test_what_differs_is_said_in_words(there: MachineKind, here: MachineKind, wanted: str) -> None:
    assert kind_differences(there, here) == wanted


def test_a_source_is_read_as_it_was_written() -> None:
    source = Source(Machine("node-3", "AMD EPYC", AVX512), threads=2, commit="0a1b", part="2/3")
    assert Source.from_json(source.to_json()) == source


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": 3}', '{"machine": {"host": "a"}}', "[" * 100_000])
def test_other_texts_are_no_source(text: str) -> None:
    with pytest.raises(ValueError, match=r"source|Expecting"):
        Source.from_json(text)


def test_portable_trials_depend_on_less(monkeypatch: pytest.MonkeyPatch) -> None:
    def kind(abilities: tuple[str, ...], caches: tuple[str, ...]) -> MachineKind:
        monkeypatch.setattr(machine, "_abilities", lambda: abilities)
        monkeypatch.setattr(machine, "_caches", lambda: caches)
        this_machine.cache_clear()
        return this_machine(portable=True).kind

    new = kind(("avx2", "avx512f", "fma"), ("L1 Data 32K", "L2 Unified 1024K"))
    assert kind(("avx", "avx2", "fma"), ("L1 Data 32K", "L2 Unified 512K")) == new
    assert kind_differences(kind(("avx2", "fma"), ("L1 Data 48K",)), new).startswith("other caches: L1 Data 48K only")
    # A processor that cannot do it is not of that kind.
    assert kind_differences(kind(("avx",), ("L1 Data 32K",)), new) == "other instructions: avx2, fma only here"
    this_machine.cache_clear()
    assert kind_differences(new, this_machine().kind).startswith("--portable there only")
    # Tests that follow see the real machine.
    this_machine.cache_clear()


def test_a_kind_of_an_earlier_version_is_not_portable() -> None:
    values = {name: value for name, value in asdict(AVX2).items() if name != "portable"}
    assert MachineKind.from_dict(values) == AVX2
