"""Writes the report of a results folder, after imports that no signal interrupts."""

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnbench.results.results import Results


def write_report(
    folder: Path, kinds: Sequence[str] | None = None, overrides: Mapping[str, object] | None = None, pdf: bool = False
) -> list[Path]:
    """Write the report, tables and figures; the arguments and errors are those of `report.write.write_report`."""
    import_report()
    from bnbench.report import write

    return write.write_report(folder, kinds, overrides, pdf)


def report_results(folder: Path) -> "Results":
    """Write the report of a results folder, and return the results, whose tables have been computed by then."""
    import_report()
    from bnbench.commands.open import open_results
    from bnbench.report import write

    results = open_results(folder)
    write.write_report(folder, None, None, False, results)
    return results


def import_report() -> None:
    """Import the code of the report, which takes about a second the first time."""
    # Matplotlib's compiled modules turn a KeyboardInterrupt during their import into another error, or abort.
    with deferred_signals():
        import bnbench.report.write  # noqa: F401


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Deliver SIGINT and SIGTERM only after the block, if this is the main thread, which alone receives them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[signal.Signals] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, lambda number, frame: arrived.append(signal.Signals(number)))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in arrived:
        signal.raise_signal(number)
