"""One thread plans and records, others call: what goes wrong in one call costs the others nothing."""

import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import StringIO

import pytest
from letter_cast import DEFERRED, FIRST, SERVICE, UNKNOWN, once_each

from newsletter import scheduler
from newsletter.domain.provider import Recovery, Sightings
from newsletter.pipeline.delivering import Delivering
from newsletter.scheduler import Schedule

SECONDS = 20
#: A claim is still fresh after two of these; a lease is over after some twenty.
STEP = timedelta(seconds=5)
EVERYBODY = once_each(["lower-back"])


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Let nobody wait for seconds."""
    monkeypatch.setattr(scheduler, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(scheduler, "TICK_SECONDS", 0.01)


@pytest.fixture
def due(queued):
    """Give a letter whose first issue is due: three calls for five people."""
    queued.service = queued.connect()
    queued.clock.advance_to(FIRST)
    return queued


@contextmanager
def scheduled(office, senders):
    """Run a schedule in the background."""
    schedule = Schedule(office.app().engine, tick_seconds=0.05, senders=senders)
    schedule.start()
    try:
        yield schedule
    finally:
        schedule.ask_to_stop()
        schedule.stop()


def eventually(office, step=timedelta(), **states):
    """Wait until the deliveries stand so, the clock going on in steps; return how they stand in the end."""
    ends, pause = time.monotonic() + SECONDS, threading.Event()
    while (found := office.states()) != states and time.monotonic() < ends:
        office.clock.advance_to(office.clock.now() + step)
        pause.wait(0.02)
    return found


def around(service, before):
    """Do something at the beginning of every call, with its mailing."""
    accept = service.accept

    def accepting(message, mailing):
        before(mailing)
        return accept(message, mailing)

    service.accept = accepting


def is_for(mailing, name):
    return name in {one.address.partition("@")[0] for one in mailing.recipients}


@dataclass
class Once:
    """A bug that shows itself in the first call that somebody is in."""

    name: str = "ada"
    met: list[str] = field(default_factory=list)

    def __call__(self, mailing):
        if not self.met and is_for(mailing, self.name):
            self.met.append(mailing.key)
            raise ZeroDivisionError("a bug")


class Gate:
    """Keeps calls from ending until it is opened."""

    def __init__(self, calls):
        self.ended = []
        self._under_way, self._is_open = threading.Barrier(calls + 1), threading.Event()

    def __call__(self, mailing):
        self._under_way.wait(SECONDS)
        assert self._is_open.wait(SECONDS)
        self.ended.append("call")

    def wait(self):
        """Wait until all the calls are under way."""
        self._under_way.wait(SECONDS)

    def open(self):
        self._is_open.set()


def test_calls_that_are_under_way_at_once_give_everybody_one_mail(due):
    gate = Gate(3)
    around(due.service, gate)
    with scheduled(due, senders=3):
        gate.wait()
        assert due.states() == {"sending": 5}
        gate.open()
        assert eventually(due, accepted=5) == {"accepted": 5}
    assert Counter(due.service.accepted) == EVERYBODY


def test_many_calls_keep_few_callers_busy_until_everybody_has_one(office):
    service = office.connect(capabilities=replace(SERVICE, batch_size=1))
    office.join(*(f"reader{number}" for number in range(15)))
    office.queue()
    office.clock.advance_to(FIRST)
    with scheduled(office, senders=3):
        assert eventually(office, accepted=20) == {"accepted": 20}
    assert len(service.calls) == len(set(service.accepted)) == len(service.accepted) == 20


@pytest.mark.parametrize("senders", [1, 3])
def test_a_call_that_breaks_loses_nobody_elses_mail_and_is_repeated_when_its_lease_is_over(due, senders):
    around(due.service, Once())
    with scheduled(due, senders):
        assert eventually(due, accepted=3, sending=2) == {"accepted": 3, "sending": 2}
        assert eventually(due, STEP, accepted=5) == {"accepted": 5}
    assert Counter(due.service.accepted) == EVERYBODY


def test_a_call_that_breaks_after_it_was_accepted_is_not_accepted_again(due):
    accept, broken = due.service.accept, []

    def accepting(message, mailing):
        answer = accept(message, mailing)
        if not broken:
            broken.append(mailing.key)
            raise ZeroDivisionError("a bug")
        return answer

    due.service.accept = accepting
    with scheduled(due, senders=3):
        assert eventually(due, accepted=3, sending=2) == {"accepted": 3, "sending": 2}
        assert eventually(due, STEP, accepted=5) == {"accepted": 5}
    assert Counter(due.service.accepted) == EVERYBODY


@pytest.mark.parametrize("senders", [1, 3])
def test_a_call_that_cannot_be_composed_does_not_stop_the_others(due, senders):
    compile_, bug = due.service.compile, Once()

    def compiled(message):
        fill = compile_(message)
        return lambda mailing: bug(mailing) or fill(mailing)

    due.service.compile = compiled
    with scheduled(due, senders):
        assert eventually(due, accepted=3, sending=2) == {"accepted": 3, "sending": 2}
        assert [call for call in due.service.calls if is_for(call, "ada")] == []
        assert eventually(due, STEP, accepted=5) == {"accepted": 5}
    assert Counter(due.service.accepted) == EVERYBODY


class Unread(StringIO):
    """An output whose reader is gone."""

    def write(self, _text):
        raise BrokenPipeError


def test_a_call_that_breaks_when_nobody_reads_the_log_any_more_does_not_stop_the_others(due, monkeypatch):
    around(due.service, Once())
    around(due.service, lambda mailing: monkeypatch.setattr(sys, "stdout", Unread()))
    with scheduled(due, senders=1):
        assert eventually(due, accepted=3, sending=2) == {"accepted": 3, "sending": 2}
        assert eventually(due, STEP, accepted=5) == {"accepted": 5}
    assert Counter(due.service.accepted) == EVERYBODY


def test_a_search_that_breaks_does_not_stop_the_others_and_is_made_again(queued):
    service = queued.connect(
        script=[UNKNOWN, DEFERRED], capabilities=replace(SERVICE, recovery=Recovery.QUERY)
    )
    bugs = [ZeroDivisionError("a bug")]

    def search(_inquiry):
        if bugs:
            raise bugs.pop()
        return Sightings({0: "id-ada", 1: "id-ben"})

    service.search = search
    queued.clock.advance_to(FIRST)
    with scheduled(queued, senders=1):
        assert eventually(queued, unknown=2, planned=3) == {"unknown": 2, "planned": 3}
        queued.clock.advance_to(FIRST + SERVICE.settles_after)
        assert eventually(queued, STEP, accepted=5) == {"accepted": 5}
    assert bugs == []
    assert Counter(service.accepted) == EVERYBODY


def test_outcomes_that_could_not_be_recorded_for_a_bug_are_doubts_and_cost_nobody_a_mail(due, monkeypatch):
    keep, failures = Delivering.keep, [ZeroDivisionError("a bug")]

    def keeping(delivering, answered):
        if failures:
            raise failures.pop()
        keep(delivering, answered)

    monkeypatch.setattr(Delivering, "keep", keeping)
    with scheduled(due, senders=1):
        assert eventually(due, accepted=3, sending=2) == {"accepted": 3, "sending": 2}
        assert eventually(due, STEP, accepted=5) == {"accepted": 5}
    assert Counter(due.service.accepted) == EVERYBODY


@pytest.mark.parametrize(("senders", "called"), [(1, 2), (2, 4)])
def test_stopping_waits_for_the_calls_under_way_and_records_them_and_begins_no_other(due, senders, called):
    gate, stopped = Gate(senders), []
    around(due.service, gate)
    schedule = Schedule(due.app().engine, tick_seconds=0.05, senders=senders)

    def stop():
        schedule.stop()
        stopped.append((len(gate.ended), due.states()))

    schedule.start()
    gate.wait()
    stopper = threading.Thread(target=stop)
    stopper.start()
    # It cannot end before the calls do; one that did not wait would have ended by now.
    stopper.join(0.1)
    gate.open()
    stopper.join(SECONDS)
    assert stopped == [(senders, {"accepted": called, "planned": 5 - called})]
