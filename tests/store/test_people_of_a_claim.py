from datetime import timedelta

from claims_cast import counts, later, states, the_batch
from sqlalchemy import delete, select, update
from store_cast import (
    UNKNOWN,
    ScriptedProvider,
    capabilities,
    delivering,
)

from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.domain.provider import Answer, Outcome, Recovery
from newsletter.domain.release import ReleaseState
from newsletter.store import claims
from newsletter.store.tables import delivery, subscriber, subscription

KEYED = capabilities(recovery=Recovery.KEY, key_ttl=timedelta(hours=24))


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


def test_who_left_a_repeat_and_came_back_is_not_proved_by_a_key_that_was_used(trio, clock):
    """The call that used the key may have been the one without them."""
    provider = ScriptedProvider([UNKNOWN, UNKNOWN, Answer(Outcome.REPEATED, "the key was used")], KEYED)
    sender = delivering(trio.database, provider, clock)
    sender.step()
    bob = trio.people["bob"]
    trio.leave(bob)
    later(clock, timedelta(minutes=1))
    sender.step()
    trio.set_subscription(bob, state="active")
    later(clock, timedelta(hours=1))
    sender.step()
    assert the_batch(trio).state is BatchState.ACCEPTED
    assert states(trio)["bob"] == DeliveryState.UNKNOWN
    assert counts(trio) == {BatchState.ACCEPTED: 2, DeliveryState.UNKNOWN: 1}


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
