"""A provider whose log can be searched: an unknown outcome is looked up before anything is sent again."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select
from store_cast import ACCEPTED, NOW, UNKNOWN, ScriptedProvider, capabilities, delivering

from newsletter.domain.delivery import BatchState
from newsletter.domain.provider import Recovery, Sightings
from newsletter.domain.release import ReleaseState
from newsletter.store.tables import batch, delivery

SEARCHABLE = capabilities(recovery=Recovery.QUERY, is_atomic=False)
ATOMIC = capabilities(recovery=Recovery.QUERY)


def in_doubt(newsletter, clock, *sightings, able=SEARCHABLE):
    provider = ScriptedProvider([UNKNOWN], able, sightings=list(sightings))
    return provider, delivering(newsletter.database, provider, clock)


def play(sender, clock, span=timedelta(days=1)):
    """Do what becomes due by itself."""
    end = clock.now() + span
    while True:
        while sender.step():
            pass
        ready = sender.ready_at(clock.now())
        if ready is None or ready > end:
            return
        clock.advance_to(ready)


def states(newsletter):
    return [state for (state,) in newsletter.rows(select(delivery.c.state).order_by(delivery.c.pos))]


def test_the_log_is_not_asked_before_it_can_be_trusted(trio, clock):
    provider, sender = in_doubt(trio, clock)
    play(sender, clock, SEARCHABLE.settles_after - timedelta(seconds=1))
    assert provider.inquiries == []


def test_whom_the_log_shows_was_accepted_and_nobody_is_called_again(trio, clock):
    provider, sender = in_doubt(trio, clock, Sightings({0: "a", 1: "b", 2: "c"}))
    play(sender, clock)
    assert len(provider.mailings) == 1
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED
    ids = trio.rows(select(delivery.c.provider_message_id).order_by(delivery.c.pos))
    assert ids == [("a",), ("b",), ("c",)]


def test_whom_two_looks_do_not_find_is_sent_again_under_another_key(trio, clock):
    provider, sender = in_doubt(trio, clock, Sightings(), Sightings({1: "b"}))
    play(sender, clock)
    first, second = provider.mailings
    assert first.key != second.key
    assert [one.pos for one in second.recipients] == [0, 2]
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED


def test_one_who_is_found_settles_an_atomic_call(trio, clock):
    provider, sender = in_doubt(trio, clock, Sightings({1: "b"}), able=ATOMIC)
    play(sender, clock)
    assert len(provider.mailings) == 1
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED


def test_a_search_that_fails_is_tried_again_until_the_log_forgets_and_then_a_person_is_asked(trio, clock):
    provider, sender = in_doubt(trio, clock, able=replace(SEARCHABLE, look_interval=timedelta(hours=3)))
    play(sender, clock, timedelta(days=9))
    assert len(provider.mailings) == 1
    assert len(provider.inquiries) > 10
    ((state, next_at),) = trio.rows(select(batch.c.state, batch.c.next_at))
    assert (state, next_at) == (BatchState.UNKNOWN, None)


def test_who_left_meanwhile_is_asked_for_and_not_sent_again(trio, clock):
    provider, sender = in_doubt(trio, clock, Sightings(), Sightings())
    sender.step()
    trio.leave(trio.people["bob"])
    play(sender, clock)
    assert [len(one.recipients) for one in provider.inquiries] == [3, 3]
    assert [one.pos for one in provider.mailings[-1].recipients] == [0, 2]
    assert states(trio) == ["planned", "suppressed", "planned"]


def test_an_answer_that_comes_after_all_stands_beside_the_search(trio, clock):
    provider, sender = in_doubt(trio, clock, Sightings(), Sightings())
    late = sender.next_work()
    clock.advance_to(NOW + timedelta(hours=1))
    look = sender.next_work()
    sender.record(late, ACCEPTED)
    sender.record_look(look, Sightings())
    play(sender, clock)
    assert len(provider.mailings) == 0
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED


def test_two_do_not_search_for_the_same_batch_at_once(trio, clock):
    _, sender = in_doubt(trio, clock)
    sender.step()
    clock.advance_to(NOW + SEARCHABLE.settles_after)
    assert sender.next_work() is not None
    assert sender.next_work() is None


def test_a_searcher_that_lost_its_lease_starts_no_generation(trio, clock):
    provider, sender = in_doubt(trio, clock)
    sender.step()
    clock.advance_to(NOW + timedelta(hours=1))
    slow = sender.next_work()
    sender.record_look(slow, Sightings())
    clock.advance_to(NOW + timedelta(hours=2))
    old = sender.next_work()
    clock.advance_to(NOW + timedelta(hours=3))
    new = sender.next_work()
    sender.record_look(old, Sightings())
    assert provider.mailings[1:] == []
    ((generation,),) = trio.rows(select(batch.c.generation))
    assert generation == 0
    sender.record_look(new, Sightings())
    ((generation,),) = trio.rows(select(batch.c.generation))
    assert generation == 1
