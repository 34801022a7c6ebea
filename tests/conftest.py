"""The databases that tests run on: every test of the store runs on both."""

import os
from contextlib import ExitStack, closing
from datetime import UTC, datetime

import postgres_server
import pytest
import shared_renderings
import shared_statements
from hypothesis import HealthCheck, settings
from sqlalchemy import text

from newsletter.store import schema
from newsletter.store.database import Database
from newsletter.store.tables import metadata

# The suite tries the same texts every time, so that it fails for a change alone; `make fuzz` tries others.
# A busy machine is slow to invent them, which says nothing of the code.
_PATIENT = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.register_profile("suite", _PATIENT, derandomize=True, database=None)
settings.register_profile("fuzz", _PATIENT, print_blob=True)
settings.load_profile("suite")
shared_statements.share()
shared_renderings.share()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start three workers for two cores: many tests wait, for a browser, a process or a server."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits longest, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("process") is None)


MADE_AT = datetime(2026, 11, 1, tzinfo=UTC)
KINDS = ("sqlite", "postgres")


@pytest.fixture(scope="session")
def postgres():
    """Give a PostgreSQL server for all tests of the session."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server.running())
        except postgres_server.Unavailable as reason:
            pytest.skip(f"no PostgreSQL: {reason}")
        yield server


@pytest.fixture(scope="session")
def prepared_url(postgres):
    """Give the URL of a PostgreSQL database with our tables, which tests take turns to use."""
    with postgres.database() as url:
        with closing(Database(url)) as database:
            schema.prepare(database, MADE_AT)
        yield url


@pytest.fixture(params=KINDS)
def database_url(request, tmp_path):
    """Give the URL of a database that does not exist yet, or is empty."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/newsletter.db"
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


@pytest.fixture
def empty_database(database_url):
    """Give a database without tables."""
    with closing(Database(database_url)) as database:
        yield database


@pytest.fixture(params=KINDS)
def database(request, tmp_path):
    """Give a database with the tables of the newsletter and nothing in them."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/newsletter.db" if is_sqlite else request.getfixturevalue("prepared_url")
    with closing(Database(url)) as database:
        if is_sqlite:
            schema.prepare(database, MADE_AT)
        yield database
        if not is_sqlite:
            _empty(database)


def _empty(database):
    # Most tests leave few rows, which go in a third of the time that TRUNCATE takes for its files.
    tables = [table for table in reversed(metadata.sorted_tables) if table.name != "deployment"]
    with database.writing() as tx:
        for table in tables:
            tx.execute(table.delete())
        tx.execute(text("SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"))
        tx.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": schema.HEAD})
