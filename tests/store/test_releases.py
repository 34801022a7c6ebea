from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from store_cast import ACCEPTED, NOW, ScriptedProvider, capabilities, delivering

from newsletter.domain.delivery import BatchState
from newsletter.domain.release import ReleaseState, SlotState
from newsletter.domain.subscriber import Verdict
from newsletter.pipeline import preparing
from newsletter.pipeline.releasing import Releasing
from newsletter.store import batches, cancelling, deliveries, releases, slots
from newsletter.store.tables import batch, delivery


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(preparing, "CHUNK", 7)
    monkeypatch.setattr(preparing, "SERVER_CHUNK", 7)


def names(count):
    return [f"reader{number:02}" for number in range(count)]


def sizes(newsletter):
    """Return how many deliveries each batch has, in the order of their calls."""
    rows = newsletter.rows(
        select(batch.c.seq, delivery.c.subscriber_id).join(delivery, delivery.c.batch_id == batch.c.id)
    )
    counted = Counter(seq for seq, _ in rows)
    return [counted[seq] for seq in sorted(counted)]


def people_of(newsletter):
    return sorted(id_ for (id_,) in newsletter.rows(select(delivery.c.subscriber_id)))


@pytest.fixture
def commits(newsletter):
    """Collect of each commit whether it waits for the disk."""
    engine, found = newsletter.database._writing_engine, []
    is_sqlite = newsletter.database.is_sqlite
    question, durable = ("PRAGMA synchronous", 2) if is_sqlite else ("SHOW synchronous_commit", "on")

    def ask(connection):
        found.append(connection.exec_driver_sql(question).scalar() == durable)

    event.listen(engine, "commit", ask)
    yield found
    event.remove(engine, "commit", ask)


def test_the_last_chunk_of_a_release_is_durable_and_with_it_all_before_it(newsletter, small_chunks, commits):
    newsletter.join(*names(23))
    newsletter.queue()
    Releasing(newsletter.database, capabilities()).tick(NOW)
    [release] = newsletter.read(releases.every)
    assert release.planned == 23
    assert commits.count(False) == (0 if newsletter.database.is_sqlite else 3)
    assert commits[-1]


def test_a_second_release_of_a_slot_and_instant_is_not_made(newsletter):
    newsletter.queue()
    with newsletter.database.writing() as tx:
        slot = slots.queued(tx)[0]
        assert releases.add(tx, slot.id, NOW, ReleaseState.PREPARING)
        assert releases.add(tx, slot.id, NOW, ReleaseState.PREPARING) is None
    assert len(newsletter.read(releases.every)) == 1


def test_a_slot_that_is_not_due_is_left_alone(newsletter):
    newsletter.queue()
    assert Releasing(newsletter.database, capabilities()).tick(NOW - timedelta(seconds=1)) == []
    assert newsletter.read(slots.queued)


def test_batches_are_full_but_the_last(newsletter):
    newsletter.join(*names(8))
    newsletter.queue()
    newsletter.release(batch_size=3)
    assert sizes(newsletter) == [3, 3, 2]


def test_positions_in_a_batch_count_from_zero(newsletter):
    newsletter.join(*names(5))
    newsletter.queue()
    newsletter.release(batch_size=3)
    rows = newsletter.rows(select(delivery.c.batch_id, delivery.c.pos).order_by(delivery.c.subscriber_id))
    assert [pos for _, pos in rows] == [0, 1, 2, 0, 1]
    assert len({batch_id for batch_id, _ in rows}) == 2


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 100])
def test_nobody_is_missed_and_nobody_planned_twice_over_several_chunks(newsletter, small_chunks, batch_size):
    ids = newsletter.join(*names(23))
    newsletter.queue()
    newsletter.release(batch_size)
    assert people_of(newsletter) == sorted(ids)
    assert all(size == batch_size for size in sizes(newsletter)[: 7 // batch_size])
    assert max(sizes(newsletter)) <= batch_size


def test_candidates_are_those_planned_and_those_left_out(newsletter, small_chunks):
    ids = newsletter.join(*names(20))
    newsletter.leave(ids[3])
    newsletter.leave(ids[15])
    newsletter.suppress("reader08")
    newsletter.queue()
    made = newsletter.release()
    left_out = newsletter.read(releases.excluded_of, made.id)
    assert left_out == {Verdict.UNSUBSCRIBED: 2, Verdict.SUPPRESSED: 1}
    assert (made.candidates, made.planned) == (20, 17)
    assert people_of(newsletter) == sorted(set(ids) - {ids[3], ids[15], ids[8]})


def test_a_release_for_nobody_is_settled_at_once(newsletter):
    newsletter.queue()
    assert newsletter.release().state is ReleaseState.SETTLED


def test_a_second_tick_does_nothing(newsletter):
    newsletter.join(*names(4))
    newsletter.queue()
    newsletter.release()
    assert Releasing(newsletter.database, capabilities()).tick(NOW) == []
    assert sizes(newsletter) == [3, 1]


class Killed(Exception):
    """The process ends here."""


def kill(*_):
    raise Killed


def release_until(newsletter, monkeypatch, step, killing):
    """Release what is due with a process that is killed at a step."""
    with monkeypatch.context() as patch:
        patch.setattr(releases, step, killing)
        with pytest.raises(Killed):
            newsletter.release()


def test_an_interrupted_preparation_goes_on_where_it_was(newsletter, small_chunks, monkeypatch):
    ids = newsletter.join(*names(23))
    newsletter.queue()
    progress = releases.progress

    def kill_at_the_third(tx, before, *rest):
        if before.candidates == 14:
            raise Killed
        progress(tx, before, *rest)

    release_until(newsletter, monkeypatch, "progress", kill_at_the_third)
    assert len(people_of(newsletter)) == 14
    made = newsletter.release()
    assert (made.candidates, made.planned, made.state) == (23, 23, ReleaseState.SENDING)
    assert people_of(newsletter) == sorted(ids)


def test_nothing_is_sent_before_everyone_is_prepared(newsletter, small_chunks, monkeypatch):
    newsletter.join(*names(10))
    newsletter.queue()
    release_until(newsletter, monkeypatch, "settle", kill)
    provider = ScriptedProvider()
    assert not delivering(newsletter.database, provider).step()
    assert provider.mailings == []


def test_people_who_leave_while_it_is_prepared_stand_in_one_count(newsletter, small_chunks, monkeypatch):
    ids = newsletter.join(*names(10))
    newsletter.queue()
    release_until(newsletter, monkeypatch, "settle", kill)
    newsletter.leave(ids[0])
    newsletter.leave(ids[9])
    made = newsletter.release()
    assert made.candidates == made.planned + sum(newsletter.read(releases.excluded_of, made.id).values())


def test_two_processes_that_prepare_together_plan_everyone_once(newsletter, small_chunks):
    ids = newsletter.join(*names(40))
    newsletter.queue()

    def tick(_):
        return Releasing(newsletter.database, capabilities(3)).tick(NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tick, range(4)))
    assert people_of(newsletter) == sorted(ids)
    made = newsletter.read(releases.every)[0]
    assert (made.candidates, made.planned, made.state) == (40, 40, ReleaseState.SENDING)


def test_a_slot_found_too_late_is_held_with_its_reason(newsletter):
    newsletter.join("ann")
    newsletter.queue()
    made = newsletter.release(now=NOW + timedelta(hours=6, minutes=5))
    assert (made.state, made.reason) == (ReleaseState.HELD, "its slot was found 6 h 05 min late")
    assert newsletter.read(slots.every)[0].state is SlotState.RELEASED
    assert people_of(newsletter) == []


def test_a_rehearsal_never_stands_where_the_real_send_will(newsletter):
    newsletter.join("ann")
    newsletter.queue()
    assert newsletter.release(rehearsal=True).is_rehearsal
    assert all(occasion < 0 for (occasion,) in newsletter.rows(select(delivery.c.occasion)))


def test_a_release_settles_when_every_batch_has(newsletter):
    newsletter.join(*names(4))
    newsletter.queue()
    made = newsletter.release(batch_size=3)
    sender = delivering(newsletter.database)
    sender.step()
    assert newsletter.get_release(made.id).state is ReleaseState.SENDING
    sender.step()
    assert newsletter.get_release(made.id).state is ReleaseState.SETTLED
    assert newsletter.read(deliveries.counts_of, made.id) == {BatchState.ACCEPTED: 4}


def test_a_release_with_an_unknown_batch_does_not_settle(newsletter):
    newsletter.join("ann")
    newsletter.queue()
    made = newsletter.release()
    batch_id = newsletter.rows(select(batch.c.id))[0][0]
    with newsletter.database.writing() as tx:
        batches.set_state(tx, batch_id, state=BatchState.UNKNOWN)
        assert not releases.settle(tx, made.id, NOW)


def test_what_two_end_together_is_settled_by_the_next_tick_at_the_latest(newsletter):
    newsletter.join("ann", "bob")
    newsletter.queue()
    made = newsletter.release(batch_size=1)
    first, second = (delivering(newsletter.database, owner=name) for name in ("first", "second"))
    one, other = first.next_work(), second.next_work()
    with ThreadPoolExecutor(1) as pool:
        with newsletter.database.writing() as tx:
            batches.set_state(tx, one.batch.id, state=BatchState.ACCEPTED)
            assert not releases.settle(tx, made.id, NOW)
            ended = pool.submit(second.record, other, ACCEPTED)
            # The second may or may not come this far while the first has not committed.
            wait([ended], timeout=0.2)
        ended.result()
    Releasing(newsletter.database, capabilities(1)).tick(NOW)
    assert newsletter.get_release(made.id).state is ReleaseState.SETTLED


def test_only_those_of_a_cancelled_batch_that_was_never_called_can_be_due_again(newsletter):
    newsletter.join(*names(6))
    newsletter.queue()
    made = newsletter.release(batch_size=2)
    provider = ScriptedProvider()
    assert delivering(newsletter.database, provider).step()
    with newsletter.database.writing() as tx:
        cancelling.cancel_release(tx, made.id, NOW)
        releases.change(tx, made.id, state=ReleaseState.CANCELLED)
        assert deliveries.free_cancelled(tx, newsletter.issues["lower-back"]) == 4
    assert len(people_of(newsletter)) == 2
    assert newsletter.read(deliveries.counts_of, made.id) == {"accepted": 2}
