from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update
from store_cast import DAY, NOW, a_series_file

from newsletter.domain.series import to_settings
from newsletter.domain.subscriber import Consent, Verdict
from newsletter.store import audience, explaining, releases
from newsletter.store.tables import delivery, series, subscriber

OCCASION = 0
OF_SEQUENCES = {
    Verdict.JOINS_LATER,
    Verdict.EARLIER_OPEN,
    Verdict.FINISHED,
    Verdict.NOT_APPROVED,
    Verdict.ISSUE_PAUSED,
}


def verdicts(newsletter, issue="neck", now=NOW):
    return newsletter.read(audience.counts, newsletter.series_id, newsletter.issues[issue], OCCASION, now)


def forget(newsletter, subscriber_id):
    with newsletter.database.writing() as tx:
        row = update(subscriber).where(subscriber.c.id == subscriber_id)
        tx.execute(row.values(address=None, erased_at=NOW))


def give(newsletter, *, now=NOW):
    newsletter.queue("neck", DAY)
    newsletter.release(now=now)


@pytest.fixture
def everything(newsletter):
    """Give somebody to whom every verdict applies; a test takes them away one by one."""
    (id_,) = newsletter.join("ann")
    give(newsletter)
    newsletter.set_subscription(id_, paused_until=NOW + timedelta(days=1), state=Consent.UNSUBSCRIBED)
    newsletter.suppress("ann")
    forget(newsletter, id_)
    return newsletter, id_


def test_nobody_is_in_the_audience_of_an_empty_series(newsletter):
    assert verdicts(newsletter) == {}


def test_each_person_has_one_verdict(newsletter):
    due, has_it, paused, pending, gone, _, forgotten = newsletter.join(*"abcdefg")
    newsletter.set_subscription(paused, paused_until=NOW + timedelta(days=1))
    newsletter.set_subscription(pending, state=Consent.PENDING)
    newsletter.leave(gone)
    newsletter.suppress("f")
    forget(newsletter, forgotten)
    newsletter.set_subscription(due, state=Consent.PENDING)
    give(newsletter)
    newsletter.set_subscription(due, state=Consent.ACTIVE)
    assert verdicts(newsletter) == dict.fromkeys(set(Verdict) - OF_SEQUENCES - {Verdict.OUTSIDE}, 1)
    assert has_it in {
        id_ for (id_,) in newsletter.rows(delivery.select().with_only_columns(delivery.c.subscriber_id))
    }


def test_the_first_verdict_that_applies_is_the_one(everything):
    newsletter, id_ = everything
    assert verdicts(newsletter) == {Verdict.FORGOTTEN: 1}
    with newsletter.database.writing() as tx:
        tx.execute(update(subscriber).values(erased_at=None))
    assert verdicts(newsletter) == {Verdict.SUPPRESSED: 1}
    with newsletter.database.writing() as tx:
        tx.execute(update(subscriber).values(address_hash="another"))
    for state, verdict in (
        (Consent.UNSUBSCRIBED, Verdict.UNSUBSCRIBED),
        (Consent.PENDING, Verdict.PENDING),
        (Consent.ACTIVE, Verdict.PAUSED),
    ):
        newsletter.set_subscription(id_, state=state)
        assert verdicts(newsletter) == {verdict: 1}
    newsletter.set_subscription(id_, paused_until=None)
    assert verdicts(newsletter) == {Verdict.HAS_IT: 1}
    assert verdicts(newsletter, "lower-back") == {Verdict.DUE: 1}


def test_a_pause_that_is_over_no_longer_counts(newsletter):
    (id_,) = newsletter.join("ann")
    newsletter.set_subscription(id_, paused_until=NOW)
    assert verdicts(newsletter, now=NOW - timedelta(seconds=1)) == {Verdict.PAUSED: 1}
    assert verdicts(newsletter) == {Verdict.DUE: 1}


def test_people_of_another_series_are_not_counted(newsletter):
    newsletter.join("ann")
    newsletter.apply("sleep", ("pillows",))
    newsletter.join("bob", "cleo")
    assert verdicts(newsletter, "pillows") == {Verdict.DUE: 2}


def test_chunks_cover_everyone_once(newsletter):
    ids = newsletter.join(*(f"reader{n:02}" for n in range(10)))
    ends, after = [], 0
    while (end := newsletter.read(audience.chunk_end, newsletter.series_id, after, 4)) is not None:
        ends.append(end)
        after = end
    assert ends == [sorted(ids)[3], sorted(ids)[7], sorted(ids)[9]]


def name_audience(newsletter, text):
    with newsletter.database.writing() as tx:
        row = update(series).where(series.c.id == newsletter.series_id)
        tx.execute(row.values(settings=to_settings(replace(a_series_file(), audience=text))))


def live_in(newsletter, subscriber_id, city):
    with newsletter.database.writing() as tx:
        row = update(subscriber).where(subscriber.c.id == subscriber_id)
        tx.execute(row.values(attributes={"city": city}))


def test_whoever_is_not_in_the_audience_of_the_series_is_outside(newsletter):
    bath, leeds, _ = newsletter.join("ann", "bob", "cleo")
    live_in(newsletter, bath, "Bath")
    live_in(newsletter, leeds, "Leeds")
    name_audience(newsletter, 'city in ("Bath", "York")')
    assert verdicts(newsletter) == {Verdict.DUE: 1, Verdict.OUTSIDE: 2}
    give(newsletter)
    assert verdicts(newsletter) == {Verdict.HAS_IT: 1, Verdict.OUTSIDE: 2}
    release_id = newsletter.rows(delivery.select().with_only_columns(delivery.c.release_id))[0][0]
    assert newsletter.read(releases.excluded_of, release_id) == {Verdict.OUTSIDE: 2}


def test_being_outside_comes_after_consent_and_before_a_pause(newsletter):
    (id_,) = newsletter.join("ann")
    name_audience(newsletter, 'city == "Bath"')
    newsletter.set_subscription(id_, paused_until=NOW + timedelta(days=1))
    assert verdicts(newsletter) == {Verdict.OUTSIDE: 1}
    newsletter.set_subscription(id_, state=Consent.PENDING)
    assert verdicts(newsletter) == {Verdict.PENDING: 1}


def test_a_person_is_asked_by_the_rule_that_releases(newsletter):
    ann, bob = newsletter.join("ann", "bob")
    live_in(newsletter, ann, "Bath")
    name_audience(newsletter, 'city == "Bath"')
    asked = [
        newsletter.read(explaining.verdict, id_, newsletter.series_id, newsletter.issues["neck"], NOW)
        for id_ in (ann, bob)
    ]
    assert asked == [Verdict.DUE, Verdict.OUTSIDE]
