from datetime import UTC, datetime

import pytest
from sqlalchemy import bindparam, select, text, update
from store_cast import NOW, delivering

from newsletter.errors import StoreError
from newsletter.store.hot import Hot
from newsletter.store.tables import Instant, attempt, batch, series

ROWS = (
    select(batch.c.id, batch.c.state, batch.c.tainted, batch.c.next_at, batch.c.frozen, batch.c.key_id)
    .where(batch.c.state == "planned", batch.c.next_at <= bindparam("now", type_=Instant))
    .order_by(batch.c.seq)
)
PAUSE = update(series).values(paused_at=bindparam("at", type_=Instant))


@pytest.fixture
def released(newsletter):
    newsletter.join("ann", "bob", "cleo")
    newsletter.queue()
    newsletter.release(batch_size=1)
    return newsletter


def test_the_rows_are_those_that_the_library_reads(released):
    with released.database.reading() as tx:
        rows = Hot(ROWS).rows(tx, {"now": NOW})
        assert [tuple(row) for row in rows] == [tuple(row) for row in tx.execute(ROWS, {"now": NOW})]
        assert [row[2:4] for row in rows] == [(False, NOW)] * 3


def test_the_first_row_is_none_where_there_is_none(released):
    with released.database.reading() as tx:
        assert Hot(ROWS).first(tx, {"now": datetime(2001, 1, 1, tzinfo=UTC)}) is None


def test_a_change_counts_its_rows_and_is_read_back(released):
    with released.database.writing() as tx:
        assert Hot(PAUSE).run(tx, {"at": NOW}) == 1
    assert released.rows(select(series.c.paused_at)) == [(NOW,)]


def test_a_block_that_raises_takes_its_changes_back(released):
    with pytest.raises(ZeroDivisionError), released.database.writing() as tx:
        Hot(PAUSE).run(tx, {"at": NOW})
        _ = 1 / 0
    assert released.rows(select(series.c.paused_at)) == [(None,)]


def test_what_the_database_refuses_is_an_error_of_the_store(newsletter):
    if not newsletter.database.is_sqlite:
        pytest.skip("there the library runs it")
    with pytest.raises(StoreError, match="no_such_table"), newsletter.database.reading() as tx:
        Hot(text("SELECT * FROM no_such_table")).rows(tx, {})


def test_nothing_is_written_once_the_database_gave_the_transaction_up(released):
    if not released.database.is_sqlite:
        pytest.skip("a server says so itself")
    with pytest.raises(StoreError), released.database.writing() as tx:
        tx.connection.driver_connection.rollback()
        Hot(PAUSE).run(tx, {"at": NOW})
    assert released.rows(select(series.c.paused_at)) == [(None,)]


def test_a_value_may_stand_in_many_places(released):
    statement = select(bindparam("now", type_=Instant), bindparam("now", type_=Instant))
    with released.database.reading() as tx:
        assert tuple(Hot(statement).first(tx, {"now": NOW})) == (NOW, NOW)


def test_what_is_claimed_is_what_the_ledger_has(released):
    claim = delivering(released.database).next_work()
    rows = released.rows(select(attempt.c.batch_id, attempt.c.epoch, attempt.c.started_at))
    assert rows == [(claim.batch.id, 1, NOW)]
