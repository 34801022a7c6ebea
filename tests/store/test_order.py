"""A person gets the issues of a series in order: a later one waits until the earlier is settled."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from store_cast import (
    ACCEPTED,
    DAY,
    DEFERRED,
    NOW,
    REFUSED,
    UNKNOWN,
    ScriptedProvider,
    capabilities,
    delivering,
)

from newsletter.domain.provider import Recovery
from newsletter.domain.release import ReleaseState
from newsletter.pipeline.releasing import Releasing
from newsletter.store import cancelling, deliveries, releases, waiting
from newsletter.store.tables import delivery

WEEK = timedelta(weeks=1)


@pytest.fixture
def two_weeks(newsletter):
    """Give Ann and Bob in a batch, Cleo and Dan in another, and two issues queued a week apart."""
    newsletter.join("ann", "bob", "cleo", "dan")
    newsletter.queue("lower-back", DAY)
    newsletter.queue("neck", DAY + WEEK)
    newsletter.first = newsletter.release(batch_size=2)
    return newsletter


def tick(newsletter, now):
    return Releasing(newsletter.database, capabilities(2)).tick(now)


def counts(newsletter, release_id):
    return newsletter.read(deliveries.counts_of, release_id)


def second_issue(newsletter, clock):
    clock.advance_to(NOW + WEEK)
    (second,) = tick(newsletter, clock.now())
    return second


def test_whose_earlier_issue_is_unknown_waits_and_the_others_do_not(two_weeks, clock):
    sender = delivering(two_weeks.database, ScriptedProvider([UNKNOWN]), clock)
    while sender.step():
        pass
    second = second_issue(two_weeks, clock)
    assert counts(two_weeks, second.id) == {"planned": 2, "waiting": 2}
    assert (second.planned, second.waiting) == (4, 2)
    while sender.step():
        pass
    assert counts(two_weeks, second.id) == {"accepted": 2, "waiting": 2}
    assert two_weeks.get_release(second.id).state is ReleaseState.SENDING


def test_who_waited_is_sent_once_the_earlier_issue_is_settled(two_weeks, clock):
    provider = ScriptedProvider()
    sender = delivering(two_weeks.database, provider, clock)
    claim = sender.next_work()
    sender.record(claim, UNKNOWN)
    sender.step()
    second = second_issue(two_weeks, clock)
    assert counts(two_weeks, second.id).get("waiting") == 2
    # The answer was read after all, late.
    sender.record(claim, ACCEPTED)
    tick(two_weeks, clock.now())
    assert counts(two_weeks, second.id) == {"planned": 4}
    while sender.step():
        pass
    assert two_weeks.get_release(second.id).state is ReleaseState.SETTLED
    assert provider.addresses[-2:] == ["ann@example.org", "bob@example.org"]


def test_a_definite_end_of_the_earlier_issue_lets_the_later_go(two_weeks, clock):
    sender = delivering(two_weeks.database, ScriptedProvider([REFUSED] * 3), clock)
    while sender.step():
        pass
    second = second_issue(two_weeks, clock)
    assert counts(two_weeks, second.id) == {"planned": 4}


def test_whose_earlier_issue_is_put_off_waits(two_weeks, clock):
    sender = delivering(two_weeks.database, ScriptedProvider([DEFERRED, DEFERRED]), clock)
    while sender.step():
        pass
    second = second_issue(two_weeks, clock)
    assert counts(two_weeks, second.id) == {"waiting": 4}


def test_a_cancelled_release_takes_its_waiting_deliveries_along(two_weeks, clock):
    sender = delivering(two_weeks.database, ScriptedProvider([DEFERRED, DEFERRED]), clock)
    while sender.step():
        pass
    second = second_issue(two_weeks, clock)
    with two_weeks.database.writing() as tx:
        cancelling.cancel_release(tx, second.id, clock.now())
        releases.change(tx, second.id, state=ReleaseState.CANCELLED, waiting=0)
    assert counts(two_weeks, second.id) == {"cancelled": 4}
    with two_weeks.database.writing() as tx:
        assert deliveries.free_cancelled(tx, two_weeks.issues["neck"]) == 4


def test_without_the_rule_the_later_issue_would_overtake(two_weeks, clock, monkeypatch):
    monkeypatch.setattr(waiting, "open_issues", lambda tx, of: [])
    sender = delivering(two_weeks.database, ScriptedProvider([UNKNOWN]), clock)
    while sender.step():
        pass
    second = second_issue(two_weeks, clock)
    assert counts(two_weeks, second.id) == {"planned": 4}


def test_a_rehearsal_makes_nobody_wait(newsletter, clock):
    newsletter.join("ann")
    newsletter.queue("lower-back", DAY)
    newsletter.queue("neck", DAY + WEEK)
    rehearsal = {"rehearsal": True, "recovery": Recovery.RECIPIENT_DEDUPE}
    newsletter.release(**rehearsal)
    newsletter.release(now=NOW + WEEK, **rehearsal)
    assert newsletter.rows(select(delivery.c.state)) == [("planned",), ("planned",)]
