from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from claims_cast import counts, later, states, the_batch
from sqlalchemy import select
from store_cast import (
    ACCEPTED,
    DEFERRED,
    NOW,
    REFUSED,
    ScriptedProvider,
    capabilities,
    delivering,
)

from newsletter.domain.delivery import START_DEADLINE, BatchState, DeliveryState
from newsletter.domain.provider import Answer, Outcome
from newsletter.domain.release import ReleaseState
from newsletter.pipeline.holding import Holding
from newsletter.store.tables import attempt, batch, delivery


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
