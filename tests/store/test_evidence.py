"""Events of a provider are evidence: once each, in any order."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import func, select
from store_cast import ACCEPTED, NOW, REFUSED, UNKNOWN, ScriptedProvider, capabilities, delivering

from newsletter.domain.event import Event, EventKind, Reference
from newsletter.domain.provider import Recovery
from newsletter.domain.release import ReleaseState
from newsletter.domain.subscriber import Consent
from newsletter.pipeline.evidence import Evidence
from newsletter.store import batches, deliveries, picking
from newsletter.store.tables import delivery, provider_event

ATOMIC = capabilities(recovery=Recovery.EVENTS)
SINGLE = replace(ATOMIC, is_atomic=False)
MINUTE = timedelta(minutes=1)


def an_event(mailing, pos=0, kind=EventKind.DELIVERED, at=NOW + MINUTE, **values) -> Event:
    given = {
        "provider": "scripted",
        "id": f"{kind}-{pos}-{at}",
        "kind": kind,
        "at": at,
        "reference": mailing.recipients[pos].reference,
    }
    return Event(**{**given, **values})


def doubt(newsletter, clock, able=ATOMIC):
    """Call, and get no answer; return what was called and where events are taken."""
    provider = ScriptedProvider([UNKNOWN], able)
    sender = delivering(newsletter.database, provider, clock)
    sender.step()
    return provider.mailings[0], Evidence(newsletter.database, able, "d1"), sender


def counts(newsletter):
    return newsletter.read(deliveries.counts_of, newsletter.sent.id)


def test_a_reference_names_one_delivery():
    assert Reference.parse("nl-d1-12-7-0-45") == Reference("d1", 7, 0, 45)


@pytest.mark.parametrize(
    "text", ["", "nl-d1-12-7-0", "nl-d1-12-7-0-x", "x-d1-12-7-0-45", "nl-d1-1-7-0-4-5", "nl-d1-1-²-0-4"]
)
def test_anything_else_names_none(text):
    assert Reference.parse(text) is None


def test_an_event_for_one_settles_a_call_that_is_taken_whole_or_not_at_all(trio, clock):
    mailing, evidence, _ = doubt(trio, clock)
    assert evidence.record_event(an_event(mailing, 1), NOW)
    assert counts(trio) == {"accepted": 3}
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED


@pytest.mark.parametrize(
    "able",
    [
        capabilities(recovery=Recovery.KEY, key_binds_payload=True),
        capabilities(recovery=Recovery.RECIPIENT_DEDUPE),
    ],
    ids=["key", "dedupe"],
)
def test_who_left_and_came_back_in_a_doubt_is_not_proved_by_a_repeat_without_them(trio, clock, able):
    _, evidence, sender = doubt(trio, clock, able)
    trio.leave(1)
    clock.advance_to(NOW + MINUTE)
    sender.provider.answers.append(UNKNOWN)
    sender.step()
    repeat = sender.provider.mailings[1]
    assert [one.subscriber_id for one in repeat.recipients] == [2, 3]
    trio.set_subscription(1, state=Consent.ACTIVE)
    clock.advance_to(NOW + 10 * MINUTE)
    sender.provider.answers.append(UNKNOWN)
    sender.step()
    evidence.record_event(an_event(repeat, 0), clock.now())
    assert counts(trio) == {"accepted": 2, "unknown": 1}
    assert trio.rows(select(delivery.c.state).where(delivery.c.subscriber_id == 1)) == [("unknown",)]


def test_elsewhere_an_event_speaks_for_its_own_delivery(trio, clock):
    mailing, evidence, _ = doubt(trio, clock, SINGLE)
    evidence.record_event(an_event(mailing, 1), NOW)
    assert counts(trio) == {"accepted": 1, "unknown": 2}
    for pos in (0, 2):
        evidence.record_event(an_event(mailing, pos), NOW)
    assert counts(trio) == {"accepted": 3}
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED


def test_an_event_is_applied_once(trio, clock):
    mailing, evidence, _ = doubt(trio, clock)
    assert evidence.record_event(an_event(mailing, id="e1"), NOW)
    assert not evidence.record_event(an_event(mailing, id="e1"), NOW)
    assert trio.rows(select(func.count()).select_from(provider_event)) == [(1,)]


def test_every_order_of_events_ends_the_same(trio, clock):
    mailing, evidence, _ = doubt(trio, clock, SINGLE)
    events = [
        an_event(mailing, 0, EventKind.DELIVERED, NOW + 2 * MINUTE),
        an_event(mailing, 0, EventKind.DELIVERED, NOW + MINUTE),
        an_event(mailing, 0, EventKind.BOUNCED, NOW + 3 * MINUTE),
        an_event(mailing, 0, EventKind.COMPLAINED, NOW + 4 * MINUTE),
    ]
    found = set()
    for number, order in enumerate(permutations(events)):
        with trio.database.writing() as tx:
            tx.execute(delivery.update().values(delivered_at=None, bounced_at=None, complained_at=None))
        for event in [*order, *order]:
            evidence.record_event(replace(event, id=f"{number}-{event.id}"), NOW)
        columns = (delivery.c.delivered_at, delivery.c.bounced_at, delivery.c.complained_at, delivery.c.state)
        found.add(trio.rows(select(*columns).where(delivery.c.pos == 0))[0])
    assert found == {(NOW + MINUTE, NOW + 3 * MINUTE, NOW + 4 * MINUTE, "accepted")}


def test_an_event_that_comes_before_the_answer_is_not_undone_by_it(trio, clock):
    provider = ScriptedProvider(capabilities=ATOMIC)
    sender = delivering(trio.database, provider, clock)
    claim = sender.next_work()
    Evidence(trio.database, ATOMIC, "d1").record_event(an_event(claim.mailing), NOW)
    sender.record(claim, REFUSED)
    assert counts(trio) == {"accepted": 3}
    sender.record(claim, ACCEPTED)
    assert counts(trio) == {"accepted": 3}


def test_an_event_of_a_refused_delivery_proves_the_refusal_wrong(trio, clock):
    provider = ScriptedProvider(capabilities=SINGLE)
    sender = delivering(trio.database, provider, clock)
    claim = sender.next_work()
    sender.record(claim, replace(ACCEPTED, rejected={2: "no such mailbox"}))
    Evidence(trio.database, SINGLE, "d1").record_event(an_event(claim.mailing, 2), NOW)
    assert counts(trio) == {"accepted": 3}


@pytest.mark.parametrize("reference", ["nl-other-1-1-0-0", "nl-d1-1-99-0-0", "nonsense", ""])
def test_an_event_of_something_else_is_kept_and_changes_nothing(trio, clock, reference):
    mailing, evidence, _ = doubt(trio, clock)
    assert evidence.record_event(an_event(mailing, reference=reference), NOW)
    assert counts(trio) == {"unknown": 3}
    assert trio.rows(select(func.count()).select_from(provider_event)) == [(1,)]


def test_an_event_of_an_earlier_generation_spares_its_person_the_repeat(trio, clock):
    mailing, evidence, sender = doubt(trio, clock, SINGLE)
    with trio.database.writing() as tx:
        batches.start_generation(tx, picking.get(tx, 1).batch, NOW)
    evidence.record_event(an_event(mailing, 1), NOW)
    sender.step()
    assert counts(trio) == {"accepted": 3}
    assert [one.pos for one in sender.provider.mailings[-1].recipients] == [0, 2]


def test_without_events_an_unknown_outcome_waits_for_them_and_then_for_a_person(trio, clock):
    _, _, sender = doubt(trio, clock)
    sender.step()
    clock.advance_to(NOW + timedelta(minutes=1))
    assert not sender.step()
    assert sender.ready_at(clock.now()) == NOW + ATOMIC.events_wait
    clock.advance_to(NOW + ATOMIC.events_wait)
    assert not sender.step()
    assert sender.ready_at(clock.now()) is None
