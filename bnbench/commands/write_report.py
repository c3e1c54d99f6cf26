"""Writes the report of a results folder, after imports that no signal interrupts."""

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnbench.report.write import ReportDrawing
    from bnbench.results.results import Results


def write_report(
    folder: Path, kinds: Sequence[str] | None = None, overrides: Mapping[str, object] | None = None, pdf: bool = False
) -> list[Path]:
    """Write the report, tables and figures; the arguments and errors are those of `report.write.write_report`."""
    import_report()
    from bnbench.report import write

    return write.write_report(folder, kinds, overrides, pdf)


class RunReport:
    """The report that a run writes at its end.

    Attributes:
        results: what it is made of, once it has been written.
    """

    def __init__(self) -> None:
        self.results: Results | None = None
        self._drawing: ReportDrawing | None = None

    def draw_more(self, folder: Path) -> bool:
        """Draw one more figure; return whether there may be others. No figure needs the step times of pairs."""
        if self._drawing is None:
            self._drawing = self._begin(folder)
            return True
        return self._drawing.draw_next()

    def write(self, folder: Path) -> None:
        """Write the report. Figures that have been drawn are not drawn again."""
        if self._drawing is None:
            self._drawing = self._begin(folder)
        else:
            self._drawing.results.read_step_times()
        from bnbench.report import write

        write.write_report(folder, None, None, False, self._drawing)
        self.results = self._drawing.results

    def _begin(self, folder: Path) -> "ReportDrawing":
        import_report()
        from bnbench.commands.open import open_results
        from bnbench.report.write import ReportDrawing

        return ReportDrawing(open_results(folder))


def import_report() -> None:
    """Import the code of the report, which takes about a second the first time."""
    # Matplotlib's compiled modules turn a KeyboardInterrupt during their import into another error, or abort.
    with deferred_signals():
        import bnbench.report.write  # noqa: F401


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Deliver signals that end a command after the block, if this is the main thread, which alone receives them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[signal.Signals] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    try:
        for number in before:
            signal.signal(number, lambda number, frame: arrived.append(signal.Signals(number)))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in arrived:
        signal.raise_signal(number)
