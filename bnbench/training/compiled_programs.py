"""The program that this process compiled last, kept for the next one that needs the same functions."""

from bnbench.data.types import Dataset
from bnbench.planning.compile_key import compile_key
from bnbench.planning.plan import Program
from bnbench.training.compiled_program import CompiledProgram


class CompiledPrograms:
    """Compiles programs. Only the last one is kept, because each holds a copy of the data."""

    def __init__(self) -> None:
        self._key = ""
        self._last: CompiledProgram | None = None

    def get(self, program: Program, dataset: Dataset) -> CompiledProgram:
        """Return a program ready for `reset`: the last one, if it has the same functions, or a new one."""
        key = compile_key(program)
        if self._last is None or key != self._key:
            # The memory of the last one is free before the next one is built.
            self._last = None
            self._last = CompiledProgram(program, dataset)
            self._key = key
        elif self._last.program is not program:
            self._last.adopt(program, dataset)
        return self._last

    def drop(self) -> None:
        """Free the last program."""
        self._last = None
