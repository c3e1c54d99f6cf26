"""The program that this process built last, kept for the next one that needs the same functions."""

from bnbench.data.types import Dataset
from bnbench.planning.compile_key import compile_key
from bnbench.planning.plan import Program
from bnbench.training.compiled_program import CompiledProgram


class CompiledPrograms:
    """Compiles programs. Only the last one is kept, because each holds a copy of the data."""

    def __init__(self) -> None:
        self._key = ""
        self._last: CompiledProgram | None = None
        # Whether the last one has been checked, and not compiled yet.
        self._is_checked = False

    def checked(self, program: Program) -> CompiledProgram | None:
        """Return what was kept last, if it has the functions of a program and has only been checked."""
        return self._last if self._is_checked and compile_key(program) == self._key else None

    def keep(self, program: Program, checked: CompiledProgram | None) -> None:
        """Keep what the check of a program has built, so that `get` need not build it again."""
        self._last, self._key, self._is_checked = checked, compile_key(program), True

    def get(self, program: Program, dataset: Dataset) -> CompiledProgram:
        """Return a program ready for `reset`: the last one, if it has the same functions, or a new one."""
        key = compile_key(program)
        if self._last is None or key != self._key:
            # The memory of the last one is free before the next one is built.
            self.drop()
            self._last = CompiledProgram(program, dataset)
            self._key = key
        elif self._is_checked:
            self._last.compile_for(program, dataset)
        elif self._last.program is not program:
            self._last.adopt(program, dataset)
        self._is_checked = False
        return self._last

    def take(self) -> dict[str, CompiledProgram]:
        """Return the last program by its key, if it is compiled, and keep it no longer."""
        last = None if self._is_checked else self._last
        self.drop()
        return {last.program.key: last} if last else {}

    def drop(self) -> None:
        """Free the last program."""
        self._last, self._is_checked = None, False
