from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from newsletter.domain.clock import PlayedClock
from newsletter.errors import SchemaError
from newsletter.storage import Storage
from newsletter.store import schema, upgrading
from newsletter.store.database import Database
from newsletter.store.tables import metadata

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def set_version(database, version):
    with database.writing() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def tables_of(database):
    with database.reading() as tx:
        return set(inspect(tx).get_table_names())


def test_a_new_database_gets_its_tables_and_its_identity(empty_database):
    made = schema.prepare(empty_database, NOW)
    assert len(made.salt) == 16
    assert tables_of(empty_database) == {*metadata.tables, "alembic_version"}


def test_a_database_keeps_its_identity(empty_database):
    assert schema.prepare(empty_database, NOW) == schema.prepare(empty_database, NOW)


def test_two_databases_have_different_salts(database, tmp_path):
    with closing(Database(f"sqlite:///{tmp_path}/other.db")) as other:
        assert schema.prepare(database, NOW).salt != schema.prepare(other, NOW).salt


def test_processes_that_come_first_together_make_it_once(database_url):
    def prepare(_):
        with closing(Database(database_url)) as one:
            return schema.prepare(one, NOW)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(prepare, range(4)))) == 1


@pytest.mark.parametrize(
    ("version", "said"), [("0000", "has the older schema 0000"), ("9999", "made by a newer newsletter")]
)
def test_a_database_of_another_version_is_refused_in_one_sentence(database, version, said):
    set_version(database, version)
    with pytest.raises(SchemaError, match=said) as caught:
        schema.prepare(database, NOW)
    assert "\n" not in str(caught.value)
    assert caught.value.mend


def test_a_refused_database_is_not_changed(database):
    set_version(database, "0000")
    before = tables_of(database)
    with pytest.raises(SchemaError):
        schema.prepare(database, NOW)
    assert tables_of(database) == before


def test_a_database_of_something_else_is_refused(empty_database):
    with empty_database.writing() as tx:
        tx.execute(text("CREATE TABLE orders (id INTEGER)"))
    with pytest.raises(SchemaError, match="is not a database of newsletter"):
        schema.prepare(empty_database, NOW)
    assert tables_of(empty_database) == {"orders"}


def test_migrations_make_the_tables_that_the_code_describes(empty_database):
    assert upgrading.upgrade(empty_database, NOW) == (None, schema.HEAD)
    with empty_database.reading() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_migrated_database_is_ready_for_use(empty_database):
    upgrading.upgrade(empty_database, NOW)
    assert schema.prepare(empty_database, NOW).id


def test_upgrading_twice_changes_nothing(database):
    before = schema.prepare(database, NOW)
    assert upgrading.upgrade(database, NOW) == (schema.HEAD, schema.HEAD)
    assert schema.prepare(database, NOW) == before


def test_a_newer_database_is_not_upgraded(database):
    set_version(database, "9999")
    with pytest.raises(SchemaError, match="newer"):
        upgrading.upgrade(database, NOW)


def test_the_head_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_whether_there_is_a_database_is_told_without_making_one(database_url, tmp_path):
    storage = Storage(tmp_path, database_url, PlayedClock(NOW))
    with closing(storage.closed_database) as database:
        assert not storage.is_ready
        assert database.file is None or not database.file.exists()
        assert tables_of(database) == set()
        schema.prepare(database, NOW)
        assert storage.is_ready
        set_version(database, "0001")
        assert not storage.is_ready
