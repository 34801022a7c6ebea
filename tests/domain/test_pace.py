from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.domain import pace
from newsletter.domain.pace import (
    Account,
    Lane,
    Limits,
    Wait,
    admit,
    after,
    how_long,
    largest_call,
    opens_at,
)
from newsletter.domain.provider import Answer, Outcome

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
MIDNIGHT = datetime(2026, 12, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)
DAY = timedelta(days=1)
ACCEPTED = Answer(Outcome.ACCEPTED)
FIVE = Limits(calls_per_second=5)


def ask(account, limits, *, lane=Lane.BULK, recipients=1, now=NOW):
    return admit(account, limits, lane=lane, recipients=recipients, now=now, probe=SECOND)


def taken(account, limits, **about):
    admitted = ask(account, limits, **about)
    assert isinstance(admitted, Account), admitted
    return admitted


def refused(account, limits, **about):
    wait = ask(account, limits, **about)
    assert isinstance(wait, Wait)
    return wait


def starts(limits, workers, until, account=None):
    """Play workers, each a lane and what it does between two questions, and list the calls as they start."""
    account, calls = account or Account(), []
    asked_at = [NOW + offset for _, offset, _ in workers]
    while min(asked_at) < until:
        turn = asked_at.index(min(asked_at))
        lane, _, pauses = workers[turn]
        now, pause = asked_at[turn], pauses[len(calls) % len(pauses)]
        answer = ask(account, limits, lane=lane, now=now)
        if isinstance(answer, Wait):
            asked_at[turn] = max(answer.until, now + MS) + pause / 10
            continue
        account = answer
        calls.append((now, lane))
        asked_at[turn] = now + max(pause, MS)
    return calls


def busiest_second(instants):
    return max(sum(first <= one < first + SECOND for one in instants) for first in instants)


def test_an_account_without_limits_costs_no_write():
    account = Account()
    assert ask(account, Limits()) is account
    assert ask(account, Limits(), lane=Lane.PRIORITY, recipients=1_000_000) is account
    assert after(account, Limits(), ACCEPTED, now=NOW) is account


def test_calls_are_spaced_and_the_reason_says_so():
    account = taken(Account(), FIVE)
    wait = refused(account, FIVE, now=NOW + 199 * MS)
    assert wait == Wait(NOW + 200 * MS, "5 calls a second")
    assert opens_at(account, FIVE, lane=Lane.BULK, now=NOW) == NOW + 200 * MS
    assert isinstance(ask(account, FIVE, now=wait.until), Account)


def test_a_rest_earns_no_burst():
    account = taken(Account(), FIVE)
    account = taken(account, FIVE, now=NOW + DAY)
    assert refused(account, FIVE, now=NOW + DAY).until == NOW + DAY + 200 * MS


def test_a_fifth_of_the_rate_is_left_to_the_priority_lane():
    calls = starts(FIVE, [(Lane.BULK, timedelta(), [MS])], NOW + 10 * SECOND)
    assert len(calls) == 40


def test_both_lanes_together_use_the_whole_rate():
    workers = [(Lane.BULK, timedelta(), [timedelta()]), (Lane.PRIORITY, timedelta(), [timedelta()])]
    calls = starts(FIVE, workers, NOW + 10 * SECOND)
    lanes = [lane for _, lane in calls]
    assert (len(lanes), lanes.count(Lane.PRIORITY)) == (50, 10)


def test_a_slowdown_stretches_the_spacing():
    account = taken(Account(slowdown=4.0), FIVE)
    wait = refused(account, FIVE)
    assert wait.until == NOW + 800 * MS
    assert wait.reason == "5 calls a second, 4.0 times slower for a while"


@pytest.mark.parametrize("lane", Lane)
def test_a_clock_that_jumps_back_blocks_nobody_for_hours(lane):
    account = taken(taken(Account(), FIVE), FIVE, lane=Lane.PRIORITY, now=NOW + SECOND)
    assert opens_at(account, FIVE, lane=lane, now=NOW - timedelta(hours=5)) == NOW - timedelta(hours=5)
    account = taken(account, FIVE, lane=lane, now=NOW - timedelta(hours=5))
    other = opens_at(account, FIVE, lane=Lane.BULK, now=NOW - timedelta(hours=5))
    assert other == NOW - timedelta(hours=5) + 200 * MS


rates = st.sampled_from([0.3, 1, 1.5, 2, 3, 5, 7, 10, 14])
moments = st.integers(0, 2000).map(lambda ms: ms * MS)
workers = st.tuples(st.sampled_from(Lane), moments, st.lists(moments, min_size=1, max_size=5))
crowds = st.lists(workers, min_size=2, max_size=3)


@given(rates, crowds)
def test_no_second_holds_more_calls_than_the_rate(rate, crowd):
    instants = [at for at, _ in starts(Limits(rate), crowd, NOW + 8 * SECOND)]
    assert busiest_second(instants) <= max(1, -(-rate // 1))
    gaps = [later - earlier for earlier, later in pairwise(instants)]
    assert all(gap >= SECOND / rate for gap in gaps), "a rate that is no whole number holds over any time"


@given(rates, st.lists(moments, min_size=1, max_size=4), moments, st.integers(0, 99))
def test_bulk_calls_never_starve_the_priority_lane(rate, pauses, offset, lateness):
    bulk = starts(Limits(rate), [(Lane.BULK, timedelta(), pauses)], NOW + 5 * SECOND)
    account = Account()
    for at, _ in bulk:
        account = taken(account, Limits(rate), now=at)
    interval = account.interval(Limits(rate))
    asked = bulk[-1][0] + offset
    limits, deadline, now = Limits(rate), asked + 5 * interval, asked
    while isinstance(wait := ask(account, limits, lane=Lane.PRIORITY, now=now), Wait):
        assert wait.until <= deadline
        # Meanwhile the other lane takes whatever it may, and the one that waits wakes up late.
        now = wait.until + interval * lateness / 100
        while (at := opens_at(account, limits, lane=Lane.BULK, now=asked)) < now:
            account = taken(account, limits, now=at)
    assert now <= deadline + interval


def test_without_the_slot_bulk_calls_starve_the_priority_lane(monkeypatch):
    monkeypatch.setattr(pace, "RESERVED_EVERY", 1)
    with pytest.raises(AssertionError):
        test_a_fifth_of_the_rate_is_left_to_the_priority_lane()


def test_without_the_spacing_a_second_holds_too_many_calls(monkeypatch):
    monkeypatch.setattr(pace, "_spaced", lambda account, *_: account)
    instants = [at for at, _ in starts(FIVE, [(Lane.BULK, timedelta(), [MS])], NOW + 20 * MS)]
    assert busiest_second(instants) > 5


def test_a_quota_that_is_used_up_waits_for_the_next_day():
    limits = Limits(per_day=50_000)
    account = taken(Account(), limits, recipients=50_000)
    wait = refused(account, limits)
    assert wait == Wait(MIDNIGHT, "50,000 of 50,000 a day are used up")
    assert opens_at(account, limits, lane=Lane.BULK, now=NOW) == MIDNIGHT
    account = taken(account, limits, now=MIDNIGHT)
    assert (account.day, account.used) == (MIDNIGHT.date(), 1)


def test_a_call_that_does_not_fit_waits_while_a_smaller_one_goes():
    limits = Limits(per_day=100)
    account = taken(Account(), limits, recipients=60)
    assert refused(account, limits, recipients=41).until == MIDNIGHT
    assert opens_at(account, limits, lane=Lane.BULK, now=NOW, recipients=41) == MIDNIGHT
    assert taken(account, limits, recipients=40).used == 100


def test_a_call_larger_than_a_day_goes_on_an_unused_day():
    limits = Limits(per_day=10)
    account = taken(Account(), limits, recipients=25)
    assert refused(account, limits).until == MIDNIGHT
    assert refused(taken(Account(), limits), limits, recipients=25).until == MIDNIGHT


def test_a_day_is_a_utc_day():
    limits = Limits(per_day=1)
    account = taken(Account(), limits, now=MIDNIGHT - MS)
    assert refused(account, limits, now=MIDNIGHT - MS).until == MIDNIGHT
    assert taken(account, limits, now=MIDNIGHT).used == 1


def test_a_clock_a_little_behind_does_not_open_the_quota_anew():
    limits = Limits(per_day=1)
    account = taken(Account(), limits, now=MIDNIGHT)
    assert isinstance(ask(account, limits, now=MIDNIGHT - MS), Wait)
    assert isinstance(ask(account, limits, now=MIDNIGHT - 3 * DAY), Account)


def test_warm_up_counts_from_the_first_day_that_something_was_sent():
    limits = Limits(per_day=1000, warm_up=(50, 100, 5000))
    account = taken(Account(), limits, recipients=50)
    assert refused(account, limits).reason == "50 of 50 on day 1 of the warm-up are used up"
    assert account.warm_since is None, "nothing was accepted yet"
    account = after(account, limits, ACCEPTED, now=NOW)
    assert account.warm_since == date(2026, 12, 1)
    for days, quota in ((1, 100), (2, 1000), (3, 1000)):
        full = taken(account, limits, recipients=quota, now=NOW + days * DAY)
        assert isinstance(ask(full, limits, now=NOW + days * DAY), Wait)


def test_after_the_warm_up_nothing_holds_where_no_quota_does():
    limits = Limits(warm_up=(1,))
    account = after(taken(Account(), limits), limits, ACCEPTED, now=NOW)
    assert isinstance(ask(account, limits), Wait)
    assert isinstance(ask(account, limits, recipients=10**6, now=MIDNIGHT), Account)


days = st.lists(
    st.tuples(st.sampled_from(Lane), st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=60
)


@given(days, st.integers(30, 90), st.lists(st.integers(30, 60), max_size=3))
def test_no_day_holds_more_recipients_than_its_quota(calls, per_day, warm_up):
    limits, account, now, used = Limits(None, per_day, tuple(warm_up)), Account(), NOW, {}
    first = None
    for lane, hours, recipients in calls:
        now += timedelta(hours=hours)
        admitted = ask(account, limits, lane=lane, recipients=recipients, now=now)
        if isinstance(admitted, Wait):
            continue
        account = after(admitted, limits, ACCEPTED, now=now)
        first = first or now.date()
        used[now.date()] = used.get(now.date(), 0) + recipients
    for day, count in used.items():
        assert count <= min([per_day, *warm_up[(day - first).days :][:1]])


def test_a_batch_fits_into_the_smallest_day():
    assert largest_call(Limits(), 1000) == 1000
    assert largest_call(Limits(per_day=300), 1000) == 300
    limits = Limits(per_day=300, warm_up=(20, 50, 400))
    assert largest_call(limits, 1000) == 20
    assert largest_call(limits, 1000, warm_day=1) == 50
    assert largest_call(limits, 1000, warm_day=3) == 300
    assert largest_call(limits, 10) == 10


def simulated(recipients, size, limits, account):
    """Call whenever `admit` lets a bulk call go, and return when the last one did."""
    size, now, last = largest_call(limits, size), NOW, NOW
    while recipients > 0:
        people = min(size, recipients)
        admitted = admit(account, limits, lane=Lane.BULK, recipients=people, now=now, probe=SECOND)
        if isinstance(admitted, Wait):
            now = admitted.until
            continue
        account, last = after(admitted, limits, ACCEPTED, now=now), now
        recipients -= people
    return last - NOW


accounts = st.builds(
    Account,
    bulk_at=st.none() | moments.map(lambda step: NOW + step - SECOND),
    priority_at=st.none() | moments.map(lambda step: NOW + step - SECOND),
    slowdown=st.sampled_from([1.0, 1.0, 2.0, 16.0]),
    day=st.none() | st.just(NOW.date()),
    used=st.integers(0, 200),
    warm_since=st.none() | st.integers(0, 3).map(lambda count: NOW.date() - count * DAY),
    blocked_until=st.none() | st.integers(-60, 60).map(lambda count: NOW + timedelta(minutes=count)),
    failures=st.integers(0, 8),
)
slow_rates = st.none() | st.sampled_from([0.002, 0.01, 0.3, 2, 3, 5])
quotas = st.builds(
    Limits,
    slow_rates,
    st.none() | st.integers(20, 300),
    st.lists(st.integers(10, 200), max_size=4).map(tuple),
)


@given(st.integers(0, 1500), st.integers(1, 120), quotas, accounts)
@example(1500, 1, Limits(5), Account())
@example(900, 1, Limits(0.002, 100), Account())
def test_the_forecast_is_what_a_simulation_needs(recipients, size, limits, account):
    expected = simulated(recipients, size, limits, account)
    told = how_long(recipients, size, limits, account, now=NOW)
    assert abs(told - expected) <= replace(account, slowdown=1.0).interval(limits)


def test_a_forecast_of_a_million_is_quick_and_right():
    assert how_long(1_000_000, 100, Limits(5), Account(), now=NOW) == timedelta(seconds=2499.6)
    days_needed = how_long(1_000_000, 100, Limits(5, per_day=100_000), Account(), now=NOW)
    assert timedelta(days=8, hours=15) < days_needed < timedelta(days=8, hours=16)
    assert how_long(0, 100, FIVE, Account(), now=NOW) == timedelta()
