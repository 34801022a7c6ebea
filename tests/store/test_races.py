"""Two processes on one PostgreSQL at the same moment: whoever comes second sees what the first one did.

On SQLite one writes after the other, so nothing of this can happen.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, text
from store_cast import ACCEPTED, DAY, NOW, Newsletter, ScriptedProvider, capabilities, delivering, empty

from newsletter.domain.clock import PlayedClock
from newsletter.domain.delivery import record_for
from newsletter.domain.release import ReleaseState, SlotState
from newsletter.domain.subscriber import Verdict
from newsletter.errors import Refused
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.queueing import Queueing
from newsletter.pipeline.releasing import Releasing
from newsletter.store import audience, batches, deliveries, releases, slots
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
    ((slot, of, due_at),) = releasing._due(NOW)
    return releasing, releasing._release(slot, of, due_at, NOW)


def test_a_send_that_is_cancelled_while_it_is_prepared_leaves_nobody_behind(newsletter):
    releasing, found = due(newsletter)
    queueing = Queueing(newsletter.database, None)
    with meanwhile(newsletter.database, lambda: queueing.cancel("lower-back", NOW)) as (tx, said):
        releasing._prepare_chunk(tx, found.id, NOW)
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
        "cancel": lambda: queueing.cancel("lower-back", NOW),
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
    queueing = Queueing(newsletter.database, None)
    with meanwhile(newsletter.database, lambda: queueing.cancel("lower-back", clock.now())) as (tx, _):
        # The first that recording does is to take the row of the batch.
        batches.record(tx, claim.batch, record_for(claim.batch, ACCEPTED, members=9, now=NOW))
    assert newsletter.rows(select(batch.c.state)) == [("accepted",)]
    assert set(newsletter.rows(select(delivery.c.state))) == {("planned",)}
