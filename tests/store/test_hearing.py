"""What providers report is taken once, and ends the same in any order; the tables say what it changed."""

import random
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from store_cast import NOW, SALT, Newsletter, ScriptedProvider, capabilities, delivering

from newsletter.domain.bouncing import Bounce
from newsletter.domain.clock import PlayedClock
from newsletter.domain.event import Event, EventKind
from newsletter.domain.subscriber import Evidence as Agreement
from newsletter.domain.subscriber import address_hash
from newsletter.pipeline.evidence import Evidence
from newsletter.pipeline.hearing import CHUNK, Hearing
from newsletter.store import series, subscribers
from newsletter.store.tables import (
    batch,
    consent_event,
    delivery,
    provider_event,
    release,
    subscriber,
    subscription,
    suppression,
)

ISSUES = ("first", "second", "third", "fourth")
WEEK = timedelta(weeks=1)
MINUTE = timedelta(minutes=1)
LATER = NOW + 10 * WEEK
PEOPLE = ("ann", "bob")


class Heard(Newsletter):
    """A newsletter of which some issues have gone out, with what hears of them."""

    def send(self, *issues: str) -> "Heard":
        self.apply(issues=issues)
        self.ids = dict(zip(PEOPLE, self.join(*PEOPLE), strict=True))
        able = capabilities()
        self.mailings = []
        for number, issue in enumerate(issues):
            now = NOW + number * WEEK
            self.queue(issue, date(2026, 12, 1) + number * WEEK)
            self.release(now=now)
            provider = ScriptedProvider(capabilities=able)
            delivering(self.database, provider, PlayedClock(now)).step()
            self.mailings += provider.mailings
        self.hearing = Hearing(Evidence(self.database, able, "d1"), {}, SALT, PlayedClock(LATER))
        return self

    def hear(self, *events: Event) -> int:
        return self.hearing.take(events, LATER)

    def event(self, who: str, kind: EventKind, issue=0, after=MINUTE, **values) -> Event:
        person = next(one for one in self.mailings[issue].recipients if one.address == f"{who}@example.org")
        at = self.mailings[issue].date + after
        given = {
            "provider": "scripted",
            "id": f"{who}-{issue}-{kind}-{after}-{values.get('bounce')}",
            "kind": kind,
            "at": at,
            "reference": person.reference,
            "recipient": person.address,
        }
        return Event(**given | values)

    def bounced(self, who: str, bounce: Bounce, issue=0, **values) -> Event:
        return self.event(who, EventKind.BOUNCED, issue, bounce=bounce, **values)

    @property
    def suppressed(self) -> dict[str, str]:
        names = {address_hash(f"{name}@example.org", SALT): name for name in (*PEOPLE, "cleo")}
        return {names[hash_]: reason for hash_, reason, _ in self.rows(select(suppression))}

    @property
    def states(self) -> dict[str, str]:
        found = dict(self.rows(select(subscription.c.subscriber_id, subscription.c.state)))
        return {name: found[id_] for name, id_ in self.ids.items()}

    @property
    def everything(self) -> list[list[tuple]]:
        events = select(provider_event).order_by(provider_event.c.event_id)
        marks = select(delivery).order_by(delivery.c.issue_id, delivery.c.subscriber_id)
        others = (subscription, suppression, consent_event, release, batch)
        return [self.rows(one) for one in (events, marks, *(select(table) for table in others))]

    def forget_events(self) -> None:
        with self.database.writing() as tx:
            for table in (provider_event, suppression):
                tx.execute(table.delete())
            tx.execute(consent_event.delete().where(consent_event.c.kind == "unsubscribed"))
            tx.execute(subscription.update().values(state="active"))
            marks = ("delivered_at", "bounced_at", "complained_at", "bounce")
            tx.execute(delivery.update().values(dict.fromkeys(marks)))


@pytest.fixture
def sent(database):
    """Give one issue that Ann and Bob were sent."""
    return Heard(database).send("first")


@pytest.fixture
def four(database):
    """Give four issues that Ann and Bob were sent, a week apart."""
    return Heard(database).send(*ISSUES)


def test_a_complaint_suppresses_at_once(sent):
    assert sent.hear(sent.event("ann", EventKind.COMPLAINED)) == 1
    assert sent.suppressed == {"ann": "complaint"}
    assert sent.rows(select(delivery.c.complained_at).where(delivery.c.pos == 0)) == [(NOW + MINUTE,)]


def test_a_hard_bounce_suppresses_at_once_and_a_complaint_outweighs_it(sent):
    sent.hear(sent.bounced("ann", Bounce.HARD))
    assert sent.suppressed == {"ann": "hard bounce"}
    sent.hear(sent.event("ann", EventKind.COMPLAINED))
    sent.hear(sent.bounced("ann", Bounce.HARD, after=2 * MINUTE))
    assert sent.suppressed == {"ann": "complaint"}


@pytest.mark.parametrize(
    ("reason", "then"),
    # Who was forgotten could come back by a new confirmation, who complained cannot.
    [("manual", ("manual", NOW)), ("forgotten", ("complaint", NOW + MINUTE))],
)
def test_a_reason_that_no_event_gave_stays_unless_it_is_weaker(sent, reason, then):
    row = {"address_hash": address_hash("ann@example.org", SALT), "reason": reason, "since": NOW}
    with sent.database.writing() as tx:
        tx.execute(suppression.insert(), row)
    sent.hear(sent.event("ann", EventKind.COMPLAINED))
    assert sent.rows(select(suppression)) == [(row["address_hash"], *then)]


def test_soft_bounces_take_nothing_from_who_was_forgotten(four):
    row = {"address_hash": address_hash("ann@example.org", SALT), "reason": "forgotten", "since": NOW}
    with four.database.writing() as tx:
        tx.execute(suppression.insert(), row)
    four.hear(*[four.bounced("ann", Bounce.SOFT, issue) for issue in range(4)])
    assert four.suppressed == {"ann": "forgotten"}


def test_who_is_suppressed_gets_nothing_more(database):
    heard = Heard(database).send("first")
    heard.hear(heard.event("ann", EventKind.COMPLAINED))
    with database.writing() as tx:
        heard.issues["second"] = series.add_issue(tx, heard.series_id, "second", 2)
    heard.queue("second", date(2026, 12, 8))
    released = heard.release(now=NOW + WEEK)
    columns = (release.c.planned, release.c.excluded)
    (made,) = heard.rows(select(*columns).where(release.c.id == released.id))
    assert made == (1, {"suppressed": 1})


@pytest.mark.parametrize("bounce", [Bounce.BLOCK, Bounce.SOFT, Bounce.LIKELY])
def test_one_bounce_of_another_kind_is_noted_and_suppresses_nobody(sent, bounce):
    sent.hear(sent.bounced("ann", bounce))
    assert sent.suppressed == {}
    columns = (delivery.c.bounce, delivery.c.bounced_at)
    assert sent.rows(select(*columns).where(delivery.c.pos == 0)) == [(bounce, NOW + MINUTE)]


def test_soft_bounces_of_three_issues_in_a_row_suppress(four):
    for issue in (0, 1, 2):
        four.hear(four.bounced("ann", Bounce.SOFT, issue))
        # A second one of the same issue is not a second issue.
        four.hear(four.bounced("ann", Bounce.SOFT, issue, after=2 * MINUTE))
        assert four.suppressed == {}
    four.hear(four.bounced("ann", Bounce.SOFT, 3))
    assert four.suppressed == {"ann": "soft bounces"}


def test_a_mail_that_arrived_takes_soft_bounces_back_and_nothing_graver(four):
    bounces = [four.bounced(who, Bounce.SOFT, issue) for who in PEOPLE for issue in range(4)]
    four.hear(*bounces, four.event("bob", EventKind.COMPLAINED))
    assert four.suppressed == {"ann": "soft bounces", "bob": "complaint"}
    four.hear(*(four.event(who, EventKind.DELIVERED, 2, after=MINUTE / 2) for who in PEOPLE))
    assert four.suppressed == {"bob": "complaint"}


def test_an_address_that_was_changed_is_judged_by_its_own_mails(sent):
    with sent.database.writing() as tx:
        hash_ = address_hash("cleo@example.org", SALT)
        here = subscriber.c.id == sent.ids["ann"]
        tx.execute(subscriber.update().where(here).values(address="cleo@example.org", address_hash=hash_))
    sent.hear(sent.bounced("ann", Bounce.HARD))
    assert sent.suppressed == {"ann": "hard bounce"}


def test_without_a_recipient_it_is_the_person_of_the_delivery(sent):
    sent.hear(sent.event("ann", EventKind.COMPLAINED, recipient=""))
    assert sent.suppressed == {"ann": "complaint"}


def test_an_event_without_our_reference_finds_its_delivery_by_the_id_of_the_call(sent):
    with sent.database.writing() as tx:
        tx.execute(batch.update().values(provider_message_id="shared@example.org"))
    found = sent.event("bob", EventKind.UNSUBSCRIBED, reference="", message_id="shared@example.org")
    sent.hear(found)
    assert sent.states == {"ann": "active", "bob": "unsubscribed"}


def test_a_complaint_of_a_mail_that_nobody_here_knows_still_counts(sent):
    sent.hear(Event("scripted", "e", EventKind.COMPLAINED, NOW, "", recipient="Cleo@Example.org"))
    sent.hear(Event("scripted", "f", EventKind.COMPLAINED, NOW, ""))
    assert sent.suppressed == {"cleo": "complaint"}


def test_the_providers_own_link_ends_the_subscription_of_its_series(sent):
    sent.hear(sent.event("ann", EventKind.UNSUBSCRIBED))
    assert sent.states == {"ann": "unsubscribed", "bob": "active"}
    columns = (consent_event.c.at, consent_event.c.how, consent_event.c.issue_id)
    ended = select(*columns).where(consent_event.c.kind == "unsubscribed")
    assert sent.rows(ended) == [(LATER, "scripted link", sent.issues["first"])]
    assert sent.suppressed == {}


def test_who_confirmed_again_since_stays(sent):
    confirmed = NOW + timedelta(hours=1)
    sent.set_subscription(sent.ids["ann"], state="pending")
    with sent.database.writing() as tx:
        subscribers.activate(tx, sent.series_id, [sent.ids["ann"]], Agreement(confirmed, "form", ""))
    sent.hear(sent.event("ann", EventKind.UNSUBSCRIBED))
    assert sent.states["ann"] == "active"


def test_what_has_no_known_meaning_is_kept_and_counted(sent):
    before = sent.everything[1:]
    unknown = Event("scripted", "e", EventKind.OTHER, NOW, "", raw=b"{}", reason="contact.updated")
    assert sent.hear(unknown) == 1
    assert sent.hear(unknown) == 0
    kept = (provider_event.c.kind, provider_event.c.reason, provider_event.c.raw)
    assert sent.rows(select(*kept)) == [("other", "contact.updated", b"{}")]
    assert sent.everything[1:] == before


def test_the_same_id_at_another_provider_is_another_event(sent):
    event = sent.event("ann", EventKind.OPENED)
    assert sent.hear(event, event, replace(event, provider="another")) == 2


def test_a_token_that_was_seen_changes_nothing_whatever_it_says(sent):
    sent.hear(sent.event("ann", EventKind.DELIVERED, id="token"))
    assert sent.hear(sent.event("bob", EventKind.COMPLAINED, id="token")) == 0
    assert sent.suppressed == {}


def test_more_events_than_one_transaction_holds_are_all_taken(sent):
    many = [sent.event("ann", EventKind.OPENED, id=f"{number}") for number in range(CHUNK * 2 + 1)]
    assert sent.hear(*many) == len(many)
    assert sent.hear(*many) == 0
    assert sent.rows(select(func.count()).select_from(provider_event)) == [(len(many),)]


@pytest.mark.parametrize(
    "reference", ["nl-d1-1-999999999999999999-0-999999999999999999", "nl-x-1-1-0-0", "\x00"]
)
def test_a_reference_that_is_none_of_ours_is_kept(sent, reference):
    assert sent.hear(sent.event("ann", EventKind.DELIVERED, reference=reference)) == 1
    assert sent.rows(select(delivery.c.delivered_at).distinct()) == [(None,)]


def of_one_person(four) -> list[Event]:
    """Make events that fall into each other's way."""
    return [
        four.bounced("ann", Bounce.SOFT, 0),
        four.bounced("ann", Bounce.LIKELY, 1),
        four.bounced("ann", Bounce.SOFT, 3),
        four.event("ann", EventKind.DELIVERED, 2),
        four.event("ann", EventKind.UNSUBSCRIBED, 1),
    ]


def test_every_order_of_a_few_events_ends_the_same(four):
    ends = set()
    for order in permutations(of_one_person(four)):
        four.forget_events()
        for event in order:
            four.hear(event)
        ends.add(repr(_without_ids(four.everything)))
    assert len(ends) == 1


@given(data=st.data())
@settings(max_examples=25)
def test_any_order_and_any_repetition_of_many_events_ends_the_same(four, data):
    a_kind = st.sampled_from(sorted(set(EventKind) - {EventKind.BOUNCED, EventKind.OTHER}))
    an_event = st.tuples(
        st.sampled_from(PEOPLE), a_kind | st.sampled_from(Bounce), st.integers(0, 3), st.integers(1, 3)
    )
    chosen = data.draw(st.lists(an_event, min_size=1, max_size=8, unique=True))
    events = [
        four.bounced(who, kind, issue, after=after * MINUTE)
        if isinstance(kind, Bounce)
        else four.event(who, kind, issue, after=after * MINUTE)
        for who, kind, issue, after in chosen
    ]
    again = events + data.draw(st.lists(st.sampled_from(events), max_size=4))
    order = random.Random(data.draw(st.integers(0, 2**16)))
    ends = []
    for size in (len(again), 1, 2):
        four.forget_events()
        order.shuffle(again)
        for first in range(0, len(again), size):
            four.hear(*again[first : first + size])
        ends.append(_without_ids(four.everything))
    assert ends[0] == ends[1] == ends[2]


def _without_ids(everything: list[list[tuple]]) -> list[list[tuple]]:
    # A consent event has a number of its own, and rows without a key have no order.
    consents = sorted(row[1:] for row in everything[4])
    others = [sorted(rows, key=repr) for number, rows in enumerate(everything) if number != 4]
    return [*others, consents]
