from datetime import timedelta

import pytest
from claims_cast import counts, later, next_instant, the_batch
from store_cast import (
    ACCEPTED,
    DEFERRED,
    NOW,
    REFUSED,
    UNKNOWN,
    ScriptedProvider,
    capabilities,
    delivering,
)

from newsletter.domain.delivery import BatchState, lease_for
from newsletter.domain.provider import Answer, Outcome, Recovery
from newsletter.domain.release import ReleaseState
from newsletter.store import claims, picking

LEASE = lease_for(capabilities())
KEYED = capabilities(recovery=Recovery.KEY, key_ttl=timedelta(hours=24))


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
