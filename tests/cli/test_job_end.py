"""A command that trains knows when its SLURM job ends."""

import os
import signal
import threading
import time

import pytest

from bnbench.cli.job_end import ended_before_job


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """This event is set when this process would be interrupted."""
    event = threading.Event()

    def kill(process: int, number: int) -> None:
        assert (process, number) == (os.getpid(), signal.SIGUSR1)
        event.set()

    monkeypatch.setattr(os, "kill", kill)
    return event


def test_the_message_says_the_true_time_until_the_end_of_the_job(
    interrupted: threading.Event, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    monkeypatch.setenv("SLURM_JOB_END_TIME", "1020")
    with ended_before_job():
        assert interrupted.wait(10)
    assert "the SLURM job ends in 20 s: stopping" in caplog.text


@pytest.mark.parametrize("end", ["1000", "999", "0", "-5"])
def test_a_time_that_has_passed_is_ignored_with_a_warning(
    interrupted: threading.Event, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, end: str
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    monkeypatch.setenv("SLURM_JOB_END_TIME", end)
    with ended_before_job():
        assert not interrupted.wait(0.1)
    assert f"SLURM_JOB_END_TIME={end} is ignored, because this time has passed" in caplog.text


@pytest.mark.parametrize("end", ["", "soon", "nan", "inf", "1e400"])
def test_what_is_no_time_is_ignored(
    interrupted: threading.Event, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, end: str
) -> None:
    monkeypatch.setenv("SLURM_JOB_END_TIME", end)
    with ended_before_job():
        assert not interrupted.wait(0.1)
    assert caplog.text == ""
