"""A machine that sleeps between a claim and its call must not make the call when it wakes up."""

import time
from types import SimpleNamespace

import pytest

from newsletter import calling
from newsletter.domain.provider import Answer, Outcome, too_late
from newsletter.machine import elapsed
from newsletter.writing import SystemClock

pytestmark = pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="a clock of Linux")


@pytest.fixture
def sleeps(monkeypatch):
    """Let the machine sleep for an hour, which its monotonic clock does not count."""
    read = time.clock_gettime

    def sleep():
        monkeypatch.setattr(
            time, "clock_gettime", lambda id_: read(id_) + 3600 * (id_ == time.CLOCK_BOOTTIME)
        )

    return sleep


@pytest.mark.parametrize("read", [elapsed, SystemClock().elapsed])
def test_the_time_that_a_machine_sleeps_counts(sleeps, read):
    before = read()
    sleeps()
    assert read() - before >= 3600


def test_no_call_is_started_by_the_process_that_calls_after_a_sleep(sleeps):
    order = SimpleNamespace(number=7, claimed_at=SystemClock().elapsed())
    call = SimpleNamespace(make=lambda may_start: Answer(Outcome.ACCEPTED) if may_start() else too_late())
    assert calling._made(order, call).answer.outcome is Outcome.ACCEPTED
    sleeps()
    assert calling._made(order, call).answer == too_late()
