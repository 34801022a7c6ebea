"""Two processes on one PostgreSQL at the same moment: whoever comes second sees what the first one did.

On SQLite one writes after the other, so little of this can happen; what can is tried on both.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, text
from store_cast import (
    ACCEPTED,
    DAY,
    NOW,
    REFUSED,
    UNKNOWN,
    Newsletter,
    ScriptedProvider,
    capabilities,
    delivering,
    empty,
)

from newsletter.domain.clock import PlayedClock
from newsletter.domain.delivery import record_for
from newsletter.domain.provider import Recovery
from newsletter.domain.release import ReleaseState, SlotState
from newsletter.domain.subscriber import Verdict
from newsletter.errors import Refused
from newsletter.pipeline.cancelling import Cancelling
from newsletter.pipeline.claiming import ALL_LANES
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.queueing import Queueing
from newsletter.pipeline.releasing import Releasing
from newsletter.pipeline.work import Look
from newsletter.store import accounts, audience, batches, deliveries, releases, series, slots
from newsletter.store.database import Database
from newsletter.store.tables import batch, delivery, release

BOUND_SECONDS = 20
IS_BLOCKED = text("SELECT 1 FROM pg_locks WHERE NOT granted LIMIT 1")


@pytest.fixture
def newsletter(prepared_url):
    """Give a series with two issues and nine people, on PostgreSQL."""
    with closing(Database(prepared_url)) as database:
        found = Newsletter(database).apply()
        found.join(*(f"reader{number}" for number in range(9)))
        found.queue()
        yield found
        empty(database)


@pytest.fixture
def anywhere(database):
    """Give the same on each kind of database."""
    found = Newsletter(database).apply()
    found.join(*(f"reader{number}" for number in range(9)))
    found.queue()
    return found


@contextmanager
def meanwhile(database: Database, other: Callable[[], object]) -> Iterator[tuple[Connection, list[object]]]:
    """Do something in a transaction that another process has to wait for.

    Yields the transaction, and the list that will have what the other returned or raised.
    """
    said: list[object] = []

    def run() -> None:
        try:
            said.append(other())
        except Exception as error:
            said.append(error)

    thread = threading.Thread(target=run)
    with database.writing() as tx:
        yield tx, said
        thread.start()
        wait_until_blocked(database, thread)
    thread.join(BOUND_SECONDS)
    assert said, "the other never came back"


def wait_until_blocked(database: Database, thread: threading.Thread) -> None:
    for _ in range(BOUND_SECONDS * 200):
        with database.reading() as tx:
            if tx.execute(IS_BLOCKED).first() or not thread.is_alive():
                return
        thread.join(0.005)
    raise AssertionError("the other neither waited nor ended")


def due(newsletter) -> tuple[Releasing, object]:
    """Release what is due, and prepare nothing of it yet."""
    releasing = Releasing(newsletter.database, capabilities(3))
    [(slot, of)] = releasing._due(NOW)
    [released] = releasing._open(slot, of, NOW)
    return releasing, released


def test_a_send_that_is_cancelled_while_it_is_prepared_leaves_nobody_behind(newsletter):
    releasing, found = due(newsletter)
    preparing = releasing.preparing(newsletter.read(series.find, "back-pain"))
    with meanwhile(
        newsletter.database, lambda: Cancelling(newsletter.database).cancel("lower-back", NOW)
    ) as (tx, said):
        preparing._prepare_chunk(tx, found.id, NOW)
    assert [(one.stopped, one.gone) for one in said[0]] == [(9, 0)]
    assert set(newsletter.rows(select(batch.c.state))) == {("cancelled",)}
    with newsletter.database.writing() as tx:
        deliveries.free_cancelled(tx, found.issue_id)
        assert audience.counts(tx, found.series_id, found.issue_id, 0, NOW) == {Verdict.DUE: 9}


def test_a_tick_closes_what_an_older_cancel_left_planned(newsletter):
    releasing, found = due(newsletter)
    releasing.tick(NOW)
    with newsletter.database.writing() as tx:
        releases.change(tx, found.id, state=ReleaseState.CANCELLED)
    releasing.tick(NOW)
    assert set(newsletter.rows(select(batch.c.state))) == {("cancelled",)}


@pytest.mark.parametrize("act", ["swap", "cancel"])
def test_a_slot_that_is_being_released_is_neither_swapped_nor_freed(newsletter, act):
    newsletter.queue("neck", DAY + timedelta(days=7))
    queueing = Queueing(newsletter.database, None)
    acts = {
        "swap": lambda: queueing.swap("lower-back", "neck", NOW),
        "cancel": lambda: Cancelling(newsletter.database).cancel("lower-back", NOW),
    }
    (slot, _) = newsletter.read(slots.queued)
    with meanwhile(newsletter.database, acts[act]) as (tx, said):
        assert slots.is_unchanged(tx, slot)
        releases.add(tx, slot.id, NOW, ReleaseState.PREPARING)
        slots.change(tx, slot.id, state=SlotState.RELEASED)
    assert isinstance(said[0], Refused)
    assert [one.issue for one in newsletter.read(slots.every)] == ["lower-back", "neck"]


def test_who_resumes_does_not_revive_what_is_being_cancelled(newsletter):
    _, found = due(newsletter)
    with newsletter.database.writing() as tx:
        releases.change(tx, found.id, state=ReleaseState.HELD)
    holding = Holding(newsletter.database)
    with meanwhile(newsletter.database, lambda: holding.resume("back-pain", NOW)) as (tx, said):
        releases.change(tx, found.id, state=ReleaseState.CANCELLED)
    assert said[0].releases == ()
    assert newsletter.rows(select(release.c.state)) == [("cancelled",)]


def test_an_acceptance_that_comes_late_stands_against_a_cancel(newsletter):
    newsletter.release(batch_size=9)
    clock = PlayedClock(NOW)
    sender = delivering(newsletter.database, ScriptedProvider(capabilities=capabilities(9)), clock)
    claim = sender.next_work()
    clock.advance_to(NOW + timedelta(hours=1))
    with meanwhile(
        newsletter.database, lambda: Cancelling(newsletter.database).cancel("lower-back", clock.now())
    ) as (tx, _):
        # The first that recording does is to take the row of the batch.
        batches.record(tx, claim.batch, record_for(claim.batch, ACCEPTED, members=9, now=NOW))
    assert newsletter.rows(select(batch.c.state)) == [("accepted",)]
    assert set(newsletter.rows(select(delivery.c.state))) == {("planned",)}


def at_once(database: Database, *works: Callable[[Database], object]) -> list[object]:
    """Let workers, each with connections of its own, do something at the same instant."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[Database], object]) -> object:
        with closing(Database(database.url.render_as_string(hide_password=False))) as ours:
            with ours.reading() as tx:
                releases.every(tx)
            start.wait(BOUND_SECONDS)
            return work(ours)

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def recorder(claims: list, answer=ACCEPTED) -> Callable[[Database], object]:
    return lambda database: delivering(database).keep([(claim, answer) for claim in claims])


@pytest.mark.parametrize("most", [1, 3])
def test_the_last_outcomes_that_two_record_at_once_settle_their_release(anywhere, most):
    sent = anywhere.release(batch_size=1)
    sender = delivering(anywhere.database)
    while claimed := sender.next_works(ALL_LANES, 2 * most):
        halves = [claimed[::2], claimed[1::2]]
        at_once(anywhere.database, *(recorder(half) for half in halves))
    Releasing(anywhere.database, capabilities(1)).tick(NOW)
    assert anywhere.get_release(sent.id).state is ReleaseState.SETTLED
    assert anywhere.rows(select(batch.c.state)) == [("accepted",)] * 9


def test_a_release_whose_last_two_outcomes_did_not_see_each_other_is_settled_by_the_next_tick(newsletter):
    sent = newsletter.release(batch_size=5)
    sender = delivering(newsletter.database, ScriptedProvider(capabilities=capabilities(5)))
    one, two = sender.next_works(ALL_LANES, 2)
    with newsletter.database.writing() as tx:
        batches.record(tx, one.batch, record_for(one.batch, ACCEPTED, members=5, now=NOW))
        releases.settle(tx, sent.id, NOW)
        at_once(newsletter.database, recorder([two]))
    assert newsletter.get_release(sent.id).state is ReleaseState.SENDING
    Releasing(newsletter.database, capabilities(5)).tick(NOW)
    assert newsletter.get_release(sent.id).state is ReleaseState.SETTLED


def test_two_who_look_for_outcomes_at_once_never_look_for_the_same(anywhere):
    anywhere.release(batch_size=1)
    clock = PlayedClock(NOW)
    able = capabilities(1, recovery=Recovery.QUERY)
    provider = ScriptedProvider([UNKNOWN] * 9, able)
    sender = delivering(anywhere.database, provider, clock)
    sender.keep([(claim, UNKNOWN) for claim in sender.next_works(ALL_LANES, 9)])
    clock.advance_to(NOW + able.settles_after)

    def look(database: Database) -> list:
        ours, found = delivering(database, provider, clock), []
        # The breaker lets calls wait, not searches.
        while (work := ours.next_work()) is not None:
            found.append(work)
        return found

    def look_for_some(database: Database) -> list:
        ours, found = delivering(database, provider, clock), []
        while works := ours.next_works(ALL_LANES, 2):
            found += works
        return found

    taken = [work for works in at_once(anywhere.database, look, look_for_some) for work in works]
    assert {type(work) for work in taken} == {Look}
    assert sorted(work.batch.seq for work in taken) == list(range(9))
    assert anywhere.rows(select(batch.c.state, batch.c.epoch)) == [("unknown", 2)] * 9


def test_who_records_a_refusal_waits_for_the_account_before_it_locks_the_release(newsletter):
    sent = newsletter.release(batch_size=3)
    sender = delivering(newsletter.database)
    (claim,) = sender.next_works(ALL_LANES, 1)
    with newsletter.database.writing() as tx:
        accounts.put(tx, "scripted", replace(accounts.get_locked(tx, "scripted"), failures=1))
    said: list[object] = []

    def refuse() -> None:
        try:
            said.append(sender.record(claim, REFUSED))
        except Exception as error:
            said.append(error)

    thread = threading.Thread(target=refuse)
    with newsletter.database.writing() as tx:
        accounts.get_locked(tx, "scripted")
        thread.start()
        wait_until_blocked(newsletter.database, thread)
        # As who recorded that another call was put off.
        releases.get_locked(tx, sent.id)
    thread.join(BOUND_SECONDS)
    assert said == [None]
    assert newsletter.rows(select(batch.c.state).order_by(batch.c.seq)) == [
        ("cancelled",), ("planned",), ("planned",), ("planned",), ("planned",)
    ]  # fmt: skip
