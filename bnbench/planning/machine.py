"""The kind of a machine: what the last bits of an outcome depend on, apart from what the id of a trial is a hash of.

Eigen and oneDNN choose their kernels by the instructions of the processor and divide matrices by the sizes of its
caches, and XLA compiles for these instructions. So two machines of one kind compute the same bits, and two kinds need
not.
"""

import json
import platform
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bnbench.analysis.labels import format_list

# The packages that do the arithmetic.
PACKAGES = ("keras", "tensorflow", "numpy")
# The instructions of a processor by which the libraries choose: of x86 and of ARM.
ABILITY = re.compile(r"s?sse|avx|fma|f16c|bmi|amx|asimd|sve|sme\d*$|bf16|i8mm")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
CPU = "CPU"
# What all machines that train portably compute with. Their other instructions do not matter.
PORTABLE = ("avx2", "fma")


@dataclass(frozen=True)
class MachineKind:
    """What the bits of a trial depend on. Two kinds are the same if all of it is equal."""

    architecture: str
    # The instructions of the processor that matter, sorted.
    abilities: tuple[str, ...]
    # The sizes of its caches, for example `L1 Data 32K`. Empty if the system does not tell them.
    caches: tuple[str, ...]
    # The packages and their exact versions.
    packages: tuple[tuple[str, str], ...]
    # `CPU`, or the name of the graphics card.
    device: str = CPU
    # Trained with `--portable`: abilities are then `PORTABLE`, and caches only that for data of the first level.
    portable: bool = False

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "MachineKind":
        """Return the kind that `asdict` made values of, read from JSON.

        Raises:
            KeyError, TypeError, ValueError: they are not the values of a kind.
        """
        packages = tuple((str(name), str(number)) for name, number in values["packages"])
        abilities, caches = (tuple(map(str, values[name])) for name in ("abilities", "caches"))
        return cls(
            str(values["architecture"]),
            abilities,
            caches,
            packages,
            str(values["device"]),
            bool(values.get("portable")),
        )


@dataclass(frozen=True)
class Machine:
    """A machine that trains."""

    host: str
    # The name of its processor; empty if it is unknown.
    processor: str
    kind: MachineKind


@dataclass(frozen=True)
class Source:
    """Where a trial was trained, and with what."""

    machine: Machine
    # Threads of TensorFlow.
    threads: int
    # The commit of bnbench, if it ran from a checkout.
    commit: str = ""
    # The part of the sweep, for example `1/3`; empty for a run of the whole sweep.
    part: str = ""

    def to_json(self) -> str:
        """Return the source as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Source":
        """Return the source that `to_json` wrote.

        Raises:
            ValueError: the text is something else.
        """
        try:
            values = json.loads(text)
            named = values["machine"]
            machine = Machine(str(named["host"]), str(named["processor"]), MachineKind.from_dict(named["kind"]))
            return cls(machine, int(values["threads"]), str(values["commit"]), str(values["part"]))
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"not the source of a trial: {error}") from error


# The widest vector instructions of a processor, from the widest on: their names, and what their abilities begin with.
VECTORS = (("AVX-512", "avx512f"), ("AVX2", "avx2"), ("AVX", "avx"), ("SVE", "sve"), ("Neon", "asimd"))


def vector_instructions(kind: MachineKind) -> str:
    """Return the widest vector instructions of a kind, such as `AVX-512`; empty if they are unknown."""
    return next((name for name, ability in VECTORS if ability in kind.abilities), "")


@cache
def this_machine(device: str = CPU, portable: bool = False) -> Machine:
    """Return this machine, which trains on a device, portably or not."""
    packages = tuple((name, installed) for name in PACKAGES if (installed := _version(name)))
    abilities, caches = _abilities(), _caches()
    if portable:
        abilities = tuple(one for one in PORTABLE if one in abilities)
        caches = tuple(size for size in caches if size.startswith("L1 "))
    kind = MachineKind(platform.machine(), abilities, caches, packages, device, portable)
    return Machine(socket.gethostname(), processor_name() or "", kind)


def kind_differences(there: MachineKind, here: MachineKind) -> str:
    """Return what differs between two kinds in words; empty if they are the same."""
    return ", ".join(_differences(there, here))


def _differences(there: MachineKind, here: MachineKind) -> Iterator[str]:
    if there.portable != here.portable:
        yield f"--portable {'there' if there.portable else 'here'} only"
    if there.architecture != here.architecture:
        yield f"{there.architecture} there, {here.architecture} here"
    elif there.abilities != here.abilities and there.portable == here.portable:
        yield "other instructions: " + _only(there.abilities, here.abilities)
    if there.caches != here.caches and there.portable == here.portable:
        yield "other caches: " + _only(there.caches, here.caches)
    before, now = dict(there.packages), dict(here.packages)
    for name in dict.fromkeys([*before, *now]):
        if before.get(name) != now.get(name):
            yield f"{name} {before.get(name, 'unknown')} there, {now.get(name, 'unknown')} here"
    if there.device != here.device:
        yield f"device {there.device} there, {here.device} here"


def _only(there: Sequence[str], here: Sequence[str]) -> str:
    sides = (("there", there, here), ("here", here, there))
    parts = [(side, [one for one in own if one not in other]) for side, own, other in sides]
    return " and ".join(f"{format_list(own)} only {side}" for side, own in parts if own)


def processor_name() -> str | None:
    """Return the name of the processor of this machine, or None if it is unknown."""
    named = _cpuinfo("model name")
    return named if named is not None else platform.processor() or None


def _abilities() -> tuple[str, ...]:
    words = (_cpuinfo("flags", "Features") or "").split()
    return tuple(sorted({word for word in words if ABILITY.match(word)}))


def _cpuinfo(*keys: str) -> str | None:
    """Return the value of the first line of /proc/cpuinfo with one of these keys."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() in keys), None)


def _caches() -> tuple[str, ...]:
    found = []
    for index in sorted(CACHES.glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        # Instructions do not decide how matrices are divided.
        if kind != "Instruction":
            found.append(f"L{level} {kind} {size}")
    return tuple(found)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
