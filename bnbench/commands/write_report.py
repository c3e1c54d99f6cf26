"""Writes the report of a results folder, after imports that no signal interrupts."""

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


def write_report(
    folder: Path, kinds: Sequence[str] | None = None, overrides: Mapping[str, object] | None = None, pdf: bool = False
) -> list[Path]:
    """Write the report, tables and figures; the arguments and errors are those of `report.write.write_report`."""
    # Matplotlib's compiled modules turn a KeyboardInterrupt during their import into another error, or abort.
    with deferred_signals():
        from bnbench.report import write

    return write.write_report(folder, kinds, overrides, pdf)


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
