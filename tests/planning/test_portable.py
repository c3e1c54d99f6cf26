"""Which plans can be trained with the same bits on all x86 processors with AVX2."""

from dataclasses import replace

import pytest

from bnbench.errors import ConfigError
from bnbench.planning.machine import Machine, MachineKind
from bnbench.planning.portable import check_portable
from support.examples import make_plan

KIND = MachineKind("x86_64", ("avx", "avx2", "avx512f", "fma"), ("L1 Data 32K",), (("tensorflow", "2.21.0"),))


def machine_of(kind: MachineKind) -> Machine:
    return Machine("node-1", "a processor", kind)


def test_dense_networks_can_be_portable() -> None:
    check_portable(make_plan(), machine_of(KIND))


def test_the_engine_must_be_xla() -> None:
    plan = make_plan(train__engine="graph")
    with pytest.raises(ConfigError, match=r"^--portable: plain, batchnorm: the engine is graph.*train.engine=xla"):
        check_portable(plan, machine_of(KIND))


@pytest.mark.parametrize(
    "kind", [replace(KIND, architecture="aarch64"), replace(KIND, abilities=("avx",)), replace(KIND, abilities=())]
)
def test_the_processor_must_have_the_instructions(kind: MachineKind) -> None:
    with pytest.raises(ConfigError, match=r"^--portable: needs a processor of x86 with AVX2 and FMA"):
        check_portable(make_plan(), machine_of(kind))
