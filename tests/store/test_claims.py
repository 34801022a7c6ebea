import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from claims_cast import counts, later, next_instant, the_batch
from sqlalchemy import select
from store_cast import (
    ACCEPTED,
    DAY,
    NOW,
    UNKNOWN,
    ScriptedProvider,
    capabilities,
    delivering,
)

from newsletter.domain.delivery import BatchState, lease_for
from newsletter.domain.provider import Answer, Outcome, Recovery
from newsletter.domain.release import ReleaseState
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.releasing import Releasing
from newsletter.store import batches, cancelling, releases, series
from newsletter.store.tables import attempt

LEASE = lease_for(capabilities())
KEYED = capabilities(recovery=Recovery.KEY, key_ttl=timedelta(hours=24))
OTHER = capabilities(name="other")


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
        cancelling.cancel_release(tx, newsletter.sent.id, NOW)
        releases.change(tx, newsletter.sent.id, state=ReleaseState.CANCELLED)
    sender.record(claimed, ACCEPTED)
    assert not sender.step()
    assert counts(newsletter) == {"accepted": 2, "unknown": 1, "cancelled": 1}


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
