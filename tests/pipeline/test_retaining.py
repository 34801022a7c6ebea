"""Once a day what is too old goes, in short transactions, by whichever process comes first."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

from newsletter.domain.clock import PlayedClock
from newsletter.domain.event import EventKind
from newsletter.domain.retention import Records, Retention
from newsletter.pipeline import retaining
from newsletter.pipeline.retaining import Retaining
from newsletter.store import rounds
from newsletter.store.tables import provider_event

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)


class Busy(PlayedClock):
    """A clock by which every look at it takes a quarter of a second."""

    def elapsed(self):
        self._elapsed += 0.25
        return self._elapsed


def fill(database, number, age=100 * DAY, name="e"):
    rows = [
        {"provider": "p", "event_id": f"{name}{n}", "kind": EventKind.DELIVERED, "received_at": NOW - age}
        for n in range(number)
    ]
    with database.writing() as tx:
        tx.execute(insert(provider_event), rows)


def left(database):
    with database.reading() as tx:
        return tx.execute(select(func.count()).select_from(provider_event)).scalar()


def of_events(database):
    with database.reading() as tx:
        return next(one for one in rounds.every(tx) if one.records is Records.EVENTS)


def process(database, clock=None):
    return Retaining(database, clock or PlayedClock(NOW), Retention())


def test_what_is_old_goes_once_a_day_whoever_comes_first(database):
    fill(database, 3)
    ended = process(database).tick(NOW)
    assert {one.records for one in ended} == set(Records)
    assert left(database) == 0
    fill(database, 2, name="later")
    assert process(database).tick(NOW + DAY - timedelta(seconds=1)) == []
    assert left(database) == 2
    process(database).tick(NOW + DAY)
    assert left(database) == 0


def test_it_is_said_what_was_removed(database, capsys):
    fill(database, 3)
    process(database).tick(NOW)
    assert "removed what is too old" in (said := capsys.readouterr().out)
    assert "delivered=3" in said.replace("\x1b[0m", "").replace("\x1b[36m", "").replace("\x1b[35m", "")
    assert of_events(database).removed == {"delivered": 3}
    process(database).tick(NOW + DAY)
    assert of_events(database).removed == {}
    assert "removed" not in capsys.readouterr().out


def test_a_tick_cleans_for_a_moment_and_the_next_goes_on(database, monkeypatch):
    monkeypatch.setattr(retaining, "CHUNK", 10)
    fill(database, 95)
    one = process(database, Busy(NOW))
    steps = []
    while left(database):
        one.tick(NOW)
        steps.append(left(database))
    # Two chunks fit into the moment that a tick has for it.
    assert steps == [75, 55, 35, 15, 0]
    assert of_events(database).removed == {"delivered": 95}


def test_another_process_goes_on_where_one_was_killed(database, monkeypatch):
    monkeypatch.setattr(retaining, "CHUNK", 10)
    fill(database, 45)
    with database.writing() as tx:
        # It had taken the round, and was killed.
        assert rounds.take(tx, Records.EVENTS, NOW, NOW + timedelta(minutes=1))
    process(database).tick(NOW)
    assert left(database) == 45
    process(database).tick(NOW + timedelta(minutes=1))
    assert left(database) == 0
    assert of_events(database).removed == {"delivered": 45}


def test_two_processes_share_a_round(database, monkeypatch):
    monkeypatch.setattr(retaining, "CHUNK", 10)
    fill(database, 95)
    two = [process(database, Busy(NOW)) for _ in range(2)]
    ticks = 0
    while of_events_ended(database) is None:
        two[ticks % 2].tick(NOW)
        ticks += 1
    assert (left(database), ticks) == (0, 5)
    assert of_events(database).removed == {"delivered": 95}
    # What the first remembers of that round means nothing to the next.
    fill(database, 15, name="a")
    for _ in range(3):
        two[0].tick(NOW + DAY)
    assert left(database) == 0


def of_events_ended(database):
    with database.reading() as tx:
        found = [one for one in rounds.every(tx) if one.records is Records.EVENTS]
    return found[0].ended_at if found else None


@pytest.mark.parametrize("kind", list(EventKind))
def test_nothing_goes_that_is_kept_for_ever(database, kind):
    with database.writing() as tx:
        row = {"provider": "p", "event_id": "e", "kind": kind, "received_at": NOW - 9_000 * DAY}
        tx.execute(insert(provider_event), row)
    Retaining(database, PlayedClock(NOW), Retention({kind: None})).tick(NOW)
    assert left(database) == 1
