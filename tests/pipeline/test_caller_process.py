"""The planner's end of the process that calls: what it does with one that is mute, or gone."""

import errno
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Event
from types import SimpleNamespace

import pytest

from newsletter import caller_process
from newsletter.caller_process import CallerProcess
from newsletter.callers import Callers
from newsletter.domain.provider import Answer, Outcome
from newsletter.domain.tokens import Key, TokenKeys
from newsletter.logs import write_plainly
from newsletter.pipeline.addressing import Frozen
from newsletter.pipeline.work import Claim, Compiled

KEYS = TokenKeys([Key("k1", b"s" * 32)])
_READY = """
import os, socket
from newsletter.calling import Found, Order, receive, send
from newsletter.domain.provider import Answer, Outcome
planner = socket.socket(fileno=os.dup(0))
receive(planner)
send(planner, Found(0))
"""
#: Says that it is ready, and nothing more.
MUTE = f"{_READY}while receive(planner): pass"
#: Stands still in the middle of its first answer.
HALF = f"{_READY}receive(planner); planner.sendall(bytes(2))\nwhile receive(planner): pass"
#: Says at once that an order was taken.
PROMPT = f"""{_READY}
while frame := receive(planner):
    if isinstance(frame, Order):
        send(planner, Found(frame.number, Answer(Outcome.ACCEPTED)))
"""


def claim(number):
    """Make what is called for."""
    letter = SimpleNamespace(provider="resend", message="a message", label="label")
    batch = SimpleNamespace(id=number)
    frozen = SimpleNamespace(members=((1,),))
    return SimpleNamespace(
        batch=batch, compiled=letter, frozen=frozen, willing={1}, key=f"key-{number}", claimed_at=0.0
    )


@pytest.fixture
def started(monkeypatch):
    """Start a process by what it runs; give it with what came of its claims."""
    running = []

    def start(code, patience=timedelta(minutes=1)):
        monkeypatch.setattr(caller_process, "COMMAND", (sys.executable, "-P", "-c", code))
        process, ended = CallerProcess({}, KEYS, 2, patience), []
        process.start(lambda claim, answer: ended.append((claim.batch.id, answer)))
        running.append(process)
        return process, ended

    yield start
    for process in running:
        process.stop()


def test_a_process_that_cannot_start_takes_nothing(started):
    process, ended = started("raise SystemExit(1)")
    assert not process.take(claim(1))
    assert ended == []


def test_what_a_process_had_is_unknown_once_it_has_ended(started):
    process, ended = started(MUTE)
    assert process.take(claim(1))
    assert process.take(claim(2))
    process.kill()
    assert sorted(number for number, _ in ended) == [1, 2]
    assert {answer.outcome for _, answer in ended} == {Outcome.UNKNOWN}
    assert not process.take(claim(3))


def test_a_process_that_never_answers_is_ended_and_its_calls_are_unknown(started, monkeypatch):
    monkeypatch.setattr(caller_process, "_LOOK_SECONDS", 0.01)
    process, ended = started(MUTE, patience=timedelta(seconds=0.02))
    assert process.take(claim(1))
    process.join()
    assert [(number, answer.outcome) for number, answer in ended] == [(1, Outcome.UNKNOWN)]


def test_a_process_that_answers_nobody_is_not_ended_while_nothing_is_open(started, monkeypatch):
    monkeypatch.setattr(caller_process, "_LOOK_SECONDS", 0.01)
    process, _ = started(MUTE, patience=timedelta())
    process.join(0.2)
    assert process.is_ready


def test_a_process_that_stands_still_in_an_answer_is_ended_and_its_calls_are_unknown(started, monkeypatch):
    monkeypatch.setattr(caller_process, "_FRAME_SECONDS", 1)
    process, ended = started(HALF)
    assert process.take(claim(1))
    process.join(20)
    assert [(number, answer.outcome) for number, answer in ended] == [(1, Outcome.UNKNOWN)]


def test_an_order_that_cannot_be_written_ends_the_process_and_is_for_no_thread(started):
    process, ended = started(MUTE)
    one = claim(1)
    one.compiled.message = lambda: "nothing that can be pickled"
    assert process.take(one)
    process.join(20)
    assert [(number, answer.outcome) for number, answer in ended] == [(1, Outcome.UNKNOWN)]


class Full(StringIO):
    """An output on a full disk."""

    def write(self, _text):
        raise OSError(errno.ENOSPC, "no space left on device")


def test_what_a_process_had_is_told_of_where_no_log_can_be_written(started, monkeypatch):
    write_plainly()
    process, ended = started(MUTE)
    assert process.take(claim(1))
    monkeypatch.setattr(sys, "stdout", Full())
    process.kill()
    assert [(number, answer.outcome) for number, answer in ended] == [(1, Outcome.UNKNOWN)]


def test_where_no_process_can_be_started_threads_call(monkeypatch):
    monkeypatch.setattr(caller_process, "COMMAND", ("/nowhere/to-be-found",))
    assert calls_of(3, monkeypatch) == Counter([1, 2, 3])


def real_claim(number, fill):
    """Make what is called for by either process; `fill` composes it in this one."""
    frozen = Frozen(datetime(2026, 12, 1, tzinfo=UTC), "k1", "https://news.example.org", "news.example.org",
                    ((0, number, f"reader{number}@example.org", "", 1, 1, 0),))  # fmt: skip
    letter = Compiled("resend", "a message", fill, "label", None)
    batch = SimpleNamespace(id=number)
    return Claim(batch, letter, frozen, frozenset({0}), KEYS, f"key-{number}", 0.0, 1)


def test_where_the_process_has_enough_this_one_makes_a_call_at_a_time(monkeypatch):
    monkeypatch.setattr(caller_process, "COMMAND", (sys.executable, "-P", "-c", MUTE))
    process = CallerProcess({}, KEYS, 8, timedelta(minutes=1))
    may_end, made, found = Event(), [], Counter()

    def fill(mailing):
        made.append(mailing.key)
        return SimpleNamespace(make=lambda _may_start: may_end.wait(10) and Answer(Outcome.ACCEPTED))

    callers = Callers(SimpleNamespace(call=lambda claim: claim.call.make(None)), 8, process)
    callers.start()
    callers.give([real_claim(number, fill) for number in range(1, 7)])
    assert made == ["key-4"]
    may_end.set()
    [one] = callers.take(10)
    assert (one.work.batch.id, one.found.outcome) == (4, Outcome.ACCEPTED)
    callers.give([real_claim(7, fill), real_claim(8, fill)])
    assert made == ["key-4", "key-7"]
    process.kill()
    while not callers.is_idle:
        found.update(one.found.outcome for one in callers.take(10))
    callers.stop()
    assert found == {Outcome.UNKNOWN: 6, Outcome.ACCEPTED: 1}


def calls_of(claims, monkeypatch):
    """Give so many claims one after the other, and count by their batches the calls that end."""
    monkeypatch.setattr(CallerProcess, "has_enough", True)
    process, found = CallerProcess({}, KEYS, 8, timedelta(minutes=1)), Counter()
    made = SimpleNamespace(make=lambda _may_start: Answer(Outcome.ACCEPTED))
    callers = Callers(SimpleNamespace(call=lambda claim: claim.call.make(None)), 8, process)
    callers.start()
    for number in range(1, claims + 1):
        callers.give([real_claim(number, lambda _mailing: made)])
        found.update(one.work.batch.id for one in callers.take(0))
    while callers.free < 8:
        found.update(one.work.batch.id for one in callers.take(10))
    callers.stop()
    found.update(one.work.batch.id for one in callers.take(0))
    return found


def gives_to_both(callers, work):
    """Break the rule that a claim is for the process or for a thread."""
    callers._process.take(work)
    return not callers._lends_a_hand(callers._process)


def test_a_claim_is_called_for_by_the_process_or_by_a_thread_and_never_by_both(monkeypatch):
    monkeypatch.setattr(caller_process, "COMMAND", (sys.executable, "-P", "-c", PROMPT))
    each_once = Counter(range(1, 31))
    assert calls_of(30, monkeypatch) == each_once
    monkeypatch.setattr(Callers, "_is_taken", gives_to_both)
    assert calls_of(30, monkeypatch) != each_once
