from datetime import UTC, datetime, timedelta

import pytest

from newsletter.domain import breaker
from newsletter.domain.pace import Account, Lane, Limits, Wait, admit, after, opens_at
from newsletter.domain.provider import Answer, Outcome, too_late

NOW = datetime(2026, 12, 1, 9, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PROBE = timedelta(seconds=80)
NO_LIMITS = Limits()
ACCEPTED = Answer(Outcome.ACCEPTED)
DOWN = Answer(Outcome.UNKNOWN, "HTTP 503", status=503)
REFUSED_CONNECTION = Answer(Outcome.DEFERRED, "connection refused")
SLOW_DOWN = Answer(Outcome.DEFERRED, "HTTP 429: slow down", retry_after=7 * SECOND, status=429)


def told(account, *answers, now=NOW, limits=NO_LIMITS):
    for answer in answers:
        account = after(account, limits, answer, now=now)
    return account


def ask(account, now=NOW, limits=NO_LIMITS, lane=Lane.BULK):
    return admit(account, limits, lane=lane, recipients=1, now=now, probe=PROBE)


@pytest.mark.parametrize("lane", Lane)
def test_everybody_waits_as_long_as_the_provider_asks(lane):
    account = told(Account(), SLOW_DOWN)
    assert ask(account, lane=lane) == Wait(NOW + 7 * SECOND, "HTTP 429: slow down")
    assert opens_at(account, NO_LIMITS, lane=lane, now=NOW) == NOW + 7 * SECOND
    assert isinstance(ask(account, NOW + 7 * SECOND, lane=lane), Account)


def test_each_429_doubles_the_spacing_up_to_sixteen_times():
    account, now = Account(), NOW
    for expected in (2, 4, 8, 16, 16):
        account = told(account, SLOW_DOWN, now=now)
        assert account.slowdown == expected
        now += 8 * SECOND


def test_calls_that_were_under_way_together_slow_down_once():
    assert told(Account(), SLOW_DOWN, SLOW_DOWN, SLOW_DOWN).slowdown == 2


def test_a_429_that_does_not_say_how_long_slows_down_too():
    account = told(Account(), Answer(Outcome.DEFERRED, "HTTP 429", status=429))
    assert (account.slowdown, account.failures, account.blocked_until) == (2, 1, None)


def test_accepted_calls_bring_the_pace_back():
    account, now = told(Account(), SLOW_DOWN), NOW + 8 * SECOND
    assert told(account, ACCEPTED, now=now).slowdown == pytest.approx(1.8)
    assert told(account, *[ACCEPTED] * 7, now=now) == Account()


def test_a_call_under_way_does_not_end_the_wait_that_the_provider_asked_for():
    account = told(Account(), DOWN, SLOW_DOWN, ACCEPTED)
    assert account.failures == 0
    assert ask(account).until == NOW + 7 * SECOND


def test_a_shorter_wait_does_not_end_a_longer_one():
    shorter = Answer(Outcome.DEFERRED, "HTTP 429", retry_after=SECOND, status=429)
    assert ask(told(Account(), SLOW_DOWN, shorter)).until == NOW + 7 * SECOND


@pytest.mark.parametrize("answer", [too_late(), Answer(Outcome.MISCONFIGURED, "bad key")])
@pytest.mark.parametrize("failures", [0, 7])
def test_what_says_nothing_of_the_provider_changes_nothing(answer, failures):
    account = told(Account(), *[DOWN] * failures)
    assert told(account, answer) is account


def test_five_failures_in_a_row_stop_every_call():
    account = told(Account(), DOWN, REFUSED_CONNECTION, DOWN, DOWN)
    assert ask(account) is account
    account = told(account, DOWN, now=NOW + timedelta(minutes=3))
    wait = ask(account, NOW + timedelta(minutes=3))
    assert wait == Wait(NOW + timedelta(minutes=3, seconds=30), "no proper answer since 09:02 UTC: HTTP 503")
    assert account.blocked_since == NOW


def test_the_day_is_named_when_it_is_not_today():
    account = told(Account(), *[DOWN] * 5)
    account = told(account, REFUSED_CONNECTION, now=NOW + timedelta(days=1))
    assert account.blocked_reason == "no proper answer since 2026-12-01 09:02 UTC: connection refused"


def test_the_block_doubles_up_to_ten_minutes():
    account, now = told(Account(), *[DOWN] * 4), NOW
    for seconds in (30, 60, 120, 240, 480, 600, 600):
        account = told(account, DOWN, now=now)
        assert account.blocked_until - now == timedelta(seconds=seconds)
        now = account.blocked_until
    assert told(Account(failures=10_000), DOWN).blocked_until == NOW + timedelta(minutes=10)


def test_after_the_block_one_call_goes_and_the_others_wait_for_it():
    account = told(Account(), *[DOWN] * 5)
    later = NOW + 30 * SECOND
    probing = ask(account, later)
    assert isinstance(probing, Account)
    assert ask(probing, later).until == later + PROBE
    assert ask(probing, later, lane=Lane.PRIORITY).until == later + PROBE
    again = ask(probing, later + PROBE)
    assert isinstance(again, Account), "a probe that nobody heard of does not block for ever"


def test_a_probe_that_waits_for_its_turn_holds_up_nobody():
    limits = Limits(per_day=1)
    account = ask(told(Account(), *[DOWN] * 5, limits=limits), NOW + 30 * SECOND, limits)
    wait = ask(account, NOW + timedelta(hours=1), limits)
    assert wait.until == datetime(2026, 12, 2, tzinfo=UTC)


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.MISMATCHED, Outcome.REPEATED])
def test_a_provider_that_answers_is_up(outcome):
    probing = ask(told(Account(), *[DOWN] * 5), NOW + 30 * SECOND)
    assert told(probing, Answer(outcome), now=NOW + 31 * SECOND) == Account()
    assert told(told(Account(), DOWN), Answer(outcome)) == Account()


def test_a_probe_that_fails_blocks_for_longer():
    later = NOW + 30 * SECOND
    probing = ask(told(Account(), *[DOWN] * 5), later)
    failed = told(probing, DOWN, now=later + PROBE)
    assert failed.blocked_until == later + PROBE + timedelta(minutes=1)


def test_failures_that_are_not_in_a_row_stop_nothing():
    account = told(Account(), *([DOWN] * 4 + [ACCEPTED]) * 5)
    assert account == Account()


def test_without_the_breaker_an_outage_is_hammered(monkeypatch):
    monkeypatch.setattr(breaker, "_failed", lambda account, *_: account)
    with pytest.raises(AssertionError):
        test_five_failures_in_a_row_stop_every_call()


@pytest.mark.parametrize(
    ("answer", "used"),
    [(ACCEPTED, 100), (DOWN, 100), (REFUSED_CONNECTION, 0), (SLOW_DOWN, 0), (too_late(), 0)],
)
def test_recipients_that_were_not_taken_are_given_back_to_the_quota(answer, used):
    limits = Limits(per_day=100)
    account = admit(Account(), limits, lane=Lane.BULK, recipients=100, now=NOW, probe=PROBE)
    assert after(account, limits, answer, now=NOW, recipients=100).used == used
    assert after(account, limits, answer, now=NOW).used == 100
