"""Ways for tests of whole sweeps to leave out what they do not check."""

import pytest

from bnbench.data.types import Dataset
from bnbench.planning.plan import Program
from bnbench.report import write
from bnbench.training import compiled_programs, step_times
from bnbench.training.compiled_program import CompiledProgram


def compile_once(patch: pytest.MonkeyPatch) -> None:
    """Compile each program once and give every later sweep in this process the same one.

    A trial resets all variables of its program, so its results do not depend on what was trained before.
    """
    known: dict[str, CompiledProgram] = {}

    def compiled(program: Program, dataset: Dataset, warm: bool = True) -> CompiledProgram:
        if program.key not in known:
            known[program.key] = CompiledProgram(program, dataset)
        return known[program.key]

    for module in (compiled_programs, step_times):
        patch.setattr(module, "CompiledProgram", compiled)


def write_no_report(patch: pytest.MonkeyPatch) -> None:
    """End a sweep without its report, which takes longer than a small sweep itself."""
    patch.setattr(write, "write_report", lambda *arguments: None)
