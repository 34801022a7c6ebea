import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from newsletter.domain.pace import Account, Lane, Limits, Wait, admit
from newsletter.store import accounts
from newsletter.store.database import Database
from newsletter.store.tables import provider_state

NOW = datetime(2026, 12, 1, 9, 0, 0, 123456, tzinfo=UTC)
FULL = Account(
    bulk_at=NOW,
    priority_at=NOW + timedelta(microseconds=1),
    slowdown=1.0 / 3,
    day=date(2026, 12, 1),
    used=49_999,
    warm_since=date(2026, 11, 1),
    blocked_until=NOW + timedelta(days=1),
    blocked_reason="HTTP 429: “slow down”",
    blocked_since=NOW - timedelta(days=1),
    failures=3,
)
FIVE = Limits(calls_per_second=5)


def take(database, limits, read=accounts.get_locked):
    """Take a token as a claim does: read, decide, write, in one transaction."""
    with database.writing() as tx:
        account = read(tx, "resend")
        admitted = admit(account, limits, lane=Lane.BULK, recipients=1, now=NOW, probe=timedelta())
        if not isinstance(admitted, Wait):
            accounts.put(tx, "resend", admitted)
    return not isinstance(admitted, Wait)


def all_at_once(database, limits, workers=8):
    """Let workers, each with a connection of its own, take a token at the same instant; count who got one."""
    barrier = threading.Barrier(workers)

    def work(_):
        with closing(Database(database.url.render_as_string(hide_password=False))) as ours:
            with ours.reading() as tx:
                accounts.get(tx, "resend")
            barrier.wait(timeout=10)
            return take(ours, limits)

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(work, range(workers)))


def test_an_account_that_was_never_used_is_new_and_leaves_no_row(database):
    with database.reading() as tx:
        assert accounts.get(tx, "resend") == Account()
        assert tx.execute(select(func.count()).select_from(provider_state)).scalar() == 0


def test_an_account_comes_back_as_it_was_written(database):
    assert all(getattr(FULL, one.name) != one.default for one in fields(Account))
    with database.writing() as tx:
        assert accounts.get_locked(tx, "resend") == Account()
        accounts.put(tx, "resend", FULL)
    with database.writing() as tx:
        assert accounts.get(tx, "resend") == accounts.get_locked(tx, "resend") == FULL
        assert accounts.get(tx, "mailgun") == accounts.get_locked(tx, "mailgun") == Account()
        accounts.put(tx, "mailgun", Account(used=1))
    with database.reading() as tx:
        assert accounts.get(tx, "resend") == FULL


def test_an_account_can_be_cleared_again(database):
    for account in (FULL, Account()):
        with database.writing() as tx:
            accounts.get_locked(tx, "resend")
            accounts.put(tx, "resend", account)
    with database.reading() as tx:
        assert accounts.get(tx, "resend") == Account()


@pytest.mark.parametrize("is_new", [True, False])
def test_one_token_goes_to_one_of_many_workers(database, is_new):
    if not is_new:
        with database.writing() as tx:
            accounts.get_locked(tx, "resend")
    assert all_at_once(database, FIVE) == 1


def test_the_rest_of_a_quota_is_shared_by_many_workers(database):
    assert all_at_once(database, Limits(per_day=3)) == 3
    with database.reading() as tx:
        assert accounts.get(tx, "resend").used == 3


@pytest.mark.parametrize(("read", "is_taken_twice"), [(accounts.get_locked, False), (accounts.get, True)])
def test_a_second_claim_waits_until_the_first_has_written(database, read, is_taken_twice):
    """Without the lock both read the same account, and both take the same token."""
    if database.is_sqlite:
        pytest.skip("one transaction writes at a time anyway")
    with database.writing() as tx:
        accounts.get_locked(tx, "resend")
    with ThreadPoolExecutor(1) as pool:
        with database.writing() as tx:
            account = read(tx, "resend")
            second = pool.submit(take, database, FIVE, read)
            is_done, _ = wait_for([second], timeout=0.5)
            assert bool(is_done) is is_taken_twice
            accounts.put(tx, "resend", replace(account, bulk_at=NOW + timedelta(milliseconds=200)))
        assert second.result(timeout=10) is is_taken_twice
