"""The letter that is sent: one series in a database, made once per process and copied for every seed."""

import sqlite3
from contextlib import contextmanager
from datetime import date, time, timedelta
from functools import cache

from sim_plan import BEGINS, DUE, ISSUES, Plan
from sim_world import SimDatabase
from sqlalchemy import update

from newsletter.domain.cadence import Cadence
from newsletter.domain.pieces import Field
from newsletter.domain.revision import Revision
from newsletter.domain.series import Series, to_settings
from newsletter.domain.subscriber import Evidence, Subscriber, address_hash
from newsletter.domain.tokens import Key, TokenKeys
from newsletter.domain.unknown import Policy
from newsletter.errors import Place
from newsletter.store import revisions, schema, series, slots, subscribers
from newsletter.store.tables import deployment

DEPLOYMENT, SALT = "5eed5eed", b"salt of the world"
KEYS = TokenKeys([Key("k1", b"s" * 32)])
SERIES, SERIES_ID = "back-pain", 1
PUBLIC_URL = "https://news.example.org"
_DAYS = (date(2026, 10, 24), date(2026, 10, 25), date(2026, 10, 26))
_AGREED = Evidence(BEGINS - timedelta(days=30), "form", "Yes, send me the series.")


@cache
def the_database() -> SimDatabase:
    """Return the one database of this process: its compiled statements serve every seed."""
    return SimDatabase("sqlite:///:memory:")


def fill(database: SimDatabase, plan: Plan) -> None:
    """Make the database anew, as it is before the first slot of a plan."""
    database.world = database.on_commit = None
    put(database, _template(plan.people, plan.issues, plan.policy))


def dump(database: SimDatabase) -> bytes:
    """Copy the whole database."""
    with _driver(database) as connection:
        return connection.serialize()


def put(database: SimDatabase, content: bytes) -> None:
    """Replace the whole database."""
    with _driver(database) as connection:
        source = sqlite3.connect(":memory:")
        source.deserialize(content)
        source.backup(connection)
        source.close()


def person(number: int) -> Subscriber:
    return Subscriber(f"reader{number}@example.org", f"Reader {number}")


def hash_of(address: str) -> str:
    return address_hash(address, SALT)


@contextmanager
def _driver(database: SimDatabase):
    connection = database._engine.raw_connection()
    try:
        yield connection.driver_connection
    finally:
        connection.close()


@cache
def _template(people: int, issues: int, policy: Policy) -> bytes:
    database = SimDatabase("sqlite:///:memory:")
    try:
        schema.prepare(database, BEGINS)
        _write(database, people, issues, policy)
        return dump(database)
    finally:
        database.close()


def _write(database: SimDatabase, people: int, issues: int, policy: Policy) -> None:
    of = Series(
        slug=SERIES,
        title="Back pain",
        sender="Back Care <weekly@news.example.org>",
        reply_to="editors@news.example.org",
        cadence=Cadence(5, time(9), "Europe/London", _DAYS[0]),
        hold_if_late_by=timedelta(hours=6),
        issues=(),
        leave_out=(),
        place=Place("content/series/back-pain.toml"),
        if_unknown=policy,
    )
    assert tuple(of.cadence.due_at(day) for day in _DAYS) == DUE
    with database.writing() as tx:
        tx.execute(update(deployment).values(id=DEPLOYMENT, salt=SALT))
        assert series.apply(tx, SERIES, to_settings(of), "h" * 64) == SERIES_ID
        for number in range(issues):
            issue_id = series.add_issue(tx, SERIES_ID, ISSUES[number], number + 1)
            revision = _revision(of, ISSUES[number])
            revisions.add(tx, issue_id, revision)
            series.change_issue(tx, issue_id, approved_revision=revision.hash)
            slots.add(tx, SERIES_ID, issue_id, _DAYS[number], revision.hash, "2026a")
        for number in range(1, people + 1):
            one = person(number)
            (id_,) = subscribers.add_people(tx, {hash_of(one.address): one}).values()
            assert id_ == number
        subscribers.subscribe(tx, SERIES_ID, list(range(1, people + 1)), _AGREED)


def _revision(of: Series, issue: str) -> Revision:
    return Revision(
        source_hash="s" * 64,
        sender=of.sender,
        reply_to=of.reply_to,
        subject=(f"Issue {issue}",),
        preheader="What helps.",
        html=("<p>Hello ", Field("name", "there"), "</p>"),
        text=("Hello ", Field("name", "there")),
        links=(),
    )
