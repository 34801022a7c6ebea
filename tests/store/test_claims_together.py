from contextlib import closing
from datetime import timedelta

from claims_cast import by_seq, later, limited, seqs
from sqlalchemy import select
from store_cast import (
    DEFERRED,
    NOW,
    UNKNOWN,
    ScriptedProvider,
    capabilities,
    delivering,
)

from newsletter.domain.account import Lane, Limits
from newsletter.domain.clock import PlayedClock
from newsletter.domain.delivery import lease_for
from newsletter.domain.provider import Recovery, Sightings
from newsletter.pipeline.claiming import ALL_LANES
from newsletter.pipeline.work import Look
from newsletter.store import accounts, batches
from newsletter.store.database import Database
from newsletter.store.tables import attempt

LEASE = lease_for(capabilities())


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
