"""Why a person got an issue or did not: one verdict for each way that it can go."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, insert, select, update
from store_cast import (
    DAY,
    DEFERRED,
    NOW,
    REFUSED,
    SALT,
    UNKNOWN,
    ScriptedProvider,
    a_series_file,
    capabilities,
    delivering,
)

from newsletter.domain.event import Event, EventKind
from newsletter.domain.pausing import written
from newsletter.domain.provider import Answer, Outcome, Recovery
from newsletter.domain.series import to_settings
from newsletter.domain.subscriber import Consent, Evidence, Subscriber, address_hash
from newsletter.domain.why import Why
from newsletter.errors import UnknownTarget
from newsletter.pipeline import evidence
from newsletter.pipeline.cancelling import Cancelling
from newsletter.pipeline.explaining import Explaining
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.releasing import Releasing
from newsletter.pipeline.resolving import Resolution, Resolving
from newsletter.store import batches, pausing, series, subscribers
from newsletter.store.tables import batch, delivery, subscriber, subscription

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
NAMED = Answer(Outcome.ACCEPTED, ids={0: "id-1"})
SILENT = capabilities(recovery=Recovery.NONE)


@pytest.fixture
def ann(newsletter):
    """Give a newsletter with Ann, whose first issue is queued."""
    (newsletter.ann,) = newsletter.join("ann")
    newsletter.queue()
    return newsletter


@pytest.fixture
def released(ann):
    """Give a newsletter whose first issue is released to Ann."""
    ann.sent = ann.release()
    return ann


def answers(newsletter, name="ann", target="back-pain/lower-back", now=NOW):
    # No file is read where the database knows the name.
    return Explaining(newsletter.database, None, SALT).explain(f"{name}@example.org", target, now)


def answer(newsletter, name="ann", issue="lower-back", now=NOW):
    (found,) = answers(newsletter, name, f"back-pain/{issue}", now)
    return found.verdict, found.sentence


def proofs(newsletter, issue="lower-back", now=NOW):
    (found,) = answers(newsletter, "ann", f"back-pain/{issue}", now)
    return [(one.what, one.detail) for one in found.evidence]


def send(newsletter, clock, *script, able=None):
    provider = ScriptedProvider(list(script), able or capabilities())
    sender = delivering(newsletter.database, provider, clock)
    while sender.step():
        pass
    return provider, sender


def hear(newsletter, provider, kind, at):
    mailing = provider.mailings[0]
    told = Event("scripted", f"{kind}-{at}", kind, at, mailing.recipients[0].reference)
    evidence.Evidence(newsletter.database, provider.capabilities, "d1").record_event(told, at)


def leave(newsletter, at, how="one_click"):
    with newsletter.database.writing() as tx:
        subscribers.unsubscribe(
            tx, newsletter.series_id, newsletter.ann, Evidence(at, how, ""), newsletter.issues["lower-back"]
        )


def pause(newsletter, at, until):
    said = Evidence(at, "command line", written(until) if until else "")
    with newsletter.database.writing() as tx:
        assert pausing.pause(tx, newsletter.series_id, newsletter.ann, until, said)


def confirm(newsletter, name, at):
    hash_ = address_hash(f"{name}@example.org", SALT)
    with newsletter.database.writing() as tx:
        ids = subscribers.add_people(tx, {hash_: Subscriber(f"{name}@example.org", name)})
        subscribers.subscribe(tx, newsletter.series_id, [ids[hash_]], Evidence(at, "form", "Yes."))
    return ids[hash_]


def ask(newsletter, name):
    """Let somebody subscribe who has not confirmed yet."""
    hash_ = address_hash(f"{name}@example.org", SALT)
    with newsletter.database.writing() as tx:
        ids = subscribers.add_people(tx, {hash_: Subscriber(f"{name}@example.org", name)})
        row = {"series_id": newsletter.series_id, "subscriber_id": ids[hash_], "state": Consent.PENDING}
        tx.execute(insert(subscription), row)


def test_who_has_it_is_told_when_it_was_accepted_and_under_which_id(released, clock):
    send(released, clock, NAMED)
    sentence = "accepted at 2026-12-01 09:00Z by scripted under provider id id-1"
    assert answer(released) == (Why.ACCEPTED, sentence)
    assert proofs(released) == [
        ("confirmed", "form: Yes, send me the series."),
        ("due", "2026-12-01 09:00 Europe/London"),
        ("released", "to 1 people"),
        ("called", "scripted: accepted"),
        ("provider id", "id-1"),
    ]


def test_an_id_that_a_call_of_many_shares_is_everybodys(newsletter, clock):
    newsletter.join("ann", "bob")
    newsletter.queue()
    newsletter.release()
    send(newsletter, clock, Answer(Outcome.ACCEPTED, ids={0: "all", 1: "all"}))
    assert answer(newsletter, "bob")[1].endswith("under provider id all")


@pytest.mark.parametrize(
    ("kind", "verdict", "said"),
    [
        (EventKind.DELIVERED, Why.DELIVERED, "delivered"),
        (EventKind.BOUNCED, Why.BOUNCED, "bounced"),
        (EventKind.COMPLAINED, Why.COMPLAINED, "complained of"),
    ],
)
def test_what_the_provider_reported_later_comes_first(released, clock, kind, verdict, said):
    provider, _ = send(released, clock, NAMED)
    hear(released, provider, kind, NOW + HOUR)
    found, sentence = answer(released, now=NOW + WEEK)
    assert found is verdict
    assert sentence.startswith(f"{said} at 2026-12-01 10:00Z; accepted at 2026-12-01 09:00Z by scripted")


def test_what_an_event_proves_needs_no_answer(released, clock):
    provider, _ = send(released, clock, UNKNOWN, able=SILENT)
    hear(released, provider, EventKind.ACCEPTED, NOW + HOUR)
    sentence = "accepted by scripted, as its log or an event proved; called at 2026-12-01 09:00Z"
    assert answer(released) == (Why.ACCEPTED, sentence)


def test_what_a_person_marked_as_sent_is_called_so(released, clock):
    send(released, clock, UNKNOWN, able=SILENT)
    resolving = Resolving(released.database)
    seen = resolving.unknown("back-pain")
    resolving.resolve("back-pain", seen, Resolution.MARK_SENT, NOW + HOUR)
    sentence = "marked as sent by a person at 2026-12-01 10:00Z; called at 2026-12-01 09:00Z"
    assert answer(released) == (Why.ACCEPTED, sentence)
    assert ("mark sent", "back-pain") in proofs(released)


def test_who_is_refused_alone_reads_of_the_call_that_was_split(newsletter, clock):
    newsletter.join("ann", "bob")
    newsletter.queue()
    newsletter.release()
    send(newsletter, clock, REFUSED, REFUSED)
    refused = "refused at 2026-12-01 09:00Z by scripted: bad address"
    assert answer(newsletter) == (Why.REJECTED, refused)
    assert [detail for what, detail in proofs(newsletter) if what == "called"] == ["scripted: refused"] * 2
    assert answer(newsletter, "bob")[0] is Why.ACCEPTED


def test_who_cannot_be_mailed_is_refused_without_a_call(released, clock):
    with released.database.writing() as tx:
        row = update(subscriber).where(subscriber.c.id == released.ann)
        tx.execute(row.values(address="ann@example.org\r\nbcc: eve@example.org"))
    send(released, clock)
    assert answer(released) == (Why.REJECTED, "not sent: the address cannot be mailed")


def test_a_doubt_says_when_it_is_looked_into_and_then_how_it_is_settled(released, clock):
    _, sender = send(released, clock, UNKNOWN, able=SILENT)
    since = "unknown whether scripted took the call made at 2026-12-01 09:00Z"
    assert answer(released) == (Why.UNKNOWN, f"{since}; looked into again at 2026-12-01 09:00Z")
    clock.advance_to(NOW + HOUR)
    sender.step()
    settle = "settle it with: newsletter resolve back-pain/lower-back"
    assert answer(released, now=clock.now()) == (Why.UNKNOWN, f"{since}; {settle}")


def test_a_doubt_that_was_left_is_unknown_with_its_reason(released, clock):
    send(released, clock, UNKNOWN, able=SILENT)
    Cancelling(released.database).cancel("back-pain", NOW + HOUR)
    verdict, sentence = answer(released, now=NOW + HOUR)
    assert verdict is Why.UNKNOWN
    assert "; cancelled while its outcome was unknown; settle it with: newsletter resolve" in sentence


def test_a_call_under_way_is_being_sent_until_its_lease_is_over(released, clock):
    delivering(released.database, clock=clock).next_work()
    assert answer(released) == (Why.SENDING, "being sent: the call to scripted began at 2026-12-01 09:00Z")
    verdict, sentence = answer(released, now=NOW + HOUR)
    assert verdict is Why.UNKNOWN
    assert sentence.endswith("; newsletter run looks into it")


def test_what_is_planned_waits_for_its_call(released):
    assert answer(released) == (Why.PLANNED, "planned: newsletter run makes the call")


def test_what_was_put_off_is_tried_again(released, clock):
    send(released, clock, replace(DEFERRED, retry_after=None))
    assert answer(released) == (Why.PLANNED, "put off by scripted; tried again at 2026-12-01 09:00Z")


@pytest.fixture
def behind(released, clock):
    """Give a newsletter whose second issue is released while the first is in doubt."""
    send(released, clock, UNKNOWN, able=SILENT)
    released.queue("neck", DAY + WEEK)
    clock.advance_to(NOW + WEEK)
    Releasing(released.database, SILENT).tick(clock.now())
    return released


def test_who_waits_for_an_earlier_issue_is_told_for_which(behind, clock):
    sentence = "waits until their earlier issue is settled: back-pain/lower-back (unknown)"
    assert answer(behind, issue="neck", now=clock.now()) == (Why.WAITING, sentence)
    assert ("waits for", "back-pain/lower-back: unknown") in proofs(behind, "neck", clock.now())


def test_who_need_not_wait_any_more_is_planned(behind, clock):
    resolving = Resolving(behind.database)
    resolving.resolve("lower-back", resolving.unknown("lower-back"), Resolution.MARK_SENT, clock.now())
    assert answer(behind, issue="neck", now=clock.now())[0] is Why.PLANNED


def test_a_send_that_was_cancelled_says_when(released):
    Cancelling(released.database).cancel("lower-back", NOW + HOUR)
    sentence = "cancelled at 2026-12-01 10:00Z before any call was made for it"
    assert answer(released, now=NOW + HOUR) == (Why.CANCELLED, sentence)


def test_a_send_that_was_cancelled_before_anybody_was_looked_at_is_cancelled_for_all(ann):
    ann.release(now=NOW + 7 * HOUR)
    Cancelling(ann.database).cancel("lower-back", NOW + 8 * HOUR)
    verdict, sentence = answer(ann, now=NOW + 9 * HOUR)
    assert verdict is Why.CANCELLED
    assert sentence.startswith("cancelled at 2026-12-01 17:00Z")


def test_what_is_held_as_late_names_the_command_that_lets_it_go(ann):
    ann.release(now=NOW + 7 * HOUR)
    sentence = (
        "held: its slot was found 7 h 00 min late; it goes on with: newsletter resume back-pain/lower-back"
    )
    assert answer(ann, now=NOW + 7 * HOUR) == (Why.HELD, sentence)


def test_a_send_that_was_held_in_the_middle_is_held(released, clock):
    send(released, clock, Answer(Outcome.MISCONFIGURED, "the key is\x1b[31m wrong"))
    verdict, sentence = answer(released)
    assert verdict is Why.HELD
    assert sentence.startswith("held: the key is [31m wrong; it goes on with")


@pytest.mark.parametrize(
    ("name", "verdict"), [("back-pain", Why.SERIES_PAUSED), ("back-pain/lower-back", Why.ISSUE_PAUSED)]
)
def test_a_pause_of_all_names_what_is_paused(ann, name, verdict):
    Holding(ann.database).pause(name, NOW - HOUR)
    since = f"{name} is paused since 2026-12-01 08:00Z; it goes on with: newsletter resume {name}"
    assert answer(ann, now=NOW - HOUR) == (verdict, since)
    ann.release()
    assert answer(ann) == (verdict, since)


def test_what_is_queued_says_when_it_is_due(ann):
    sentence = "due at 2026-12-01 09:00 Europe/London (2026-12-01 09:00Z)"
    assert answer(ann, now=NOW - WEEK) == (Why.DUE, sentence)


def test_what_nobody_has_released_is_overdue(ann):
    sentence = "due since 2026-12-01 09:00Z and not released yet: newsletter run does it"
    assert answer(ann, now=NOW + HOUR) == (Why.DUE, sentence)


def test_what_has_no_slot_is_not_queued(ann):
    sentence = "not queued; it gets a slot with: newsletter queue back-pain/neck"
    assert answer(ann, issue="neck") == (Why.NOT_QUEUED, sentence)


def test_a_rehearsal_is_no_send(ann, clock):
    ann.release(rehearsal=True)
    send(ann, clock, able=capabilities(rehearsal=True))
    sentence = "only rehearsed, on 2026-12-01 09:00Z: nothing left this machine"
    assert answer(ann) == (Why.ONLY_REHEARSED, sentence)
    assert ("rehearsed", "accepted") in proofs(ann)


def test_a_test_copy_is_no_send(ann):
    with ann.database.writing() as tx:
        row = batches.notice("hash", "scripted", 0, NOW, next_at=None)
        copy = {"batch_id": batches.add(tx, row), "pos": 0, "state": "accepted", "occasion": 7}
        named = {"issue_id": ann.issues["lower-back"], "subscriber_id": ann.ann}
        batches.add_delivery(tx, {**copy, **named})
    assert answer(ann, now=NOW - HOUR)[0] is Why.DUE


def test_who_never_subscribed_has_one_answer_for_a_series(ann):
    with ann.database.writing() as tx:
        hash_ = address_hash("eve@example.org", SALT)
        subscribers.add_people(tx, {hash_: Subscriber("eve@example.org")})
    (found,) = answers(ann, "eve", None)
    assert (found.target, found.verdict) == ("back-pain", Why.NEVER_SUBSCRIBED)
    assert found.sentence == "never subscribed to back-pain"
    assert answer(ann, "eve")[0] is Why.NEVER_SUBSCRIBED


def test_who_has_not_confirmed_gets_nothing_before_or_after_the_release(ann):
    ask(ann, "pia")
    assert answer(ann, "pia", now=NOW - HOUR) == (Why.NOT_CONFIRMED, "not confirmed yet")
    ann.release()
    assert answer(ann, "pia") == (Why.NOT_CONFIRMED, "not confirmed yet")


def test_who_left_before_the_release_is_told_when(ann):
    leave(ann, NOW - HOUR)
    assert answer(ann, now=NOW - HOUR) == (Why.UNSUBSCRIBED, "unsubscribed on 2026-12-01 08:00Z")
    ann.release()
    sentence = "unsubscribed on 2026-12-01 08:00Z, before it was released at 2026-12-01 09:00Z"
    assert answer(ann) == (Why.UNSUBSCRIBED, sentence)
    assert ("unsubscribed", "one click (from back-pain/lower-back)") in proofs(ann)


def test_who_left_before_the_call_is_told_so(released, clock):
    leave(released, NOW + HOUR)
    clock.advance_to(NOW + 2 * HOUR)
    send(released, clock)
    sentence = "unsubscribed on 2026-12-01 10:00Z, after the release and before a call was made"
    assert answer(released, now=NOW + WEEK) == (Why.UNSUBSCRIBED, sentence)


def test_who_left_later_got_it_all_the_same(released, clock):
    send(released, clock)
    leave(released, NOW + HOUR)
    assert answer(released, now=NOW + WEEK)[0] is Why.ACCEPTED


def test_who_came_back_after_the_release_is_told_both(ann):
    leave(ann, NOW - HOUR)
    ann.release()
    ann.set_subscription(ann.ann, state=Consent.PENDING)
    with ann.database.writing() as tx:
        subscribers.activate(tx, ann.series_id, [ann.ann], Evidence(NOW + HOUR, "form", "Yes."))
    verdict, sentence = answer(ann, now=NOW + WEEK)
    assert verdict is Why.UNSUBSCRIBED
    assert sentence.endswith("before it was released at 2026-12-01 09:00Z; back since 2026-12-01 10:00Z")


def test_a_suppression_says_by_what_and_since_when(ann):
    ann.suppress("ann")
    assert answer(ann, now=NOW) == (Why.SUPPRESSED, "suppressed by complaint on 2026-12-01 09:00Z")
    tick(ann, NOW)
    assert answer(ann) == (Why.SUPPRESSED, "suppressed by complaint on 2026-12-01 09:00Z")


def test_a_suppression_between_release_and_call_leaves_a_person_out(released, clock):
    released.suppress("ann")
    send(released, clock)
    sentence = "suppressed by complaint on 2026-12-01 09:00Z, after the release and before a call was made"
    assert answer(released) == (Why.SUPPRESSED, sentence)


def test_the_mail_that_was_complained_of_is_evidence_of_a_suppression(released, clock):
    provider, _ = send(released, clock, NAMED)
    hear(released, provider, EventKind.COMPLAINED, NOW + HOUR)
    released.suppress("ann")
    released.queue("neck", DAY + WEEK)
    assert answer(released, issue="neck", now=NOW + 2 * HOUR)[0] is Why.SUPPRESSED
    assert ("complained", "back-pain/lower-back") in proofs(released, "neck", NOW + 2 * HOUR)


def test_who_pauses_beyond_the_slot_does_not_get_it(ann):
    pause(ann, NOW - HOUR, NOW + HOUR)
    assert answer(ann, now=NOW - HOUR) == (Why.PAUSED, "paused until 2026-12-01 10:00Z")
    tick(ann, NOW)
    sentence = "paused until 2026-12-01 10:00Z, and it was released at 2026-12-01 09:00Z"
    assert answer(ann, now=NOW + WEEK) == (Why.PAUSED, sentence)


def test_a_pause_that_has_ended_since_is_told_as_it_was_then(ann):
    pause(ann, NOW - 2 * HOUR, NOW + HOUR)
    tick(ann, NOW)
    pause(ann, NOW + HOUR, None)
    pause(ann, NOW + 2 * HOUR, NOW + WEEK)
    sentence = "paused until 2026-12-01 10:00Z, and it was released at 2026-12-01 09:00Z"
    assert answer(ann, now=NOW + 2 * WEEK) == (Why.PAUSED, sentence)


def test_a_pause_that_ends_before_the_slot_keeps_nobody_from_it(ann):
    ann.set_subscription(ann.ann, paused_until=NOW - HOUR)
    assert answer(ann, now=NOW - 2 * HOUR)[0] is Why.DUE


def test_who_confirms_after_the_release_joins_at_the_next_slot(released):
    confirm(released, "cat", NOW + HOUR)
    since = "confirmed on 2026-12-01 10:00Z, after it was released at 2026-12-01 09:00Z"
    assert answer(released, "cat", now=NOW + 2 * HOUR) == (
        Why.JOINS_AT_NEXT_SLOT,
        f"{since}; joins at the next slot, once one is queued",
    )
    released.queue("neck", DAY + WEEK)
    assert answer(released, "cat", now=NOW + 2 * HOUR) == (
        Why.JOINS_AT_NEXT_SLOT,
        f"{since}; joins at the next slot, back-pain/neck at 2026-12-08 09:00Z",
    )
    assert answer(released, "cat", "neck", now=NOW + 2 * HOUR)[0] is Why.DUE


def test_what_nothing_explains_is_said_to_be_so(ann):
    ann.set_subscription(ann.ann, paused_until=NOW + HOUR)
    tick(ann, NOW)
    ann.set_subscription(ann.ann, paused_until=None)
    assert answer(ann)[0] is Why.NOT_RECORDED


@pytest.fixture
def by_zone(ann):
    """Give a newsletter that goes out at nine in everybody's own zone; Ann's is New York's."""
    settings = {**to_settings(a_series_file()), "subscriber_zone": True}
    with ann.database.writing() as tx:
        series.apply(tx, "back-pain", settings, "h" * 64)
    move_to(ann, "America/New_York")
    return ann


def move_to(newsletter, zone):
    with newsletter.database.writing() as tx:
        tx.execute(update(subscriber).where(subscriber.c.id == newsletter.ann).values(zone=zone))


def tick(newsletter, now):
    Releasing(newsletter.database, capabilities()).tick(now)


def test_in_their_own_zone_everybody_is_told_their_own_hour(by_zone):
    sentence = "due at 2026-12-01 09:00 America/New_York (2026-12-01 14:00Z)"
    assert answer(by_zone, now=NOW - WEEK) == (Why.DUE, sentence)
    tick(by_zone, NOW - 14 * HOUR)
    assert answer(by_zone, now=NOW - 14 * HOUR) == (Why.DUE, sentence)
    tick(by_zone, NOW + 5 * HOUR)
    assert answer(by_zone, now=NOW + 5 * HOUR)[0] is Why.PLANNED


def test_who_moved_out_of_the_way_of_their_hour_is_due_with_the_last(by_zone):
    tick(by_zone, NOW - 14 * HOUR)
    tick(by_zone, NOW - 9 * HOUR)
    move_to(by_zone, "Asia/Tokyo")
    sentence = "due at 2026-12-02 06:00 Asia/Tokyo (2026-12-01 21:00Z)"
    assert answer(by_zone, now=NOW - 8 * HOUR) == (Why.DUE, sentence)


def test_who_joins_in_a_zone_whose_hour_has_passed_joins_at_the_next_slot(by_zone):
    tick(by_zone, NOW - 14 * HOUR)
    tick(by_zone, NOW - 9 * HOUR)
    by_zone.ann = confirm(by_zone, "cat", NOW - 8 * HOUR)
    move_to(by_zone, "Asia/Tokyo")
    assert answer(by_zone, "cat", now=NOW - 7 * HOUR)[0] is Why.JOINS_AT_NEXT_SLOT


def test_who_is_told_that_it_is_due_gets_it_and_nobody_else(newsletter):
    names = ("due", "paused", "gone", "ill")
    people = dict(zip(names, newsletter.join(*names), strict=True))
    newsletter.set_subscription(people["paused"], paused_until=NOW + HOUR)
    newsletter.leave(people["gone"])
    newsletter.suppress("ill")
    ask(newsletter, "pia")
    newsletter.queue()
    told = {name: answer(newsletter, name, now=NOW - HOUR)[0] for name in (*names, "pia")}
    newsletter.release()
    assert newsletter.rows(select(delivery.c.subscriber_id)) == [(people["due"],)]
    assert told == {
        "due": Why.DUE,
        "paused": Why.PAUSED,
        "gone": Why.UNSUBSCRIBED,
        "ill": Why.SUPPRESSED,
        "pia": Why.NOT_CONFIRMED,
    }


def test_without_a_target_every_issue_of_their_series_is_explained(ann):
    with ann.database.writing() as tx:
        other = series.apply(tx, "sleep", to_settings(a_series_file("sleep")), "h" * 64)
        series.add_issue(tx, other, "night", 1)
    assert [one.target for one in answers(ann, target=None)] == ["back-pain/lower-back", "back-pain/neck"]
    assert [one.target for one in answers(ann, target="night")] == ["sleep/night"]


def test_a_person_is_found_in_any_spelling_of_case(ann):
    found = Explaining(ann.database, None, SALT).explain(" Ann@Example.ORG ", "neck", NOW)
    assert [one.target for one in found] == ["back-pain/neck"]


def test_nobody_is_found_by_an_address_that_was_forgotten_or_never_there(ann):
    with ann.database.writing() as tx:
        row = update(subscriber).where(subscriber.c.id == ann.ann)
        tx.execute(row.values(address=None, erased_at=NOW))
    for name in ("ann", "nobody"):
        with pytest.raises(UnknownTarget, match=f"no subscriber has the address '{name}@example.org'"):
            answers(ann, name)


#: One row for each person or more: to read one of these whole takes minutes where there are a million.
LARGE = ("subscriber", "subscription", "consent_event", "suppression", "delivery", "batch", "attempt")


def test_no_table_of_people_is_read_whole(released, clock):
    send(released, clock, UNKNOWN, able=SILENT)
    statements = []

    def note(_connection, _cursor, statement, parameters, *_rest):
        statements.append((statement, parameters))

    engine = released.database._reading_engine
    event.listen(engine, "before_cursor_execute", note)
    answers(released)
    event.remove(engine, "before_cursor_execute", note)
    plans = {statement: plan_of(released, statement, values) for statement, values in statements}
    assert any("delivery" in plan for plan in plans.values())
    for plan in plans.values():
        for name in LARGE:
            assert f"SCAN {name}" not in f"{plan}".replace('"', "")
            assert f"Seq Scan on {name}" not in plan


def plan_of(newsletter, statement, values):
    with newsletter.database.reading() as tx:
        if newsletter.database.is_sqlite:
            rows = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            return "\n".join(f"{row[3]}\n" for row in rows)
        # Of a small table a server reads all, unless it must not.
        tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return "\n".join(row[0] + "\n" for row in tx.exec_driver_sql(f"EXPLAIN {statement}", values))


def test_a_batch_is_found_with_what_it_was_split_from_only(newsletter, clock):
    newsletter.join("ann", "bob", "cat", "dan")
    newsletter.queue()
    newsletter.release(batch_size=4)
    send(newsletter, clock, REFUSED, able=capabilities(batch_size=4))
    assert len(newsletter.rows(select(batch.c.id))) == 3
    assert [detail for what, detail in proofs(newsletter) if what == "called"] == [
        "scripted: refused",
        "scripted: accepted",
    ]
