import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
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

from newsletter.domain.account import Lane
from newsletter.domain.clock import PlayedClock
from newsletter.domain.delivery import START_DEADLINE, BatchState, DeliveryState, lease_for
from newsletter.domain.provider import Answer, Outcome, Recovery
from newsletter.domain.release import ReleaseState
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.releasing import Releasing
from newsletter.store import batches, claims, deliveries, releases, series
from newsletter.store.tables import attempt, batch, delivery, subscriber, subscription

LEASE = lease_for(capabilities())
KEYED = capabilities(recovery=Recovery.KEY, key_ttl=timedelta(hours=24))


@pytest.fixture
def clock():
    return PlayedClock(NOW)


@pytest.fixture
def trio(newsletter):
    """Give a newsletter whose first issue is released to Ann, Bob and Cleo in one batch."""
    newsletter.people = dict(zip(("ann", "bob", "cleo"), newsletter.join("ann", "bob", "cleo"), strict=True))
    newsletter.queue()
    newsletter.sent = newsletter.release()
    return newsletter


def the_batch(newsletter):
    ((batch_id,),) = newsletter.rows(select(batch.c.id))
    return newsletter.get_batch(batch_id)


def counts(newsletter):
    return newsletter.read(deliveries.counts_of, newsletter.sent.id)


def states(newsletter):
    rows = newsletter.rows(select(delivery.c.subscriber_id, delivery.c.state))
    name = {id_: name for name, id_ in newsletter.people.items()}
    return {name[id_]: state for id_, state in rows}


def next_instant(newsletter):
    with newsletter.database.reading() as tx:
        return claims.next_instant(tx, "scripted", Lane.BULK, rehearsal=False)


def later(clock, step):
    clock.advance_to(clock.now() + step)


def test_a_claim_calls_everyone_of_its_batch(trio, clock):
    provider = ScriptedProvider()
    assert delivering(trio.database, provider, clock).step()
    assert provider.addresses == ["ann@example.org", "bob@example.org", "cleo@example.org"]
    assert counts(trio) == {BatchState.ACCEPTED: 3}


def test_a_batch_is_claimed_once(trio, clock):
    assert delivering(trio.database, clock=clock).next_work()
    assert delivering(trio.database, clock=clock).next_work() is None


def test_a_claim_is_written_down_before_the_call(trio, clock):
    claim = delivering(trio.database, clock=clock, owner="host:7").next_work()
    row = trio.read(batches.row_of, claim.batch.id)
    assert (row["state"], row["epoch"], row["lease_owner"]) == (BatchState.SENDING, 1, "host:7")
    assert (row["lease_until"], row["first_call_at"]) == (NOW + LEASE, NOW)
    assert trio.rows(select(attempt.c.epoch, attempt.c.started_at, attempt.c.outcome)) == [(1, NOW, None)]


def test_an_attempt_keeps_what_was_answered(trio, clock):
    answer = Answer(Outcome.ACCEPTED, ids={0: "id-a", 2: "id-c"}, status=200, request_id="req-1")
    delivering(trio.database, ScriptedProvider([answer]), clock).step()
    rows = trio.rows(select(attempt.c.outcome, attempt.c.http_status, attempt.c.request_id))
    assert rows == [("accepted", 200, "req-1")]
    ids = trio.rows(select(delivery.c.provider_message_id).order_by(delivery.c.pos))
    assert ids == [("id-a",), (None,), ("id-c",)]


def test_ids_of_any_length_are_kept(trio, clock):
    answer = Answer(Outcome.ACCEPTED, ids={0: "i" * 1000}, request_id="r" * 1000)
    delivering(trio.database, ScriptedProvider([answer]), clock).step()
    assert counts(trio) == {BatchState.ACCEPTED: 3}


def test_what_was_tried_before_goes_first_then_the_earlier_release_then_by_number(newsletter, clock):
    newsletter.join("ann", "bob", "cleo")
    newsletter.queue()
    newsletter.release(batch_size=1)
    newsletter.join("dan")
    newsletter.queue("neck", DAY + timedelta(days=7))
    later = Answer(Outcome.DEFERRED, retry_after=timedelta(seconds=1))
    sender = delivering(newsletter.database, ScriptedProvider([ACCEPTED, later]), clock)
    sender.step()
    sender.step()
    clock.advance_to(NOW + timedelta(days=7))
    newsletter.release(batch_size=1, now=clock.now())
    claimed = [sender.next_work().batch for _ in range(3)]
    assert [(one.release_id, one.seq) for one in claimed] == [(1, 1), (1, 2), (2, 0)]


OTHER = capabilities(name="other")


def test_another_provider_takes_what_no_call_was_made_for(trio, clock):
    other = delivering(trio.database, ScriptedProvider(capabilities=OTHER), clock)
    assert other.step()
    assert trio.read(batches.row_of, the_batch(trio).id)["provider"] == "other"


def test_a_doubtful_batch_stays_with_its_provider(trio, clock):
    delivering(trio.database, ScriptedProvider([UNKNOWN], KEYED), clock).step()
    later(clock, timedelta(hours=1))
    assert delivering(trio.database, ScriptedProvider(capabilities=OTHER), clock).next_work() is None


def test_a_doubt_whose_provider_is_gone_is_a_persons_to_settle(trio, clock):
    delivering(trio.database, ScriptedProvider([UNKNOWN], KEYED), clock).step()
    later(clock, timedelta(hours=25))
    other = delivering(trio.database, ScriptedProvider(capabilities=OTHER), clock)
    assert other.next_work() is None
    assert (the_batch(trio).state, the_batch(trio).next_at) == (BatchState.UNKNOWN, None)


def test_a_call_that_was_cut_off_before_the_provider_changed_is_not_forgotten(trio, clock):
    delivering(trio.database, ScriptedProvider(capabilities=KEYED), clock).next_work()
    later(clock, timedelta(hours=25))
    delivering(trio.database, ScriptedProvider(capabilities=OTHER), clock).next_work()
    assert (the_batch(trio).state, the_batch(trio).tainted) == (BatchState.UNKNOWN, True)


def test_a_rehearsal_takes_nothing_real_and_the_real_nothing_rehearsed(newsletter, clock):
    rehearsing = capabilities(name="rehearsing", rehearsal=True)
    newsletter.join("ann")
    newsletter.queue()
    newsletter.queue("neck", DAY + timedelta(days=7))
    newsletter.release()
    assert (
        delivering(newsletter.database, ScriptedProvider(capabilities=rehearsing), clock).next_work() is None
    )
    assert delivering(newsletter.database, clock=clock).step()
    newsletter.release(now=NOW + timedelta(days=7), name="rehearsing", rehearsal=True)
    later(clock, timedelta(days=7))
    assert delivering(newsletter.database, clock=clock).next_work() is None


def test_a_batch_too_large_for_the_provider_in_use_is_cut_without_a_call(newsletter, clock):
    newsletter.join(*(f"reader{n}" for n in range(7)))
    newsletter.queue()
    newsletter.release(batch_size=7)
    provider = ScriptedProvider()
    sender = delivering(newsletter.database, provider, clock)
    while sender.step():
        pass
    assert [len(mailing.recipients) for mailing in provider.mailings] == [3, 3, 1]
    assert len(set(provider.addresses)) == 7


def test_a_lease_that_ran_out_leaves_a_doubt(trio, clock):
    delivering(trio.database, clock=clock).next_work()
    later(clock, LEASE)
    assert delivering(trio.database, clock=clock).next_work() is None
    found = the_batch(trio)
    assert (found.state, found.tainted) == (BatchState.UNKNOWN, True)
    assert next_instant(trio) is None


def test_a_lease_that_stands_is_respected(trio, clock):
    delivering(trio.database, clock=clock).next_work()
    later(clock, LEASE - timedelta(seconds=1))
    assert delivering(trio.database, clock=clock).next_work() is None
    assert the_batch(trio).state is BatchState.SENDING


def test_a_provider_that_remembers_keys_is_called_again_under_the_same_key(trio, clock):
    first = delivering(trio.database, ScriptedProvider(capabilities=KEYED), clock).next_work()
    later(clock, lease_for(KEYED))
    second = delivering(trio.database, ScriptedProvider(capabilities=KEYED), clock).next_work()
    assert (second.batch.epoch, second.batch.tainted) == (2, True)
    assert second.mailing == first.mailing


def test_a_repeat_says_what_the_first_call_said(trio, clock):
    provider = ScriptedProvider([UNKNOWN], KEYED)
    sender = delivering(trio.database, provider, clock)
    sender.step()
    later(clock, timedelta(hours=1))
    sender.step()
    assert provider.mailings[0] == provider.mailings[1]


def test_the_only_sender_may_end_the_leases_of_those_before_it(trio, clock):
    delivering(trio.database, clock=clock).next_work()
    with trio.database.writing() as tx:
        assert claims.expire_leases(tx, NOW) == 1
    delivering(trio.database, clock=clock).next_work()
    assert the_batch(trio).tainted


def test_an_old_holder_that_was_refused_changes_nothing(trio, clock):
    slow = delivering(trio.database, ScriptedProvider(capabilities=KEYED), clock)
    old = slow.next_work()
    later(clock, lease_for(KEYED))
    delivering(trio.database, ScriptedProvider(capabilities=KEYED), clock).next_work()
    slow.record(old, REFUSED)
    found = the_batch(trio)
    assert (found.state, found.epoch, found.tainted) == (BatchState.SENDING, 2, True)
    assert counts(trio) == {BatchState.SENDING: 3}


@pytest.mark.parametrize("answer", [UNKNOWN, DEFERRED, REFUSED, Answer(Outcome.MISCONFIGURED)])
def test_only_proof_counts_from_an_old_holder(trio, clock, answer):
    slow = delivering(trio.database, ScriptedProvider(capabilities=KEYED), clock)
    old = slow.next_work()
    later(clock, lease_for(KEYED))
    new = delivering(trio.database, ScriptedProvider(capabilities=KEYED), clock)
    new.finish(new.next_work())
    slow.record(old, answer)
    assert counts(trio) == {BatchState.ACCEPTED: 3}
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED


def test_an_old_holder_that_was_accepted_settles_it(trio, clock):
    slow = delivering(trio.database, clock=clock)
    old = slow.next_work()
    later(clock, LEASE)
    assert delivering(trio.database, clock=clock).next_work() is None
    slow.record(old, ACCEPTED)
    found = the_batch(trio)
    assert (found.state, found.tainted) == (BatchState.ACCEPTED, False)
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED


def test_a_proof_stands_against_what_the_new_holder_says_later(trio, clock):
    slow = delivering(trio.database, ScriptedProvider(capabilities=KEYED), clock)
    old = slow.next_work()
    later(clock, lease_for(KEYED))
    fast = delivering(trio.database, ScriptedProvider(capabilities=KEYED), clock)
    new = fast.next_work()
    slow.record(old, ACCEPTED)
    fast.record(new, REFUSED)
    assert the_batch(trio).state is BatchState.ACCEPTED


def test_a_settled_batch_keeps_no_addresses(trio, clock):
    sender = delivering(trio.database, clock=clock)
    claim = sender.next_work()
    assert trio.read(claims.get, claim.batch.id).frozen
    sender.record(claim, ACCEPTED)
    assert trio.read(claims.get, claim.batch.id).frozen is None


def test_a_doubtful_batch_keeps_what_a_repeat_must_say(trio, clock):
    delivering(trio.database, ScriptedProvider([UNKNOWN]), clock).step()
    assert trio.read(claims.get, the_batch(trio).id).frozen


def test_who_leaves_before_the_claim_is_left_out_and_marked(trio, clock):
    trio.leave(trio.people["bob"])
    provider = ScriptedProvider()
    delivering(trio.database, provider, clock).step()
    assert provider.addresses == ["ann@example.org", "cleo@example.org"]
    assert states(trio)["bob"] == DeliveryState.SUPPRESSED
    assert trio.rows(select(delivery.c.reason).where(delivery.c.pos == 1)) == [("unsubscribed",)]
    assert counts(trio) == {BatchState.ACCEPTED: 2, DeliveryState.SUPPRESSED: 1}


def test_who_is_suppressed_before_the_claim_is_left_out_with_the_reason(trio, clock):
    trio.suppress("cleo")
    provider = ScriptedProvider()
    delivering(trio.database, provider, clock).step()
    assert provider.addresses == ["ann@example.org", "bob@example.org"]
    assert trio.rows(select(delivery.c.reason).where(delivery.c.pos == 2)) == [("complaint",)]


def test_a_batch_that_everyone_left_is_cancelled_without_a_call(trio, clock):
    for id_ in trio.people.values():
        trio.leave(id_)
    provider = ScriptedProvider()
    assert not delivering(trio.database, provider, clock).step()
    assert provider.mailings == []
    assert the_batch(trio).state is BatchState.CANCELLED
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED


def test_who_leaves_between_two_calls_leaves_the_payload_and_stays_unknown(trio, clock):
    provider = ScriptedProvider([UNKNOWN, UNKNOWN], KEYED)
    sender = delivering(trio.database, provider, clock)
    sender.step()
    trio.leave(trio.people["bob"])
    later(clock, timedelta(minutes=1))
    sender.step()
    first, second = provider.mailings
    assert second.key == first.key
    assert [one.pos for one in second.recipients] == [0, 2]
    assert counts(trio) == {BatchState.UNKNOWN: 3}


def test_a_deferred_batch_comes_again_when_the_provider_says(trio, clock):
    answer = replace(DEFERRED, retry_after=timedelta(minutes=5))
    sender = delivering(trio.database, ScriptedProvider([answer]), clock)
    sender.step()
    assert sender.ready_at(NOW) == NOW + timedelta(minutes=5)
    assert not sender.step()
    later(clock, timedelta(minutes=5))
    assert sender.step()
    assert counts(trio) == {BatchState.ACCEPTED: 3}


def test_a_call_that_would_start_too_late_is_given_back(trio, clock):
    provider = ScriptedProvider()
    sender = delivering(trio.database, provider, clock)
    claim = sender.next_work()
    later(clock, START_DEADLINE)
    sender.finish(claim)
    assert provider.mailings == []
    found = the_batch(trio)
    assert (found.state, found.tainted) == (BatchState.PLANNED, False)


def test_one_refused_address_is_found_by_halving(trio, clock):
    sender = delivering(trio.database, ScriptedProvider([REFUSED, ACCEPTED, REFUSED, REFUSED]), clock)
    while sender.step():
        pass
    assert counts(trio) == {BatchState.ACCEPTED: 2, DeliveryState.REJECTED: 1}
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED


def test_halves_have_numbers_and_generations_of_their_own(trio, clock):
    delivering(trio.database, ScriptedProvider([REFUSED]), clock).step()
    rows = trio.rows(select(batch.c.seq, batch.c.generation, batch.c.state).order_by(batch.c.seq))
    assert rows == [(0, 0, "cancelled"), (1, 1, "planned"), (2, 1, "planned")]


def test_workers_that_halve_batches_of_one_release_together_get_different_numbers(newsletter, clock):
    newsletter.join(*(f"reader{n}" for n in range(16)))
    newsletter.queue()
    newsletter.release(batch_size=4)
    four = ScriptedProvider(capabilities=capabilities(4))
    senders = [delivering(newsletter.database, four, clock, owner=f"w{n}") for n in range(4)]
    taken = [sender.next_work() for sender in senders]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda pair: pair[0].record(pair[1], REFUSED), zip(senders, taken, strict=True)))
    assert len(newsletter.rows(select(batch.c.seq))) == 12


def test_single_rejections_of_an_accepted_batch_keep_their_reason(trio, clock):
    answer = Answer(Outcome.ACCEPTED, rejected={1: "no such mailbox"})
    delivering(trio.database, ScriptedProvider([answer]), clock).step()
    assert states(trio)["bob"] == DeliveryState.REJECTED
    assert counts(trio) == {BatchState.ACCEPTED: 2, DeliveryState.REJECTED: 1}


def test_a_wrong_account_holds_the_release_and_resuming_lets_it_go(trio, clock):
    answer = Answer(Outcome.MISCONFIGURED, "the key is wrong")
    sender = delivering(trio.database, ScriptedProvider([answer]), clock)
    sender.step()
    held = trio.get_release(trio.sent.id)
    assert (held.state, held.reason) == (ReleaseState.HELD, "the key is wrong")
    assert not sender.step()
    Holding(trio.database).resume("back-pain", NOW)
    trio.release_again = trio.release()
    assert sender.step()
    assert counts(trio) == {BatchState.ACCEPTED: 3}


@pytest.mark.parametrize("target", ["back-pain", "back-pain/lower-back"])
def test_nothing_of_a_paused_target_is_claimed_until_it_is_resumed(trio, clock, target):
    sender = delivering(trio.database, clock=clock)
    Holding(trio.database).pause(target, NOW)
    assert sender.next_work() is None
    assert next_instant(trio) is None
    Holding(trio.database).resume(target, NOW)
    assert next_instant(trio) == NOW
    assert sender.next_work()


def test_a_cancelled_issue_is_not_claimed(trio, clock):
    with trio.database.writing() as tx:
        series.change_issue(tx, trio.issues["lower-back"], cancelled_at=NOW)
    assert delivering(trio.database, clock=clock).next_work() is None


def test_cancelling_stops_what_was_not_called_and_nothing_else(newsletter, clock):
    newsletter.join("ann", "bob", "cleo", "dan")
    newsletter.queue()
    newsletter.sent = newsletter.release(batch_size=1)
    sender = delivering(newsletter.database, ScriptedProvider([ACCEPTED, UNKNOWN]), clock)
    sender.step()
    sender.step()
    claimed = sender.next_work()
    with newsletter.database.writing() as tx:
        batches.cancel(tx, newsletter.sent.id, NOW)
        releases.change(tx, newsletter.sent.id, state=ReleaseState.CANCELLED)
    sender.record(claimed, ACCEPTED)
    assert not sender.step()
    assert counts(newsletter) == {"accepted": 2, "unknown": 1, "cancelled": 1}


def test_a_test_copy_needs_no_subscription_but_respects_suppression(trio):
    trio.suppress("bob")
    with trio.database.writing() as tx:
        tx.execute(delete(subscription))
        for needs_consent, why_not in (
            (False, [None, "complaint", None]),
            (True, ["no subscription", "complaint", "no subscription"]),
        ):
            found = claims.members(tx, the_batch(trio).id, needs_consent=needs_consent)
            assert [one.why_not for one in found] == why_not
        tx.execute(update(subscriber).values(address=None, name=""))
        found = claims.members(tx, the_batch(trio).id, needs_consent=False)
        assert [one.why_not for one in found] == ["forgotten"] * 3


def test_workers_that_claim_together_never_get_the_same_batch(newsletter, clock):
    newsletter.join(*(f"reader{n:02}" for n in range(40)))
    newsletter.queue()
    newsletter.release(batch_size=1)
    provider, start = ScriptedProvider(), threading.Barrier(4)

    def work(number):
        sender = delivering(newsletter.database, provider, clock, owner=f"worker{number}")
        start.wait()
        taken = []
        while (claim := sender.next_work()) is not None:
            taken.append(claim)
            sender.finish(claim)
        return taken

    with ThreadPoolExecutor(4) as pool:
        claimed = [claim.batch.id for taken in pool.map(work, range(4)) for claim in taken]
    assert len(claimed) == len(set(claimed)) == 40
    assert len(provider.addresses) == len(set(provider.addresses)) == 40
    Releasing(newsletter.database, provider.capabilities).tick(NOW)
    assert newsletter.read(releases.every)[0].state is ReleaseState.SETTLED
