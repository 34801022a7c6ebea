from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select, update
from store_cast import FORM, NOW, SALT, a_series_file

from newsletter.domain.letter import Letter
from newsletter.domain.subscriber import Consent, Evidence, Subscriber, address_hash
from newsletter.pipeline.subscribing import Entry, Subscribing
from newsletter.store import subscribers
from newsletter.store.tables import consent_event, subscriber, subscription

LETTER = Letter({}, {"back-pain": a_series_file()})


def add(newsletter, *addresses):
    people = [Entry(line, Subscriber(address)) for line, address in enumerate(addresses, 2)]
    return Subscribing(newsletter.database, SALT).add(LETTER, "back-pain", people, FORM)


def events(newsletter):
    return newsletter.rows(
        select(consent_event.c.subscriber_id, consent_event.c.kind, consent_event.c.how).order_by(
            consent_event.c.id
        )
    )


def state(newsletter, subscriber_id):
    return newsletter.read(subscribers.state, newsletter.series_id, subscriber_id)


def test_everyone_who_joins_has_evidence(newsletter):
    ann, bob = newsletter.join("ann", "bob")
    assert events(newsletter) == [(ann, "confirmed", "form"), (bob, "confirmed", "form")]
    assert newsletter.rows(select(consent_event.c.at, consent_event.c.text))[0] == (FORM.at, FORM.text)


def test_one_address_in_any_case_is_one_person(newsletter):
    assert add(newsletter, "Ann@example.org", "ann@EXAMPLE.org").added == 1
    assert add(newsletter, "ANN@example.org").kept == 1


def test_adding_never_brings_back_who_left(newsletter):
    (ann,) = newsletter.join("ann")
    newsletter.leave(ann)
    result = add(newsletter, "ann@example.org")
    assert (result.added, result.left) == (0, 1)
    assert state(newsletter, ann) is Consent.UNSUBSCRIBED


def test_adding_confirms_who_was_pending(newsletter):
    (ann,) = newsletter.join("ann")
    newsletter.set_subscription(ann, state=Consent.PENDING, confirmed_at=None)
    assert add(newsletter, "ann@example.org").added == 1
    assert state(newsletter, ann) is Consent.ACTIVE
    assert newsletter.rows(select(subscription.c.confirmed_at)) == [(FORM.at,)]


def test_activating_does_not_touch_who_left_in_the_meantime(newsletter):
    (ann,) = newsletter.join("ann")
    newsletter.leave(ann)
    with newsletter.database.writing() as tx:
        subscribers.activate(tx, newsletter.series_id, [ann], FORM)
    assert state(newsletter, ann) is Consent.UNSUBSCRIBED


def test_leaving_twice_is_the_same_as_once(newsletter):
    (ann,) = newsletter.join("ann")
    assert newsletter.leave(ann)
    before = events(newsletter)
    assert not newsletter.leave(ann)
    assert events(newsletter) == before
    assert before[-1] == (ann, "unsubscribed", "form")


def test_leaving_names_the_issue_that_it_came_from(newsletter):
    (ann,) = newsletter.join("ann")
    evidence = Evidence(NOW, "one_click", "")
    with newsletter.database.writing() as tx:
        subscribers.unsubscribe(tx, newsletter.series_id, ann, evidence, newsletter.issues["neck"])
    rows = newsletter.rows(select(consent_event.c.issue_id).where(consent_event.c.how == "one_click"))
    assert rows == [(newsletter.issues["neck"],)]


def test_leaving_one_series_leaves_the_other(newsletter):
    (ann,) = newsletter.join("ann")
    first = newsletter.series_id
    newsletter.apply("sleep", ("pillows",))
    with newsletter.database.writing() as tx:
        subscribers.subscribe(tx, newsletter.series_id, [ann], FORM)
        subscribers.unsubscribe(tx, first, ann, FORM, None)
    assert state(newsletter, ann) is Consent.ACTIVE


def test_who_never_subscribed_has_no_state_and_cannot_leave(newsletter):
    assert state(newsletter, 99) is None
    assert not newsletter.leave(99)


def test_a_suppressed_address_says_why(newsletter):
    newsletter.join("ann", "bob")
    newsletter.suppress("ann")
    hashes = [address_hash(f"{name}@example.org", SALT) for name in ("ann", "bob")]
    assert [newsletter.read(subscribers.suppression_reason, one) for one in hashes] == ["complaint", None]
    assert [row.suppressed for row in rows_of(newsletter)] == ["complaint", None]


def rows_of(newsletter, slug=None):
    with newsletter.database.reading() as tx:
        return list(subscribers.every(tx, slug))


def test_people_are_listed_in_the_order_they_came(newsletter):
    newsletter.join("cleo")
    newsletter.join("ann")
    assert [row.address for row in rows_of(newsletter)] == ["cleo@example.org", "ann@example.org"]
    assert rows_of(newsletter, "back-pain") == rows_of(newsletter)
    assert rows_of(newsletter, "sleep") == []


def test_listing_leaves_the_transaction_fit_for_writing(newsletter):
    (ann,) = newsletter.join("ann")
    with newsletter.database.writing() as tx:
        listed = list(subscribers.every(tx))
        assert subscribers.unsubscribe(tx, newsletter.series_id, listed[0].id, FORM, None)
    assert state(newsletter, ann) is Consent.UNSUBSCRIBED


def test_subscriptions_are_counted_by_series_and_state(newsletter):
    newsletter.leave(newsletter.join("ann", "bob", "cleo")[0])
    counted = newsletter.read(subscribers.counts)
    assert counted == {("back-pain", Consent.ACTIVE): 2, ("back-pain", Consent.UNSUBSCRIBED): 1}


def test_a_person_is_read_back_as_they_were_added(newsletter):
    ann = Subscriber("ann@example.org", "Zoë 😀 O'Neil", "Europe/London")
    with newsletter.database.writing() as tx:
        ids = subscribers.add_people(tx, {"hash": ann})
    assert newsletter.read(subscribers.get, ids["hash"]) == ann
    assert newsletter.read(subscribers.get, 99) is None
    assert newsletter.read(subscribers.ids_by_hash, ["hash", "other"]) == ids


def test_an_empty_list_of_people_is_no_work(newsletter):
    with newsletter.database.writing() as tx:
        assert subscribers.add_people(tx, {}) == {}
        subscribers.subscribe(tx, newsletter.series_id, [], FORM)
        subscribers.activate(tx, newsletter.series_id, [], FORM)
    assert events(newsletter) == []


def test_two_imports_of_the_same_people_at_once_add_each_once(newsletter):
    addresses = [f"reader{n:02}@example.org" for n in range(50)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: add(newsletter, *addresses), range(4)))
    assert sorted(row.address for row in rows_of(newsletter)) == addresses


def test_subscribing_does_not_touch_who_left_in_the_meantime(newsletter):
    (ann,) = newsletter.join("ann")
    newsletter.leave(ann)
    with newsletter.database.writing() as tx:
        subscribers.subscribe(tx, newsletter.series_id, [ann], FORM)
    assert state(newsletter, ann) is Consent.UNSUBSCRIBED


@pytest.mark.parametrize("count", [1, 2500])
def test_each_new_person_gets_the_id_of_their_own_row(newsletter, count):
    people = {f"hash{n}": replace(Subscriber(""), address=f"reader{n}@example.org") for n in range(count)}
    with newsletter.database.writing() as tx:
        ids = subscribers.add_people(tx, people)
    found = newsletter.read(subscribers.get, ids[f"hash{count - 1}"])
    assert found.address == f"reader{count - 1}@example.org"


def test_the_first_people_are_read_up_to_a_number_and_nobody_who_was_forgotten(newsletter):
    newsletter.join("ann", "bob", "cleo")
    with newsletter.database.writing() as tx:
        tx.execute(update(subscriber).where(subscriber.c.address == "ann@example.org").values(address=None))
    assert [one.address for one in newsletter.read(subscribers.first, 1)] == ["bob@example.org"]
    assert len(newsletter.read(subscribers.first, 50)) == 2
