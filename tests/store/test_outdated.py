"""What is too old to be kept is found and removed, and nothing else is."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update
from store_cast import FORM, NOW, SALT

from newsletter.domain.delivery import BatchState
from newsletter.domain.event import EventKind
from newsletter.domain.limits import Scope
from newsletter.domain.notices import Notice
from newsletter.domain.retention import DEFAULTS, Records, Retention
from newsletter.domain.subscriber import Consent, Evidence, Subscriber, address_hash
from newsletter.store import batches, consents, outdated, series, subscribers
from newsletter.store.tables import (
    batch,
    consent_event,
    provider_event,
    subscriber,
    subscription,
    web_limit,
)

DAY = timedelta(days=1)
RETENTION = Retention({**DEFAULTS, "delivered": 10 * DAY, "clicked": 30 * DAY, "other": None})


def clean(database, of, most=2, now=NOW):
    """Remove all there is, page by page; return how many of each kind went in each."""
    before, after, steps = RETENTION.before(now), None, []
    while True:
        with database.writing() as tx:
            page = outdated.find(tx, of, before, after, most)
            steps.append(dict(outdated.remove(tx, of, page, before, now)) if page.rows else {})
        after = page.after
        if len(page.rows) < most:
            return steps


def an_event(id_, kind, age, provider="p"):
    return {"provider": provider, "event_id": id_, "kind": kind, "received_at": NOW - age * DAY, "raw": b""}


def keep(database, table, rows):
    with database.writing() as tx:
        tx.execute(insert(table), rows)


def column(database, wanted):
    with database.reading() as tx:
        return sorted(tx.execute(select(wanted)).scalars())


def test_each_kind_of_event_goes_at_its_own_age(database):
    keep(database, provider_event, [
        an_event("a", EventKind.DELIVERED, 9), an_event("b", EventKind.DELIVERED, 11),
        an_event("c", EventKind.CLICKED, 29), an_event("d", EventKind.CLICKED, 31),
        an_event("e", EventKind.OTHER, 9_000), an_event("f", EventKind.DELIVERED, 99, provider="q"),
        an_event("g", EventKind.BOUNCED, 399), an_event("h", EventKind.BOUNCED, 401),
    ])  # fmt: skip
    assert clean(database, Records.EVENTS) == [
        {"delivered": 1, "clicked": 1}, {"bounced": 1, "delivered": 1}, {},
    ]  # fmt: skip
    assert column(database, provider_event.c.event_id) == ["a", "c", "e", "g"]


def ask(newsletter, name, age, **evidence):
    """Let somebody be asked to confirm some days ago; return their id."""
    address = f"{name}@example.org"
    asked = Evidence(NOW - age * DAY, "form", "Yes.", ip="192.0.2.1", **evidence)
    with newsletter.database.writing() as tx:
        hash_ = address_hash(address, SALT)
        id_ = subscribers.add_people(tx, {hash_: Subscriber(address, name, "Europe/London")})[hash_]
        consents.begin(tx, newsletter.series_id, id_)
        consents.note(tx, newsletter.series_id, id_, "requested", asked)
    return id_


def plan_mail(newsletter, id_, **values):
    """Plan a mail that asks somebody to confirm."""
    with newsletter.database.writing() as tx:
        issue_id = series.notice(tx, newsletter.series_id, Notice.CONFIRM)
        batch_id = batches.add(tx, batches.notice("r" * 64, "service", 0, NOW, next_at=NOW))
        row = {"issue_id": issue_id, "subscriber_id": id_, "occasion": id_, "batch_id": batch_id, "pos": 0}
        batches.add_delivery(tx, {**row, "state": "planned"})
        tx.execute(update(batch).where(batch.c.id == batch_id).values(**values))
    return batch_id


def states(database):
    rows = select(subscription.c.subscriber_id, subscription.c.state)
    with database.reading() as tx:
        return dict(tx.execute(rows).all())


def test_who_has_not_confirmed_for_fourteen_days_goes_with_all_that_was_typed(newsletter):
    old, new = ask(newsletter, "old", 15), ask(newsletter, "new", 13)
    assert clean(newsletter.database, Records.PENDING) == [{"pending": 1}]
    assert states(newsletter.database) == {new: "pending"}
    with newsletter.database.reading() as tx:
        row = tx.execute(select(subscriber).where(subscriber.c.id == old)).one()
        events = tx.execute(select(consent_event.c.subscriber_id, consent_event.c.ip)).all()
    assert (row.address, row.name, row.zone, row.erased_at) == (None, "", "", NOW)
    # That somebody was asked stays, and says nothing of whom.
    assert sorted(map(tuple, events)) == [(old, ""), (new, "192.0.2.1")]


def test_their_address_can_come_again(newsletter):
    first = ask(newsletter, "ada", 15)
    clean(newsletter.database, Records.PENDING)
    second = ask(newsletter, "ada", 0)
    assert second != first
    assert states(newsletter.database) == {second: "pending"}


def test_who_was_asked_again_has_fourteen_days_more(newsletter):
    id_ = ask(newsletter, "ada", 20)
    with newsletter.database.writing() as tx:
        consents.note(tx, newsletter.series_id, id_, "requested", Evidence(NOW - 2 * DAY, "form", ""))
    assert clean(newsletter.database, Records.PENDING) == [{}]


def test_active_and_former_readers_stay_however_old(newsletter):
    ids = newsletter.join("ada", "ben")
    newsletter.leave(ids[1])
    assert clean(newsletter.database, Records.PENDING, now=NOW + 9_000 * DAY) == [{}]
    assert states(newsletter.database) == {ids[0]: "active", ids[1]: "unsubscribed"}


def test_who_has_another_series_keeps_their_address(newsletter):
    id_ = ask(newsletter, "ada", 15)
    other = newsletter.series_id
    newsletter.apply("sleep", ())
    with newsletter.database.writing() as tx:
        subscribers.subscribe(tx, newsletter.series_id, [id_], FORM)
    assert clean(newsletter.database, Records.PENDING) == [{"pending": 1}]
    with newsletter.database.reading() as tx:
        assert subscribers.get(tx, id_).address == "ada@example.org"
        assert subscribers.state(tx, other, id_) is None


@pytest.mark.parametrize(
    ("mail", "stays"),
    [
        ({"state": BatchState.PLANNED}, True),
        ({"state": BatchState.ACCEPTED, "first_call_at": NOW, "last_call_at": NOW - DAY}, True),
        ({"state": BatchState.ACCEPTED, "first_call_at": NOW, "last_call_at": NOW - 20 * DAY}, False),
        ({"state": BatchState.CANCELLED}, False),
    ],
    ids=["waits for its turn", "has just left", "left long ago", "never leaves"],
)
def test_a_mail_that_waited_for_its_turn_leaves_them_as_much_time(newsletter, mail, stays):
    plan_mail(newsletter, ask(newsletter, "ada", 20), **mail)
    clean(newsletter.database, Records.PENDING)
    assert bool(states(newsletter.database)) is stays


def test_a_call_that_nobody_knows_the_outcome_of_keeps_no_address(newsletter):
    values = {"state": BatchState.UNKNOWN, "epoch": 1, "frozen": b"who it was for"}
    at = NOW - 20 * DAY
    id_ = plan_mail(newsletter, ask(newsletter, "ada", 20), first_call_at=at, last_call_at=at, **values)
    clean(newsletter.database, Records.PENDING)
    assert newsletter.rows(select(batch.c.frozen).where(batch.c.id == id_)) == [(None,)]


def test_who_confirms_at_that_moment_stays(newsletter):
    id_ = ask(newsletter, "ada", 15)
    before = RETENTION.before(NOW)
    with newsletter.database.reading() as tx:
        page = outdated.find(tx, Records.PENDING, before, None, 9)
    with newsletter.database.writing() as tx:
        consents.put(tx, newsletter.series_id, id_, Consent.ACTIVE, NOW)
    with newsletter.database.writing() as tx:
        assert outdated.remove(tx, Records.PENDING, page, before, NOW) == {"pending": 0}
        assert subscribers.get(tx, id_) is not None


def test_an_ip_address_goes_and_its_evidence_stays(newsletter):
    for number, age in enumerate((399, 401, 500, 900)):
        ask(newsletter, f"p{number}", age)
    assert clean(newsletter.database, Records.IP) == [{"ip": 2}, {"ip": 1}]
    ips = column(newsletter.database, consent_event.c.ip)
    assert ips == ["", "", "", "192.0.2.1"]


def test_windows_that_are_over_go_and_what_protects_an_address_stays(database):
    keep(database, web_limit, [
        {"scope": scope, "key": key, "since": NOW - age * DAY, "uses": 1}
        for scope in Scope for key in ("k" * 32, "l" * 32) for age in (0, 1, 3, 99)
    ])  # fmt: skip
    clean(database, Records.LIMITS)
    with database.reading() as tx:
        rows = tx.execute(select(web_limit.c.scope, web_limit.c.since)).all()
    kept = {scope: {NOW - since for one, since in rows if one == scope} for scope in Scope}
    assert kept.pop(Scope.ADDRESS) == {age * DAY for age in (0, 1, 3, 99)}
    assert set(map(frozenset, kept.values())) == {frozenset({0 * DAY, DAY})}
