import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from store_cast import NOW

from newsletter.errors import ConfigError, Refused, StoreError
from newsletter.store import opening, schema
from newsletter.store.database import Database
from newsletter.store.sender_lock import sender_lock

HOLD = """
import sys
from pathlib import Path
from newsletter.store.sender_lock import sender_lock
with sender_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def refusal(database):
    """Return the sentence with which a database refuses to be used."""
    with closing(database), pytest.raises(StoreError) as caught:
        schema.prepare(database, NOW)
    said = str(caught.value)
    assert "\n" not in said
    return said


def sqlite_at(path: Path) -> Database:
    return Database(f"sqlite:///{path}")


def test_a_file_that_is_no_database_is_refused(tmp_path):
    file = tmp_path / "notes.db"
    file.write_text("Dear diary, " * 500)
    said = refusal(sqlite_at(file))
    assert "notes.db: file is not a database" in said
    assert "check [database] url in newsletter.toml" in said
    assert file.read_text().startswith("Dear diary")


def test_a_missing_folder_is_named(tmp_path):
    said = refusal(sqlite_at(tmp_path / "nowhere" / "newsletter.db"))
    assert "unable to open database file" in said
    assert "check that its folder exists" in said


def test_a_locked_database_is_waited_for_and_then_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_MS", 50)
    file = tmp_path / "newsletter.db"
    with closing(sqlite_at(file)) as made:
        schema.prepare(made, NOW)
    with closing(sqlite3.connect(file, isolation_level=None)) as other, closing(sqlite_at(file)) as database:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked; another program is writing") as caught:
            write(database)
        assert "\n" not in str(caught.value)


def write(database):
    with database.writing() as tx:
        tx.execute(text("UPDATE series SET slug = 'x'"))


@pytest.fixture
def closed_folder():
    """Give a folder with a database in which this process may not write, not even as root."""
    # pytest's own folders are closed to everybody else.
    folder = Path(tempfile.mkdtemp(prefix="newsletter-closed-"))
    with closing(sqlite_at(folder / "newsletter.db")) as made:
        schema.prepare(made, NOW)
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_may_not_be_written_is_refused(closed_folder):
    with closing(sqlite_at(closed_folder / "newsletter.db")) as database:
        with pytest.raises(StoreError, match="may be written") as caught:
            write(database)
        assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_refused():
    said = refusal(Database("postgresql://ann:secret@127.0.0.1:1/newsletter"))
    assert "Connection refused" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "url",
    ["postgresql://ann:s3cret@127.0.0.1/letter", "postgresql://ann@127.0.0.1/letter?password=s3cret"],
)
def test_a_password_is_used_and_never_shown(url):
    with closing(Database(url)) as database:
        assert database.url.password == "s3cret"
        assert "s3cret" not in database.name


@pytest.mark.parametrize(
    "url", ["postgresql://ann:s3:cret@h:port/letter", "post gres://h/letter?user=ann&password=s3:cret"]
)
def test_the_password_of_a_url_that_cannot_be_read_is_not_shown(url):
    with pytest.raises(ConfigError) as refused:
        Database(url)
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize("url", ["mysql://localhost/x", "newsletter.db", "", "oracle://x"])
def test_another_kind_of_database_is_refused(url):
    with pytest.raises(ConfigError) as caught:
        Database(url)
    assert "sqlite:///newsletter.db" in str(caught.value)


def test_a_missing_driver_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"pip install 'newsletter-series\[postgres\]'"):
        Database("postgresql://127.0.0.1/newsletter")


@pytest.mark.parametrize("statement", ["SELECT * FROM series", "CREATE TABLE x (id INTEGER)"])
def test_a_user_without_rights_is_told_so(prepared_url, statement):
    with closing(Database(prepared_url)) as owner, owner.writing() as tx:
        tx.execute(text("DROP ROLE IF EXISTS guest"))
        tx.execute(text("CREATE ROLE guest LOGIN"))
    with closing(Database(prepared_url.replace("postgres@", "guest@"))) as database:
        with pytest.raises(StoreError, match="permission denied") as caught, database.writing() as tx:
            tx.execute(text(statement))
        assert "\n" not in str(caught.value)


def test_a_path_is_relative_to_the_letter(tmp_path):
    with closing(Database("sqlite:///newsletter.db", folder=tmp_path)) as database:
        assert database.file == tmp_path / "newsletter.db"


def test_a_statement_of_ours_that_is_wrong_is_a_bug_and_not_wrapped(database):
    with pytest.raises(Exception, match="nonsense") as caught, database.reading() as tx:
        tx.execute(text("SELECT nonsense FROM series"))
    assert not isinstance(caught.value, StoreError)


def test_reading_sees_one_moment(database_url):
    with closing(Database(database_url)) as ours, closing(Database(database_url)) as theirs:
        schema.prepare(ours, NOW)
        with ours.reading() as tx:
            before = tx.execute(text("SELECT count(*) FROM deployment")).scalar()
            with theirs.writing() as other:
                other.execute(text("DELETE FROM deployment"))
            assert tx.execute(text("SELECT count(*) FROM deployment")).scalar() == before == 1


def test_sqlite_forgets_nothing_at_a_power_cut(tmp_path):
    with closing(sqlite_at(tmp_path / "newsletter.db")) as database, database.reading() as tx:
        assert tx.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert tx.execute(text("PRAGMA synchronous")).scalar() == 2
        assert tx.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_copy_has_everything_and_is_a_database_of_its_own(tmp_path):
    with closing(sqlite_at(tmp_path / "newsletter.db")) as database:
        made = schema.prepare(database, NOW)
        database.copy_to(tmp_path / "copy.db")
    with closing(sqlite_at(tmp_path / "copy.db")) as copy:
        assert schema.prepare(copy, NOW) == made


def test_a_database_in_memory_keeps_its_tables():
    with closing(Database("sqlite://")) as database:
        assert schema.prepare(database, NOW) == schema.prepare(database, NOW)


def test_one_process_at_a_time_sends_from_a_file(tmp_path):
    file = tmp_path / "newsletter.db"
    with (
        sender_lock(file),
        pytest.raises(Refused, match="another `newsletter run` is sending"),
        sender_lock(file),
    ):
        pass
    with sender_lock(file):
        assert True, "free again"


@pytest.mark.process
def test_the_lock_of_a_killed_sender_is_free(tmp_path):
    file = tmp_path / "newsletter.db"
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Refused), sender_lock(file):
            pass
        other.kill()
        other.wait()
    with sender_lock(file):
        assert True, "free again"


def test_a_lock_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(StoreError, match="cannot write"), sender_lock(tmp_path / "nowhere" / "newsletter.db"):
        pass


def test_a_database_without_a_file_needs_no_lock():
    with sender_lock(None), sender_lock(None):
        assert True, "nothing to hold"


def test_a_server_that_goes_without_a_word_is_noticed_within_half_a_minute(prepared_url):
    with closing(Database(prepared_url)) as database, database.reading() as tx:
        said = tx.connection.driver_connection.info.get_parameters()
    assert said["tcp_user_timeout"] == "30000"
    assert int(said["keepalives_idle"]) + 3 * int(said["keepalives_interval"]) == 30
    assert said["connect_timeout"] == "10"


def test_the_url_of_a_server_may_be_more_patient(prepared_url):
    with closing(Database(f"{prepared_url}?connect_timeout=77")) as database, database.reading() as tx:
        assert tx.connection.driver_connection.info.get_parameters()["connect_timeout"] == "77"
