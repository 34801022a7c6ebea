"""A schedule sends with several threads, goes on after an error, and stops when asked."""

import threading
from collections import Counter
from contextlib import contextmanager

import pytest
from letter_cast import FIRST, once_each

from newsletter import scheduler
from newsletter.errors import StoreError
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.releasing import Releasing
from newsletter.scheduler import Schedule


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Let nobody wait for seconds."""
    monkeypatch.setattr(scheduler, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(scheduler, "TICK_SECONDS", 0.01)


@contextmanager
def scheduled(office, **options):
    """Run a schedule in the background."""
    schedule = Schedule(office.app().engine, tick_seconds=0.05, **options)
    schedule.start()
    try:
        yield schedule
    finally:
        schedule.ask_to_stop()
        schedule.stop()


def wait_for(office, states) -> Counter:
    end = threading.Event()
    for _ in range(500):
        if office.states() == states or end.wait(0.01):
            break
    return office.states()


def failing_once(monkeypatch, owner, name, error):
    """Let a method fail the first time it is called."""
    original, failures = getattr(owner, name), [error]

    def method(self, *arguments):
        if failures:
            raise failures.pop()
        return original(self, *arguments)

    monkeypatch.setattr(owner, name, method)


def test_several_threads_send_to_everybody_once(queued):
    service = queued.connect()
    queued.clock.advance_to(FIRST)
    with scheduled(queued, senders=4):
        assert wait_for(queued, {"accepted": 5}) == {"accepted": 5}
    assert Counter(service.accepted) == once_each(["lower-back"])


@pytest.mark.parametrize("step", ["step", "next_works"])
@pytest.mark.parametrize("error", [StoreError("the database is busy"), ZeroDivisionError("a bug")])
def test_a_sender_goes_on_after_an_error(queued, monkeypatch, error, step):
    service = queued.connect()
    failing_once(monkeypatch, Delivering, step, error)
    queued.clock.advance_to(FIRST)
    with scheduled(queued, senders=1):
        assert wait_for(queued, {"accepted": 5}) == {"accepted": 5}
    assert Counter(service.accepted) == once_each(["lower-back"])


def test_a_tick_that_failed_is_made_up_for_by_the_next(queued, monkeypatch):
    queued.connect()
    failing_once(monkeypatch, Releasing, "tick", StoreError("the database is busy"))
    queued.clock.advance_to(FIRST)
    with scheduled(queued, senders=1):
        assert wait_for(queued, {"accepted": 5}) == {"accepted": 5}


def test_a_slot_that_comes_due_is_noticed(queued):
    service = queued.connect()
    with scheduled(queued, senders=2):
        queued.clock.advance_to(FIRST)
        assert wait_for(queued, {"accepted": 5}) == {"accepted": 5}
    assert len(service.calls) == 3


def test_a_schedule_that_was_stopped_calls_nobody_any_more(queued):
    service = queued.connect()
    with scheduled(queued, senders=2):
        pass
    queued.release()
    assert service.calls == []
    assert queued.states() == {"planned": 5}


def test_waiting_ends_when_somebody_asks(queued):
    with scheduled(queued, senders=1) as schedule:
        threading.Timer(0.05, schedule.ask_to_stop).start()
        schedule.wait()
