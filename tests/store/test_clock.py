from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.errors import StoreError
from newsletter.store.clock import EVERY, ServerClock
from newsletter.store.database import Database


class Machine:
    """A machine whose clock is wrong by years, and whose seconds are counted by hand."""

    seconds = 100.0

    def now(self):
        return datetime(2001, 1, 1, tzinfo=UTC)

    def elapsed(self):
        return self.seconds


@pytest.fixture
def server(postgres):
    with postgres.database() as url, closing(Database(url)) as database:
        yield database


def test_the_instant_is_the_servers_whatever_the_machine_says(server):
    told = ServerClock(server, Machine()).now()
    assert abs(told - datetime.now(UTC)) < timedelta(minutes=1)
    assert told.tzinfo is UTC


def test_between_two_questions_the_machines_seconds_count(server):
    machine = Machine()
    clock = ServerClock(server, machine)
    first = clock.now()
    machine.seconds += EVERY - 1
    assert clock.now() - first == timedelta(seconds=EVERY - 1)


def test_after_a_minute_the_server_is_asked_again(server):
    machine = Machine()
    clock = ServerClock(server, machine)
    first = clock.now()
    # A machine that slept counts seconds that never were.
    machine.seconds += 1_000_000
    assert clock.now() - first < timedelta(minutes=1)


def test_while_the_server_is_away_its_time_goes_on(server, monkeypatch):
    machine = Machine()
    clock = ServerClock(server, machine)
    first = clock.now()

    def refuse():
        raise StoreError("away")

    monkeypatch.setattr(server, "reading", refuse)
    machine.seconds += 2 * EVERY
    assert clock.now() - first == timedelta(seconds=2 * EVERY)


def test_a_server_that_was_never_heard_of_has_no_time():
    with closing(Database("postgresql://postgres@127.0.0.1:9/nothing")) as nowhere:
        with pytest.raises(StoreError):
            ServerClock(nowhere, Machine()).now()
