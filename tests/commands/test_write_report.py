"""Signals wait until the modules of the report are imported."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bnbench.commands.write_report import deferred_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_delivered_after_the_block_to_the_handler_of_before(number: signal.Signals) -> None:
    order: list[object] = []
    before = signal.signal(number, lambda number, frame: order.append(signal.Signals(number)))
    try:
        with deferred_signals():
            signal.raise_signal(number)
            order.append("imported")
        assert order == ["imported", number]
        signal.raise_signal(number)
        assert order == ["imported", number, number]
    finally:
        signal.signal(number, before)


def test_an_error_in_the_block_counts_more_than_a_signal() -> None:
    def failing_import() -> None:
        with deferred_signals():
            signal.raise_signal(signal.SIGINT)
            raise ImportError("no such module")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ImportError):
        failing_import()
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_changes_no_handler() -> None:
    def handlers() -> tuple[object, bool]:
        with deferred_signals():
            return signal.getsignal(signal.SIGINT), threading.current_thread() is threading.main_thread()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(handlers).result() == (signal.getsignal(signal.SIGINT), False)
