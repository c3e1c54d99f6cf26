"""Ways for tests of whole sweeps to leave out what they do not check."""

import pytest

from bnbench.commands.write_report import RunReport
from bnbench.data.types import Dataset
from bnbench.planning import plan
from bnbench.planning.compile_key import compile_key
from bnbench.planning.plan import Program
from bnbench.report import write
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.compiled_programs import CompiledPrograms

# Each holds a copy of its data, which are small in these tests.
MAX_KEPT = 30
_kept: dict[str, CompiledProgram] = {}
_get = CompiledPrograms.get


def compile_once(patch: pytest.MonkeyPatch) -> None:
    """Compile functions once and give them to every later sweep in this process that needs the same ones.

    A trial resets all variables of its program, so its results do not depend on what was trained before;
    tests/training/test_reuse.py proves it.
    """
    patch.setattr(CompiledPrograms, "get", lambda _, program, dataset: _shared(program, dataset))


def compile_anew(patch: pytest.MonkeyPatch) -> None:
    """Undo `compile_once`: each sweep compiles its own functions, as a new process does."""
    patch.setattr(CompiledPrograms, "get", _get)


def _shared(program: Program, dataset: Dataset) -> CompiledProgram:
    key = compile_key(program)
    compiled = _kept.pop(key, None) or CompiledProgram(program, dataset)
    if compiled.program is not program:
        compiled.adopt(program, dataset)
    # The one that was used last comes last.
    _kept[key] = compiled
    if len(_kept) > MAX_KEPT:
        del _kept[next(iter(_kept))]
    return compiled


def use_graphs(patch: pytest.MonkeyPatch) -> None:
    """Plan programs as plain graphs unless a config says otherwise: XLA takes four times as long to compile them."""
    patch.setattr(plan, "choose_engine", lambda train, layers: "graph" if train.engine == "auto" else train.engine)


def write_no_report(patch: pytest.MonkeyPatch) -> None:
    """End a sweep without its report, which takes longer than a small sweep itself."""
    patch.setattr(write, "write_report", lambda *arguments: None)
    patch.setattr(RunReport, "draw_more", lambda self, folder: False)
