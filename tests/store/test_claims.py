import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
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

from newsletter.domain.account import Lane, Limits
from newsletter.domain.clock import PlayedClock
from newsletter.domain.delivery import START_DEADLINE, BatchState, DeliveryState, lease_for
from newsletter.domain.provider import Answer, Outcome, Recovery, Sightings
from newsletter.domain.release import ReleaseState
from newsletter.pipeline.claiming import ALL_LANES
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.recording import Ended
from newsletter.pipeline.releasing import Releasing
from newsletter.pipeline.work import Look
from newsletter.store import accounts, batches, claims, deliveries, picking, releases, series
from newsletter.store.database import Database
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
        return picking.next_instant(tx, "scripted", Lane.BULK, rehearsal=False)


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
    assert trio.read(picking.get, claim.batch.id).frozen
    sender.record(claim, ACCEPTED)
    assert trio.read(picking.get, claim.batch.id).frozen is None


def test_a_doubtful_batch_keeps_what_a_repeat_must_say(trio, clock):
    delivering(trio.database, ScriptedProvider([UNKNOWN]), clock).step()
    assert trio.read(picking.get, the_batch(trio).id).frozen


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


WRONG_KEY = Answer(Outcome.MISCONFIGURED, "the key is wrong")


@pytest.fixture
def crowd(newsletter):
    """Give a newsletter whose first issue is released to seven people, in batches of one."""
    names = [f"reader{number}" for number in range(7)]
    newsletter.people = dict(zip(names, newsletter.join(*names), strict=True))
    newsletter.queue()
    newsletter.sent = newsletter.release(batch_size=1)
    return newsletter


def seqs(works):
    return [work.batch.seq for work in works]


def by_seq(newsletter):
    """List the states of all batches in their order."""
    return [state for (state,) in newsletter.rows(select(batch.c.state).order_by(batch.c.seq))]


def limited(sender, limits):
    """Limit the account that a sender uses."""
    claiming, recording = (replace(part, limits=limits) for part in (sender.claiming, sender.recording))
    return replace(sender, claiming=claiming, recording=recording)


class HurriedClock(PlayedClock):
    """A clock by which 10 ms pass between any two looks at it."""

    def elapsed(self):
        self._elapsed += 0.01
        return super().elapsed()


def test_no_more_is_taken_than_was_asked_for_and_in_order(crowd, clock):
    sender = delivering(crowd.database, clock=clock)
    assert seqs(sender.next_works(ALL_LANES, 3)) == [0, 1, 2]
    assert by_seq(crowd) == ["sending"] * 3 + ["planned"] * 4
    assert seqs(sender.next_works(ALL_LANES, 9)) == [3, 4, 5, 6]
    assert sender.next_works(ALL_LANES, 9) == []


def test_all_that_was_taken_is_durable_before_a_call(crowd, clock):
    works = delivering(crowd.database, clock=clock, owner="host:7").next_works(ALL_LANES, 3)
    with closing(Database(crowd.database.url.render_as_string(hide_password=False))) as other:
        with other.reading() as tx:
            rows = [batches.row_of(tx, work.batch.id) for work in works]
    found = [(row["state"], row["epoch"], row["lease_owner"], row["lease_until"]) for row in rows]
    assert found == [("sending", 1, "host:7", NOW + LEASE)] * 3
    assert crowd.rows(select(attempt.c.epoch, attempt.c.outcome)) == [(1, None)] * 3


def test_each_of_those_taken_together_calls_its_own_people(crowd, clock):
    provider = ScriptedProvider()
    sender = delivering(crowd.database, provider, clock)
    for claim in sender.next_works(ALL_LANES, 7):
        sender.finish(claim)
    assert provider.addresses == [f"{name}@example.org" for name in crowd.people]
    assert len({mailing.key for mailing in provider.mailings}) == 7


def test_a_batch_that_is_closed_on_the_way_costs_none_of_those_taken_before_it(crowd, clock):
    crowd.leave(crowd.people["reader2"])
    sender = delivering(crowd.database, clock=clock)
    assert seqs(sender.next_works(ALL_LANES, 7)) == [0, 1]
    assert by_seq(crowd) == ["sending", "sending", "cancelled"] + ["planned"] * 4
    assert seqs(sender.next_works(ALL_LANES, 7)) == [3, 4, 5, 6]


def test_batches_that_are_closed_first_are_passed_by(crowd, clock):
    for name in ("reader0", "reader1"):
        crowd.leave(crowd.people[name])
    assert seqs(delivering(crowd.database, clock=clock).next_works(ALL_LANES, 2)) == [2, 3]


def test_a_search_and_calls_are_taken_together(crowd, clock):
    able = capabilities(1, recovery=Recovery.QUERY)
    provider = ScriptedProvider([UNKNOWN], able, sightings=[Sightings({0: "a"})])
    sender = delivering(crowd.database, provider, clock)
    sender.step()
    later(clock, able.settles_after)
    works = sender.next_works(ALL_LANES, 3)
    assert [(type(work) is Look, work.batch.seq) for work in works] == [(True, 0), (False, 1), (False, 2)]
    sender.record_look(works[0], sender.search(works[0]))
    assert by_seq(crowd)[:3] == ["accepted", "sending", "sending"]


def test_a_transaction_that_takes_long_takes_one(crowd):
    sender = delivering(crowd.database, clock=HurriedClock(NOW))
    assert [seqs(sender.next_works(ALL_LANES, 3)) for _ in range(3)] == [[0], [1], [2]]
    assert by_seq(crowd) == ["sending"] * 3 + ["planned"] * 4


def test_the_pace_of_an_account_lets_one_go_and_says_when_the_next_may(crowd, clock):
    sender = limited(delivering(crowd.database, clock=clock), Limits(calls_per_second=2))
    assert seqs(sender.next_works(ALL_LANES, 3)) == [0]
    assert sender.claiming.held_up == {Lane.BULK: NOW + timedelta(seconds=0.5)}
    assert sender.ready_at(NOW) == NOW + timedelta(seconds=0.5)
    assert sender.next_works(ALL_LANES, 3) == []
    later(clock, timedelta(seconds=0.5))
    assert seqs(sender.next_works(ALL_LANES, 3)) == [1]
    assert by_seq(crowd) == ["sending"] * 2 + ["planned"] * 5


def test_a_quota_is_counted_for_each_of_those_taken_together(crowd, clock):
    sender = limited(delivering(crowd.database, clock=clock), Limits(per_day=2))
    works = sender.next_works(ALL_LANES, 7)
    assert seqs(works) == [0, 1]
    assert crowd.read(accounts.get, "scripted").used == 2
    assert sender.ready_at(NOW) == NOW.replace(hour=0) + timedelta(days=1)
    sender.keep([(work, DEFERRED) for work in works])
    assert crowd.read(accounts.get, "scripted").used == 0


def together(sender, pairs, now=NOW):
    """Record how calls ended in one transaction."""
    ended = [Ended(claim.batch, claim.positions, answer, claim.counted) for claim, answer in pairs]
    sender.recording.record(ended, now)


def one_by_one(sender, pairs, now=NOW):
    for pair in pairs:
        together(sender, [pair], now)


@pytest.mark.parametrize("record", [together, one_by_one])
def test_outcomes_leave_the_same_rows_whether_they_are_recorded_together_or_one_by_one(
    newsletter, clock, record
):
    newsletter.join(*(f"reader{number}" for number in range(7)))
    newsletter.queue()
    newsletter.sent = newsletter.release(batch_size=2)
    sender = delivering(newsletter.database, clock=clock)
    accepted = Answer(Outcome.ACCEPTED, ids={0: "id-a"}, rejected={1: "no such mailbox"}, status=200)
    claimed = sender.next_works(ALL_LANES, 4)
    # The last batch has one member: whom is refused there is known.
    ended = zip(claimed, [accepted, DEFERRED, REFUSED, REFUSED], strict=True)
    record(sender, list(ended)[::-1])
    rows = newsletter.rows(
        select(batch.c.seq, batch.c.state, batch.c.tainted, batch.c.epoch, batch.c.members, batch.c.next_at)
        .where(batch.c.state.in_(("planned", "unknown", "sending")))
        .order_by(batch.c.seq)
    )
    halves = [(4, "planned", False, 0, 1, NOW), (5, "planned", False, 0, 1, NOW)]
    assert rows == [(1, "planned", False, 1, 2, NOW + timedelta(seconds=30)), *halves]
    assert by_seq(newsletter) == ["accepted", "planned", "cancelled", "rejected", "planned", "planned"]
    assert newsletter.rows(select(attempt.c.outcome, attempt.c.http_status).order_by(attempt.c.batch_id)) == [
        ("accepted", 200),
        ("deferred", None),
        ("refused", None),
        ("refused", None),
    ]
    found = newsletter.rows(
        select(
            batch.c.seq, delivery.c.pos, delivery.c.state, delivery.c.reason, delivery.c.provider_message_id
        )
        .join(batch, batch.c.id == delivery.c.batch_id)
        .order_by(batch.c.seq, delivery.c.pos)
    )
    assert found == [
        (0, 0, "planned", None, "id-a"),
        (0, 1, "rejected", "no such mailbox", None),
        (1, 0, "planned", None, None),
        (1, 1, "planned", None, None),
        (3, 0, "rejected", "bad address", None),
        (4, 0, "planned", None, None),
        (5, 0, "planned", None, None),
    ]
    assert counts(newsletter) == {"accepted": 1, "planned": 4, "rejected": 2}
    assert newsletter.get_release(newsletter.sent.id).state is ReleaseState.SENDING
    assert newsletter.read(accounts.get, "scripted").failures == 0


def test_batches_that_are_refused_together_are_halved_under_numbers_of_their_own(newsletter, clock):
    newsletter.join(*(f"reader{number}" for number in range(6)))
    newsletter.queue()
    newsletter.release(batch_size=2)
    sender = delivering(newsletter.database, clock=clock)
    together(sender, [(claim, REFUSED) for claim in sender.next_works(ALL_LANES, 3)])
    assert by_seq(newsletter) == ["cancelled"] * 3 + ["planned"] * 6
    assert seqs(sender.next_works(ALL_LANES, 9)) == [3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("record", [together, one_by_one])
def test_what_answers_teach_about_the_account_adds_up(crowd, clock, record):
    sender = delivering(crowd.database, clock=clock)
    claimed = sender.next_works(ALL_LANES, 3)
    record(sender, [(claim, DEFERRED) for claim in claimed])
    assert crowd.read(accounts.get, "scripted").failures == 3


@pytest.mark.parametrize(
    ("late", "mail"), [(REFUSED, "planned"), (UNKNOWN, "planned"), (ACCEPTED, "accepted")]
)
def test_one_whose_lease_was_lost_does_not_stop_the_others(crowd, clock, late, mail):
    keyed = capabilities(1, recovery=Recovery.KEY)
    slow = delivering(crowd.database, ScriptedProvider(capabilities=keyed), clock)
    old = slow.next_works(ALL_LANES, 3)
    later(clock, lease_for(keyed))
    new = delivering(crowd.database, ScriptedProvider(capabilities=keyed), clock).next_work()
    assert (new.batch.seq, new.batch.epoch) == (0, 2)
    together(slow, [(old[0], late), (old[1], ACCEPTED), (old[2], REFUSED)], clock.now())
    assert by_seq(crowd) == ["sending", "accepted", "rejected"] + ["planned"] * 4
    assert crowd.get_batch(new.batch.id).epoch == 2
    assert crowd.rows(select(delivery.c.state).where(delivery.c.batch_id == new.batch.id)) == [(mail,)]


def test_a_release_whose_last_outcomes_are_recorded_together_is_settled(crowd, clock):
    sender = delivering(crowd.database, clock=clock)
    first, *last = sender.next_works(ALL_LANES, 7)
    together(sender, [(first, ACCEPTED)])
    assert crowd.get_release(crowd.sent.id).state is ReleaseState.SENDING
    together(sender, [(claim, REFUSED if claim is last[0] else ACCEPTED) for claim in last])
    assert crowd.get_release(crowd.sent.id).state is ReleaseState.SETTLED
    assert Counter(by_seq(crowd)) == {"accepted": 6, "rejected": 1}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_wrong_account_among_others_holds_the_release_and_loses_no_outcome(crowd, clock, place):
    sender = delivering(crowd.database, clock=clock)
    claimed = sender.next_works(ALL_LANES, 3)
    answers = [ACCEPTED, ACCEPTED, ACCEPTED]
    answers[place] = WRONG_KEY
    together(sender, zip(claimed, answers, strict=True))
    held = crowd.get_release(crowd.sent.id)
    assert (held.state, held.reason) == (ReleaseState.HELD, "the key is wrong")
    assert counts(crowd) == {"accepted": 2, "planned": 5}
    assert sender.next_works(ALL_LANES, 7) == []
    Holding(crowd.database).resume("back-pain", NOW)
    crowd.release(batch_size=1)
    while sender.step():
        pass
    assert crowd.get_release(crowd.sent.id).state is ReleaseState.SETTLED


def test_outcomes_of_two_releases_are_recorded_together_and_only_the_wrong_one_is_held(crowd, clock):
    sender = delivering(crowd.database, clock=clock)
    of_first = sender.next_works(ALL_LANES, 7)
    crowd.queue("neck", DAY + timedelta(days=7))
    later(clock, timedelta(days=7))
    with crowd.database.writing() as tx:
        tx.execute(update(batch).values(lease_until=clock.now() + LEASE))
    crowd.join("late")
    Releasing(crowd.database, capabilities(1)).tick(clock.now())
    (of_second,) = sender.next_works(ALL_LANES, 7)
    together(sender, [(of_second, WRONG_KEY), *((claim, ACCEPTED) for claim in of_first)], clock.now())
    found = {one.issue: one.state for one in crowd.read(releases.every)}
    assert found == {"lower-back": ReleaseState.SETTLED, "neck": ReleaseState.HELD}


def test_a_cancelled_release_leaves_none_of_the_outcomes_recorded_together_to_be_tried_again(crowd, clock):
    sender = delivering(crowd.database, clock=clock)
    claimed = sender.next_works(ALL_LANES, 3)
    with crowd.database.writing() as tx:
        releases.change(tx, crowd.sent.id, state=ReleaseState.CANCELLED)
        batches.cancel(tx, crowd.sent.id, NOW)
    together(sender, zip(claimed, [ACCEPTED, DEFERRED, UNKNOWN], strict=True))
    assert crowd.get_release(crowd.sent.id).state is ReleaseState.CANCELLED
    assert counts(crowd) == {"accepted": 1, "unknown": 1, "cancelled": 5}
